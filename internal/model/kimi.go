package model

import (
	"math"
	"slices"

	"quern/internal/arch"
	"quern/internal/kernel"
)

// A kimi is the weights of Kimi's delta attention.
type kimi struct {
	r, k, v             weight // [I][E] what reads a state, keys and values …
	convR, convK, convV convolution
	decay               lowRank // … how much of each row of a state stays …
	time, rates         []float32
	beta                weight  // [H][E] … how much of what is new goes into it …
	gate                lowRank // … and what multiplies what comes out …
	norm                norm    // [D] … when it is normed, head by head
	out                 weight  // [E][I]
}

// kimiDelta is a gated delta network every row of whose states decays by itself (arXiv:2510.26692): S becomes w·S, of which the key k reads k·w·S; k·(v-k·w·S)·β is added, and q
// reads what comes out.
type kimiDelta struct{}

func (kimiDelta) slots(l *layer) []slot {
	x, s, e := &l.kimi, &l.p.State, l.p.Embd
	return slices.Concat(lowSlots(&x.decay, arch.RoleMixDecayLow, arch.RoleMixDecay, s.Ranks.Decay, s.Inner, e), lowSlots(&x.gate, arch.RoleMixGateLow, arch.RoleMixGate, s.Ranks.Gate, s.Inner, e), []slot{
		{role: arch.RoleMixR, matrix: &x.r, n: s.Inner, k: e},
		{role: arch.RoleMixK, matrix: &x.k, n: s.Inner, k: e},
		{role: arch.RoleMixV, matrix: &x.v, n: s.Inner, k: e},
		{role: arch.RoleConvR, table: &x.convR.weight, turned: true, n: s.Inner, k: s.Conv},
		{role: arch.RoleConvK, table: &x.convK.weight, turned: true, n: s.Inner, k: s.Conv},
		{role: arch.RoleConvV, table: &x.convV.weight, turned: true, n: s.Inner, k: s.Conv},
		{role: arch.RoleStateTime, vector: &x.time, n: s.Inner},
		{role: arch.RoleStateDecay, table: &x.rates, vector: &x.rates, n: s.Heads, k: 1},
		{role: arch.RoleMixRate, matrix: &x.beta, n: s.Heads, k: e},
		{role: arch.RoleStateNorm, norm: &x.norm, n: s.Size},
		{role: arch.RoleStateOut, matrix: &x.out, n: e, k: s.Inner},
	})
}

// lowSlots are the places of a matrix of low rank with n outputs of k inputs; of rank 0 it is one matrix, which is whole.
func lowSlots(w *lowRank, low, high arch.Role, rank, n, k int) []slot {
	if rank == 0 {
		return []slot{{role: high, matrix: &w.high, n: n, k: k}}
	}
	return []slot{{role: low, matrix: &w.low, n: rank, k: k}, {role: high, matrix: &w.high, n: n, k: rank}}
}

func (kimiDelta) out(l *layer) *weight { return &l.kimi.out }

func (kimiDelta) acts(l *layer) int {
	s := &l.p.State
	return 8*s.Inner + 2*s.Size + s.Heads
}

func (kimiDelta) keep(r *run, dst, h []float32, l *layer, b *batch) {
	x, s, m := &l.kimi, &l.p.State, len(b.at)
	n := s.Inner
	made, given, beta := grow(&r.state, 5*m*n), grow(&r.convolved, 3*m*n), grow(&r.gates, m*s.Heads)
	decay, gate := made[3*m*n:4*m*n], made[4*m*n:]
	r.apply(h, m, product{made[:m*n], &x.r}, product{made[m*n : 2*m*n], &x.k}, product{made[2*m*n : 3*m*n], &x.v}, product{beta, &x.beta})
	before := r.hold(h, made, beta)
	r.lowRank(decay, h, &x.decay, m, nil)
	r.lowRank(gate, h, &x.gate, m, nil)
	r.release(before)
	for i, c := range []*convolution{&x.convR, &x.convK, &x.convV} {
		r.convolve(given[i*m*n:][:m*n], made[i*m*n:], n, n, c, b)
	}
	q, k, v := given[:m*n], given[m*n:2*m*n], given[2*m*n:]
	r.eachRow(m, func(w *worker, row int) {
		for _, part := range [][]float32{q, k, v} {
			w.silu(part[row*n:][:n])
		}
		r.unit(q[row*n:][:n], s.Size, float32(1/math.Sqrt(float64(s.Size))))
		r.unit(k[row*n:][:n], s.Size, 1)
		for i, f := range decay[row*n:][:n] {
			decay[row*n+i] = kernel.Exp(forget(s, x.rates[i/s.Size], f+x.time[i]))
		}
		sigmoidAll(beta[row*s.Heads:][:s.Heads])
	})
	r.rectify(dst, q, k, v, decay, beta, s, b)
	r.eachRow(m, func(_ *worker, row int) {
		y := dst[row*n:][:n]
		for at := 0; at < n; at += s.Size {
			r.normed(y[at:][:s.Size], y[at:][:s.Size], x.norm.weight, nil)
		}
	})
	r.gateBy(dst[:m*n], gate, m)
}

// forget is the logarithm of what stays of a row: a softplus times a rate that is negative, or a part of the least that may stay; of that some files hold rates without their sign.
func forget(s *arch.State, rate, x float32) float32 {
	if s.Floor == 0 {
		return rate * softplus(x)
	}
	return s.Floor * sigmoid(abs(rate)*x)
}

// rectify takes every head's state [D][D] through each sequence.
func (r *run) rectify(dst, q, k, v, decay, beta []float32, s *arch.State, b *batch) {
	const lanes = kernel.Lanes
	d, wide := s.Size, s.Inner
	r.eachColumns(b, s.Heads, d, d, func(w *worker, c *columns) {
		key := grow(&w.rows, d)
		var read, change [lanes]float32
		for row := c.first(); row < c.end(); row++ {
			at := row*wide + c.head*d
			for i, f := range decay[at:][:d] {
				key[i] = k[at+i] * f
			}
			kernel.MatMulF32(read[:], lanes, key, d, c.state, lanes, 1, d, false)
			for i, want := range v[at+c.from:][:c.n] {
				change[i] = (want - read[i]) * beta[row*s.Heads+c.head]
			}
			kernel.ScanRows(read[:], c.state, change[:], k[at:][:d], q[at:], decay[at:])
			copy(dst[at+c.from:][:c.n], read[:])
		}
	})
}

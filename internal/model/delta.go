package model

import (
	"math"

	"quern/internal/arch"
	"quern/internal/kernel"
)

// A delta is the weights of a gated delta network.
type delta struct {
	in   weight // [2·G·D+I][E]: queries, keys and values …
	conv convolution
	gate weight // [I][E]: what multiplies what is read …
	norm norm   // [V] … and normed, head by head

	beta, alpha weight // [H][E]; or nothing, and …
	both        weight // [2·H][E] … for each head of keys the first of those that share it, then the second of these
	time, decay []float32

	out weight // [E][I]
}

type deltaNet struct{}

func (deltaNet) slots(l *layer) []slot {
	d, s, e := &l.delta, &l.p.State, l.p.Embd
	all := s.Wide()
	return []slot{
		{role: arch.RoleStateIn, matrix: &d.in, n: all, k: e},
		{role: arch.RoleStateConv, table: &d.conv.weight, turned: true, n: all, k: s.Conv},
		{role: arch.RoleStateGate, matrix: &d.gate, n: s.Inner, k: e},
		{role: arch.RoleStateNorm, norm: &d.norm, n: s.Value()},
		{role: arch.RoleStateBeta, matrix: &d.beta, n: s.Heads, k: e, may: true},
		{role: arch.RoleStateAlpha, matrix: &d.alpha, n: s.Heads, k: e, may: true},
		{role: arch.RoleStateBoth, matrix: &d.both, n: 2 * s.Heads, k: e, may: true},
		{role: arch.RoleStateTime, vector: &d.time, n: s.Heads},
		{role: arch.RoleStateDecay, vector: &d.decay, n: s.Heads},
		{role: arch.RoleStateOut, matrix: &d.out, n: e, k: s.Inner},
	}
}

func (deltaNet) out(l *layer) *weight { return &l.delta.out }

func (deltaNet) acts(l *layer) int {
	s := &l.p.State
	return 2*(s.Wide()) + s.Inner + 4*s.Heads
}

func (deltaNet) keep(r *run, dst, h []float32, l *layer, b *batch) {
	d, s, m := &l.delta, &l.p.State, len(b.at)
	made, given := grow(&r.state, m*d.in.n), grow(&r.convolved, m*d.in.n)
	gate, rates := grow(&r.gates, m*s.Inner), grow(&r.rates, 4*m*s.Heads)
	steps, told := rates[:2*m*s.Heads], rates[2*m*s.Heads:]
	products := []product{{made, &d.in}, {gate, &d.gate}}
	if d.both.t != nil {
		products = append(products, product{told, &d.both})
	} else {
		products = append(products, product{told[:m*s.Heads], &d.beta}, product{told[m*s.Heads:], &d.alpha})
	}
	r.apply(h, m, products...)
	r.convolve(given, made, d.in.n, d.in.n, &d.conv, b)
	r.eachRow(m, func(w *worker, row int) {
		x := given[row*d.in.n:][:d.in.n]
		w.silu(x)
		r.unit(x[:s.Groups*s.Size], s.Size, float32(1/math.Sqrt(float64(s.Size))))
		r.unit(x[s.Groups*s.Size:2*s.Groups*s.Size], s.Size, 1)
		for i := range s.Heads {
			beta, alpha := d.told(told, s, row, i, m)
			steps[row*s.Heads+i] = 1 / (1 + kernel.Exp(-beta))
			steps[(m+row)*s.Heads+i] = kernel.Exp(float32(d.decay[i] * softplus(alpha+d.time[i])))
		}
	})
	r.learn(dst, given, steps[:m*s.Heads], steps[m*s.Heads:], l, b)
	r.eachRow(m, func(_ *worker, row int) {
		x, g := dst[row*s.Inner:][:s.Inner], gate[row*s.Inner:][:s.Inner]
		for at, v := 0, s.Value(); at < s.Inner; at += v {
			r.normed(x[at:at+v], x[at:at+v], d.norm.weight, nil)
		}
		if r.m.sigmoids {
			for i, v := range g {
				x[i] *= sigmoid(v)
			}
			return
		}
		kernel.SiluMul(g, x)
		copy(x, g)
	})
}

// told is what a row says of a head: how much of what is new goes into its state, and how much of what was there stays.
func (d *delta) told(x []float32, s *arch.State, row, head, m int) (beta, alpha float32) {
	if d.both.t == nil {
		return x[row*s.Heads+head], x[(m+row)*s.Heads+head]
	}
	share := s.Heads / s.Groups
	at := row*2*s.Heads + head/share*2*share + head%share
	return x[at], x[at+share]
}

// unit gives every d numbers of x length one, and multiplies them.
func (r *run) unit(x []float32, d int, by float32) {
	eps := 1e-6
	if r.mode == Deploy {
		eps = float64(r.m.params.NormEps)
	}
	for ; len(x) >= d; x = x[d:] {
		scale(x[:d], float32(1/math.Sqrt(kernel.SumSquares(x[:d])+eps)))
		scale(x[:d], by)
	}
}

// learn takes every head's state S [D][V] through each sequence. At a position with query q, key k and value v it becomes g·S, of which k reads g·S·k; k·(v-g·S·k)·β is added,
// and q reads what comes out: dst [m][I] of x [m][queries, keys, values].
func (r *run) learn(dst, x, beta, decay []float32, l *layer, b *batch) {
	const lanes = kernel.Lanes
	s := &l.p.State
	wide, share, turn := s.Wide(), s.Heads/s.Groups, r.m.turnKeys
	r.eachColumns(b, s.Heads, s.Size, s.Value(), func(_ *worker, c *columns) {
		key := c.head / share
		if turn {
			key = c.head % s.Groups
		}
		var read, change [lanes]float32
		for row := c.first(); row < c.end(); row++ {
			q, k, v := x[row*wide+key*s.Size:][:s.Size], x[row*wide+(s.Groups+key)*s.Size:][:s.Size], x[row*wide+2*s.Groups*s.Size+c.head*s.Value()+c.from:][:c.n]
			kept := decay[row*s.Heads+c.head]
			kernel.MatMulF32(read[:], lanes, k, s.Size, c.state, lanes, 1, s.Size, false)
			for i, want := range v {
				change[i] = (want - float32(read[i]*kept)) * beta[row*s.Heads+c.head]
			}
			kernel.Scan(read[:], c.state, change[:], k, q, kept)
			copy(dst[row*s.Inner+c.head*s.Value()+c.from:][:c.n], read[:])
		}
	})
}

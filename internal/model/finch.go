package model

import (
	"math"

	"quern/internal/arch"
	"quern/internal/kernel"
)

// A finch is the weights of a layer's state in RWKV 6.
type finch struct {
	first []float32 // [E]: how much of the token before what decides of the rest is given
	shift []float32 // [5][E]: how much each part is given, in the order of decays, keys, values, queries and gates …
	low   weight    // [5·R][E] … and what makes of that with a hyperbolic tangent …
	high  weight    // [5·E][R] … how much more

	decay lowRank // with biases
	r     weight  // [E][E] what reads the state …
	k, v  weight  // [G·D][E] … what is put into it …
	gate  weight  // [E][E] … and what multiplies what comes out

	bonus []float32 // [E] how much the present token counts besides, or nil: nothing is then normed, either
	norm  norm      // [E] of each head
	out   weight    // [E][E]
}

// finchState has heads of states [D][D]. At a position with decays w, a key k, a value v and a query r, the state becomes w·S + k·v, the last an outer product; r reads what was
// there and bonus·k·v (arXiv:2404.05892). Without a bonus it reads what comes out, divided by √D, and keys count as far as a row decays.
type finchState struct{}

func (finchState) slots(l *layer) []slot {
	f, s, e := &l.finch, &l.p.State, l.p.Embd
	wide, without := s.Groups*s.Size, !l.ungated
	return []slot{
		{role: arch.RoleMixFirstShift, vector: &f.first, n: e},
		{role: arch.RoleMixShift, table: &f.shift, n: 5, k: e},
		{role: arch.RoleMixLow, matrix: &f.low, n: 5 * s.Ranks.Mix, k: e},
		{role: arch.RoleMixHigh, matrix: &f.high, n: e, k: s.Ranks.Mix, stack: 5},
		{role: arch.RoleMixDecayLow, matrix: &f.decay.low, n: s.Ranks.Decay, k: e},
		{role: arch.RoleMixDecay, matrix: &f.decay.high, n: e, k: s.Ranks.Decay},
		{role: arch.RoleMixR, matrix: &f.r, n: e, k: e},
		{role: arch.RoleMixK, matrix: &f.k, n: wide, k: e},
		{role: arch.RoleMixV, matrix: &f.v, n: wide, k: e},
		{role: arch.RoleMixG, matrix: &f.gate, n: e, k: e},
		{role: arch.RoleMixBonus, table: &f.bonus, n: s.Heads, k: s.Size, may: without},
		{role: arch.RoleStateNorm, norm: &f.norm, n: e, may: without},
		{role: arch.RoleStateOut, matrix: &f.out, n: e, k: e},
		{role: arch.RoleFFNShift, vector: &l.ffnShift, n: e, may: without},
		{role: arch.RoleFFNShiftR, vector: &l.ffnShiftR, n: e, may: without},
		{role: arch.RoleFFNReceptance, matrix: &l.receptance, n: e, k: e, may: without},
	}
}

func (finchState) out(l *layer) *weight { return &l.finch.out }

func (finchState) acts(l *layer) int {
	k := &l.p.State.Ranks
	return 8*l.p.Embd + 6*k.Mix + k.Decay
}

func (finchState) keep(run *run, dst, h []float32, l *layer, b *batch) {
	f, m, e := &l.finch, len(b.at), l.p.Embd
	made := grow(&run.state, 5*m*e)
	w, k, v, r, gate := made[:m*e], made[m*e:2*m*e], made[2*m*e:3*m*e], made[3*m*e:4*m*e], made[4*m*e:]
	in, low := grow(&run.convolved, m*e), grow(&run.gates, m*f.low.n)
	before := run.hold(h, made)
	run.shift(in, h, f.first, b.at)
	run.apply(in, m, product{low, &f.low})
	run.eachRow(m, func(_ *worker, row int) { tanhAll(low[row*f.low.n:][:f.low.n]) })
	run.hold(low)
	part := func(i int) []float32 {
		run.shiftBy(in, h, low, f, i, b.at)
		return in
	}
	run.lowRank(w, part(0), &f.decay, m, tanhAll)
	run.apply(part(1), m, product{k[:m*f.k.n], &f.k})
	run.apply(part(2), m, product{v[:m*f.v.n], &f.v})
	run.apply(part(3), m, product{r, &f.r})
	run.apply(part(4), m, product{gate, &f.gate})
	run.release(before)
	spreadHeads(k, f.k.n, e, l.p.State.Size)
	spreadHeads(v, f.v.n, e, l.p.State.Size)
	run.eachRow(m, func(_ *worker, row int) { f.decays(w[row*e:][:e], k[row*e:][:e]) })
	run.gather6(dst, [4][]float32{r, w, k, v}, l, b)
	run.eachRow(m, func(_ *worker, row int) { f.finish(dst[row*e:][:e], gate[row*e:][:e], l.p.State.Size) })
}

// shiftBy is part i of what a layer is given: of the row before as much as the layer says, and the token.
func (r *run) shiftBy(dst, x, low []float32, f *finch, i int, at []place) {
	m, e, n := len(at), r.m.params.Embd, f.low.n/5
	own, by := grow(&r.qa, m*n), grow(&r.wide, m*e)
	r.eachRow(m, func(_ *worker, row int) { copy(own[row*n:][:n], low[row*5*n+i*n:]) })
	r.multiply(own, m, product{by, f.high.part(i, e)})
	r.eachRow(m, func(_ *worker, row int) {
		y, now, by := dst[row*e:][:e], x[row*e:][:e], by[row*e:][:e]
		kernel.Add(by, f.shift[i*e:][:e])
		for j, v := range now {
			before := float32(0)
			if at[row].pos > 0 {
				before = x[(row-1)*e+j]
			}
			y[j] = v + float32((before-v)*by[j])
		}
	})
}

// spreadHeads makes rows of n numbers rows of e of them: each head of d comes as often as heads share it.
func spreadHeads(x []float32, n, e, d int) {
	if n == e {
		return
	}
	for row := len(x)/e - 1; row >= 0; row-- { // from the last on, which lies behind what it is made of
		for head := e/d - 1; head >= 0; head-- {
			copy(x[row*e+head*d:][:d], x[row*n+head/(e/n)*d:][:d])
		}
	}
}

// decays makes them of what their matrices gave.
func (f *finch) decays(w, k []float32) {
	for i, x := range w {
		w[i] = kernel.Exp(-kernel.Exp(x))
		if f.bonus == nil {
			k[i] -= float32(k[i] * w[i])
		}
	}
}

// gather6 takes every head's state through each sequence; x are what reads a state, decays, keys and values [m][E].
func (r *run) gather6(dst []float32, x [4][]float32, l *layer, b *batch) {
	const lanes = kernel.Lanes
	s, e, bonus := &l.p.State, l.p.Embd, l.finch.bonus
	d, root := s.Size, float32(1/math.Sqrt(float64(s.Size)))
	r.eachColumns(b, s.Heads, d, d, func(_ *worker, c *columns) {
		var v, y, after [lanes]float32
		for row := c.first(); row < c.end(); row++ {
			at := row*e + c.head*d
			asked, key := x[0][at:][:d], x[2][at:][:d]
			copy(v[:c.n], x[3][at+c.from:])
			if bonus == nil {
				kernel.ScanRows(y[:], c.state, v[:], key, asked, x[1][at:])
				scale(y[:], root)
			} else {
				kernel.MatMulF32(y[:], lanes, asked, d, c.state, lanes, 1, d, false)
				addScaled(y[:], v[:], float32(dot3(asked, key, bonus[c.head*d:])))
				kernel.ScanRows(after[:], c.state, v[:], key, asked, x[1][at:])
			}
			copy(dst[at+c.from:][:c.n], y[:])
		}
	})
}

// dot3 is the sum of the products of three numbers each.
func dot3(a, b, c []float32) (sum float64) {
	for i, x := range a {
		sum += float64(x) * float64(b[i]*c[i])
	}
	return sum
}

// finish norms what each head gives and multiplies it.
func (f *finch) finish(y, gate []float32, d int) {
	if f.bonus == nil {
		for i, g := range gate {
			y[i] *= sigmoid(g)
		}
		return
	}
	for at := 0; at < len(y); at += d {
		normed(y[at:][:d], y[at:][:d], f.norm.weight[at:][:d], f.norm.bias[at:][:d], arch.HeadNormEps, true)
	}
	kernel.SiluMul(gate, y)
	copy(y, gate)
}

// receive multiplies what the feed-forward network adds by the sigmoid of receptance times inputs, which are shifted: by is that, of the normed rows h.
func (r *run) receive(h []float32, l *layer, m int) (by []float32) {
	if l.receptance.t == nil {
		return nil
	}
	in := grow(&r.convolved, m*l.p.Embd)
	r.shift(in, h, l.ffnShiftR, r.at)
	by = grow(&r.gates, m*l.p.Embd)
	r.apply(in, m, product{by, &l.receptance})
	return by
}

package model

import (
	"math"

	"quern/internal/arch"
	"quern/internal/kernel"
)

// An rwkv is the weights of a layer of RWKV, of which a model has one kind.
type rwkv struct {
	finch finch
	goose goose

	ffnShift, ffnShiftR []float32 // [E] how much of the token before the feed-forward network is given, and what multiplies what it adds …
	receptance          weight    // … [E][E]; or nothing
}

// A goose is the weights of a layer's state in RWKV 7.
type goose struct {
	shift []float32 // [6][E]: how much of the token before each part is given, in this order:
	r     weight    // [E][E] what reads the state …
	decay lowRank   // … how much of each of its rows stays …
	k, v  weight    // [E][E] … what is put into it …
	rate  lowRank   // … how much of it is replaced …
	gate  lowRank   // … and what multiplies what comes out
	first lowRank   // of how much of the first layer's values is taken; nothing in that
	unit  []float32 // [E] by which keys are multiplied that read what is replaced
	keep  []float32 // [E] how much of a key goes by the rate
	bonus []float32 // [E] how much the present token counts besides
	norm  norm      // [E] of each head
	out   weight    // [E][E]
}

// A lowRank is a matrix of low rank, in two, or one that is whole.
type lowRank struct {
	low, high weight // [R][E], [E][R]; or nothing, [E][E]
}

// gooseState has heads of states [D][D]. At a position with decays w, rates a, a key k, a value v and a query r, with κ the key times unit, of length one, the state becomes
// w·S - κ·(κ∘a)·S + k·v, whose products are outer where they are of two vectors; and r reads it (arXiv:2503.14456).
type gooseState struct{}

func (gooseState) slots(l *layer) []slot {
	g, s, e := &l.goose, &l.p.State, l.p.Embd
	list := []slot{
		{role: arch.RoleMixShift, table: &g.shift, n: s.Parts(), k: e},
		{role: arch.RoleMixR, matrix: &g.r, n: e, k: e},
		{role: arch.RoleMixK, matrix: &g.k, n: e, k: e},
		{role: arch.RoleMixV, matrix: &g.v, n: e, k: e},
		{role: arch.RoleMixUnit, vector: &g.unit, n: e},
		{role: arch.RoleMixKeep, vector: &g.keep, n: e},
		{role: arch.RoleMixBonus, vector: &g.bonus, n: e},
		{role: arch.RoleStateNorm, norm: &g.norm, n: e, may: !l.ungated},
		{role: arch.RoleStateOut, matrix: &g.out, n: e, k: e},
		{role: arch.RoleFFNShift, vector: &l.ffnShift, n: e, may: !l.ungated},
	}
	for _, x := range []struct {
		of        *lowRank
		low, high arch.Role
		rank      int
		may       bool
	}{
		{&g.decay, arch.RoleMixDecayLow, arch.RoleMixDecay, s.Ranks.Decay, false}, {&g.rate, arch.RoleMixRateLow, arch.RoleMixRate, s.Ranks.Rate, false},
		{&g.first, arch.RoleMixFirstLow, arch.RoleMixFirst, s.Ranks.Values, true}, {&g.gate, arch.RoleMixGateLow, arch.RoleMixGate, s.Ranks.Gate, s.Ranks.Gate == 0},
	} {
		list = append(list, slot{role: x.low, matrix: &x.of.low, n: x.rank, k: e, may: x.may}, slot{role: x.high, matrix: &x.of.high, n: e, k: x.rank, may: x.may})
	}
	return list
}

func (gooseState) out(l *layer) *weight { return &l.goose.out }

func (gooseState) acts(l *layer) int {
	k := &l.p.State.Ranks
	return 8*l.p.Embd + max(k.Decay, k.Rate, k.Values, k.Gate)
}

func (gooseState) keep(run *run, dst, h []float32, l *layer, b *batch) {
	g, m, e := &l.goose, len(b.at), l.p.Embd
	made := grow(&run.state, 6*m*e)
	r, w, k, v, a, gate := made[:m*e], made[m*e:2*m*e], made[2*m*e:3*m*e], made[3*m*e:4*m*e], made[4*m*e:5*m*e], made[5*m*e:]
	in := grow(&run.convolved, m*e)
	before := run.hold(h, made)
	part := func(i int) []float32 {
		run.shift(in, h, g.shift[i*e:], b.at)
		return in
	}
	run.apply(part(0), m, product{r, &g.r})
	run.lowRank(w, part(1), &g.decay, m, tanhAll)
	run.apply(part(2), m, product{k, &g.k})
	run.apply(part(3), m, product{v, &g.v})
	run.mixFirst(dst, v, in, g, b)
	run.lowRank(a, part(4), &g.rate, m, nil)
	if g.gate.low.t != nil {
		run.lowRank(gate, part(5), &g.gate, m, sigmoidAll)
	}
	run.release(before)
	run.eachRow(m, func(_ *worker, row int) {
		g.prepare(w[row*e:][:e], k[row*e:][:e], a[row*e:][:e], in[row*e:][:e], l.p.State.Size)
	})
	run.replace(dst, gooseRows{r, w, k, v, a, in}, l, b)
	run.eachRow(m, func(_ *worker, row int) {
		y := dst[row*e:][:e]
		g.finish(y, r[row*e:][:e], k[row*e:][:e], v[row*e:][:e], l.p.State.Size)
		if g.gate.low.t != nil {
			for i, by := range gate[row*e:][:e] {
				y[i] *= by
			}
		}
	})
}

// mixFirst mixes values with the first layer's, or keeps them where this is the first; in is what made them, and share is used.
func (r *run) mixFirst(share, v, in []float32, g *goose, b *batch) {
	m := len(b.at)
	if g.first.low.t == nil {
		copy(b.values, v)
		return
	}
	r.lowRank(share, in, &g.first, m, nil)
	r.eachRow(m, func(_ *worker, row int) {
		n := len(v) / m
		own, first := v[row*n:][:n], b.values[row*n:][:n]
		for i, x := range share[row*n:][:n] {
			own[i] += float32((first[i] - own[i]) * sigmoid(x))
		}
	})
}

// prepare makes of a row decays, keys, κ∘a and -κ, of d numbers for each head; w, k and a are what the matrices gave.
func (g *goose) prepare(w, k, a, unit []float32, d int) {
	const most = 0.606530659712633 // e^-½: no row of a state decays faster than by e to the minus that
	for i, x := range w {
		w[i] = kernel.Exp(float32(-most * sigmoid(x)))
		unit[i] = k[i] * g.unit[i]
		a[i] = sigmoid(a[i])
		keep := float32(k[i] * g.keep[i])
		k[i] += float32(a[i]*keep) - keep
	}
	for at := 0; at < len(unit); at += d {
		head := unit[at:][:d]
		scale(head, float32(1/max(math.Sqrt(kernel.SumSquares(head)), 1e-12)))
		for i, x := range head {
			a[at+i] *= x
			head[i] = -x
		}
	}
}

// gooseRows are [m][E] each: what reads a state, decays, keys, values, κ∘a and -κ.
type gooseRows struct{ r, w, k, v, a, unit []float32 }

// replace takes every head's state through each sequence.
func (r *run) replace(dst []float32, x gooseRows, l *layer, b *batch) {
	const lanes = kernel.Lanes
	s, e := &l.p.State, l.p.Embd
	d := s.Size
	r.eachColumns(b, s.Heads, d, d, func(_ *worker, c *columns) {
		var read, v, y [lanes]float32
		for row := c.first(); row < c.end(); row++ {
			at := row*e + c.head*d
			kernel.MatMulF32(read[:], lanes, x.unit[at:], d, c.state, lanes, 1, d, false)
			kernel.ScanRows(y[:], c.state, read[:], x.a[at:][:d], x.r[at:], x.w[at:])
			copy(v[:c.n], x.v[at+c.from:])
			kernel.Scan(y[:], c.state, v[:], x.k[at:][:d], x.r[at:], 1)
			copy(dst[at+c.from:][:c.n], y[:])
		}
	})
}

// finish norms what each head gives, and adds the present token's values as often as its key is asked for.
func (g *goose) finish(y, r, k, v []float32, d int) {
	for at := 0; at < len(y); at += d {
		head := y[at:][:d]
		if g.norm.weight != nil {
			normed(head, head, g.norm.weight[at:][:d], g.norm.bias[at:][:d], arch.HeadNormEps, true)
		}
		addScaled(head, v[at:][:d], float32(dot3(r[at:][:d], k[at:], g.bonus[at:])))
	}
}

// shift is x with so much of the row before: that minus x times by. Before the first token of a sequence are zeros.
func (r *run) shift(dst, x, by []float32, at []place) {
	e := r.m.params.Embd
	r.eachRow(len(at), func(_ *worker, row int) {
		y, now := dst[row*e:][:e], x[row*e:][:e]
		if at[row].pos == 0 {
			for i, v := range now {
				y[i] = v - float32(v*by[i])
			}
			return
		}
		for i, before := range x[(row-1)*e:][:e] {
			y[i] = now[i] + float32((before-now[i])*by[i])
		}
	})
}

// lowRank is a matrix of low rank times rows of x; between its two matrices is a function, if there is one.
func (r *run) lowRank(dst, x []float32, w *lowRank, m int, between func(x []float32)) {
	if w.low.t == nil {
		r.apply(x, m, product{dst, &w.high})
		return
	}
	low := grow(&r.rates, m*w.low.n)
	r.apply(x, m, product{low, &w.low})
	if between != nil {
		r.eachRow(m, func(_ *worker, row int) { between(low[row*w.low.n:][:w.low.n]) })
	}
	r.apply(low, m, product{dst, &w.high})
}

func tanhAll(x []float32) {
	for i, v := range x {
		x[i] = tanh(v)
	}
}

func sigmoidAll(x []float32) {
	for i, v := range x {
		x[i] = sigmoid(v)
	}
}

func sigmoid(x float32) float32 { return 1 / (1 + kernel.Exp(-x)) }

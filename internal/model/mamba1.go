package model

import (
	"quern/internal/arch"
	"quern/internal/kernel"
)

// mamba1 has a state [N] for each of I numbers: with a time step t and decays a it becomes s·e^(t·a) + b·(t·x), and y = c·s + past·x (arXiv:2312.00752). What the convolution
// gives makes b and c, which all numbers share, and a few numbers that make their time steps. What comes out is multiplied by gates.
type mamba1 struct{}

func (mamba1) slots(l *layer) []slot {
	x, s, e := &l.space, &l.p.State, l.p.Embd
	return []slot{
		{role: arch.RoleStateIn, matrix: &x.in, n: 2 * s.Inner, k: e},
		{role: arch.RoleStateConv, table: &x.conv.weight, turned: true, vector: &x.conv.bias, n: s.Inner, k: s.Conv},
		{role: arch.RoleStateWays, matrix: &x.ways, n: s.Rank + 2*s.Size, k: s.Inner},
		{role: arch.RoleStateStep, matrix: &x.step, n: s.Heads, k: s.Rank},
		{role: arch.RoleStateStepNorm, norm: &x.norms[0], n: s.Rank, may: true},
		{role: arch.RoleStateWayInNorm, norm: &x.norms[1], n: s.Size, may: true},
		{role: arch.RoleStateWayOutNorm, norm: &x.norms[2], n: s.Size, may: true},
		{role: arch.RoleStateDecay, table: &x.decay, turned: true, n: s.Inner, k: s.Size},
		{role: arch.RoleStatePast, vector: &x.past, n: s.Inner},
		{role: arch.RoleStateOut, matrix: &x.out, n: e, k: s.Inner},
	}
}

func (mamba1) out(l *layer) *weight { return &l.space.out }

func (mamba1) acts(l *layer) int {
	s := &l.p.State
	return 3*s.Inner + s.Heads + 2*(s.Rank+s.Size)
}

func (mamba1) keep(r *run, dst, h []float32, l *layer, b *batch) {
	x, s, m := &l.space, &l.p.State, len(b.at)
	all, few := 2*s.Inner, x.ways.n
	made, mixed, ways := grow(&r.state, m*all), grow(&r.convolved, m*s.Inner), grow(&r.rates, m*few)
	r.apply(h, m, product{made, &x.in})
	r.convolve(mixed, made, all, s.Inner, &x.conv, b)
	r.eachRow(m, func(w *worker, row int) { w.silu(mixed[row*s.Inner:][:s.Inner]) })
	before := r.hold(made)
	r.apply(mixed, m, product{ways, &x.ways})
	from, steps := grow(&r.wide, m*s.Rank), grow(&r.gates, m*s.Heads)
	r.eachRow(m, func(_ *worker, row int) {
		at := ways[row*few:][:few]
		r.normWays(at, l)
		copy(from[row*s.Rank:][:s.Rank], at)
	})
	r.hold(mixed, ways)
	r.apply(from, m, product{steps, &x.step})
	r.release(before)
	r.eachRow(m, func(_ *worker, row int) {
		for i, v := range steps[row*s.Heads:][:s.Heads] {
			steps[row*s.Heads+i] = softplus(v)
		}
	})
	panels := (s.Inner + statePanel - 1) / statePanel
	r.parallel(len(b.seqs)*panels, func(w *worker, task int) error {
		x.scanEach(w, dst, mixed, ways, steps, s, b.seqs[task/panels], task%panels*statePanel)
		return nil
	})
	r.eachRow(m, func(_ *worker, row int) {
		y, gate := dst[row*s.Inner:][:s.Inner], made[row*all+s.Inner:][:s.Inner]
		kernel.SiluMul(gate, y)
		copy(y, gate)
	})
}

// normWays norms what time steps are made of, and the ways in and out behind it.
func (r *run) normWays(x []float32, l *layer) {
	s, norms := &l.p.State, &l.space.norms
	if norms[0].weight == nil && !s.Normed {
		return
	}
	eps := float64(r.m.params.NormEps)
	if s.Normed && r.mode != Deploy {
		eps = float64(s.MixEps)
	}
	for i, n := range []int{s.Rank, s.Size, s.Size} {
		normed(x[:n], x[:n], norms[i].weight, nil, eps, false)
		x = x[n:]
	}
}

// statePanel is how many numbers go through a sequence side by side: their states, and how these decay, stay near.
const statePanel = 64

// scanEach takes numbers from … on through a sequence.
func (x *stateSpace) scanEach(w *worker, dst, mixed, ways, steps []float32, s *arch.State, of sequence, from int) {
	wide, few := min(statePanel, s.Inner-from), x.ways.n
	rows := grow(&w.state, 3*s.Size*wide+wide)
	state, decay, kept, in := rows[:s.Size*wide], rows[s.Size*wide:][:s.Size*wide], rows[2*s.Size*wide:][:s.Size*wide], rows[3*s.Size*wide:]
	clear(state)
	for i := range s.Size {
		copy(decay[i*wide:][:wide], x.decay[i*s.Inner+from:])
	}
	past := x.past[from:][:wide]
	for row := of.from; row < of.from+of.n; row++ {
		step, given, y := steps[row*s.Heads+from:][:wide], mixed[row*s.Inner+from:][:wide], dst[row*s.Inner+from:][:wide]
		kernel.ScaleBy(in, step, given, 1)
		for i := 0; i < len(decay); i += wide {
			kernel.ScaleBy(kept[i:][:wide], step, decay[i:], 1)
		}
		kernel.ExpSum(kept, kept, 0)
		way := ways[row*few+s.Rank:][:2*s.Size]
		kernel.ScanEach(y, state, in, way[:s.Size], way[s.Size:], kept)
		kernel.AddMul(y, given, past)
	}
}

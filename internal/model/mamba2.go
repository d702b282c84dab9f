package model

import (
	"quern/internal/arch"
	"quern/internal/kernel"
)

// A stateSpace is the weights of a state-space model.
type stateSpace struct {
	in    weight // [2·I+2·G·N+H][E]: gates, what the convolution is given, and time steps
	conv  convolution
	time  []float32 // [H] added to time steps
	decay []float32 // [H]
	past  []float32 // [H] how much of what goes in is added to what comes out
	norm  []float32 // [G][I/G], or nil
	out   weight    // [E][I]

	ways  weight  // of Mamba 1: [R+2·N][I] what time steps are made of, and ways in and out, of what the convolution gives (ways first in headMamba) …
	step  weight  // … [I][R] what makes the steps …
	norms [3]norm // … and norms of the three, or nothing
}

// mamba2 has heads of P of the I numbers, each with a state [N][P]: with a time step t and a way in b, c out, which the heads of a group share, it becomes s·e^(decay·t) + b·(t·x),
// and y = c·s + past·x (arXiv:2405.21060). What comes out is multiplied by gates, and normed in groups.
type mamba2 struct{}

func (mamba2) slots(l *layer) []slot {
	x, s, e := &l.space, &l.p.State, l.p.Embd
	return []slot{
		{role: arch.RoleStateIn, matrix: &x.in, n: s.Inner + s.Wide() + s.Heads, k: e},
		{role: arch.RoleStateConv, table: &x.conv.weight, turned: true, vector: &x.conv.bias, n: s.Wide(), k: s.Conv},
		{role: arch.RoleStateTime, vector: &x.time, n: s.Heads},
		{role: arch.RoleStateDecay, table: &x.decay, n: s.Heads, k: 1},
		{role: arch.RoleStatePast, table: &x.past, n: s.Heads, k: 1},
		{role: arch.RoleStateNorm, table: &x.norm, n: s.Groups, k: s.Inner / s.Groups, may: true},
		{role: arch.RoleStateOut, matrix: &x.out, n: e, k: s.Inner},
	}
}

func (mamba2) out(l *layer) *weight { return &l.space.out }
func (mamba2) acts(l *layer) int    { return l.space.in.n + l.p.State.Wide() }

func (mamba2) keep(r *run, dst, h []float32, l *layer, b *batch) {
	x, s, m := &l.space, &l.p.State, len(b.at)
	all, wide := x.in.n, s.Wide()
	made, mixed := grow(&r.state, m*all), grow(&r.convolved, m*wide)
	r.apply(h, m, product{made, &x.in})
	r.convolve(mixed, made[min(len(made), s.Inner):], all, wide, &x.conv, b)
	r.eachRow(m, func(w *worker, row int) { w.silu(mixed[row*wide:][:wide]) })
	r.parallel(len(b.seqs)*s.Heads, func(w *worker, task int) error {
		r.scanHead(w, dst, made[min(len(made), s.Inner+wide):], all, mixed, l, b.seqs[task/s.Heads], task%s.Heads)
		return nil
	})
	r.eachRow(m, func(_ *worker, row int) {
		y, gate := dst[row*s.Inner:][:s.Inner], made[row*all:][:s.Inner]
		kernel.SiluMul(gate, y)
		copy(y, gate)
		if n := s.Inner / s.Groups; x.norm != nil {
			for at := 0; at < s.Inner; at += n {
				normed(y[at:][:n], y[at:][:n], x.norm[at:][:n], nil, float64(r.m.params.NormEps), false)
			}
		}
	})
}

// scanHead takes one head through a sequence; steps begin with the first time step, and rows of them are ld apart.
func (r *run) scanHead(w *worker, dst, steps []float32, ld int, mixed []float32, l *layer, of sequence, head int) {
	x, s := &l.space, &l.p.State
	p, wide := s.Inner/s.Heads, s.Wide()
	way := s.Inner + head/(s.Heads/s.Groups)*s.Size // where the group's way in begins; those out follow those in
	state, in := grow(&w.state, s.Size*p), grow(&w.rows, p)
	clear(state)
	for row := of.from; row < of.from+of.n; row++ {
		from := mixed[row*wide:][:wide]
		step := softplus(steps[row*ld+head] + x.time[head])
		for i, v := range from[head*p:][:p] {
			in[i] = v * step
		}
		y := dst[row*s.Inner+head*p:][:p]
		kernel.Scan(y, state, in, from[way:][:s.Size], from[way+s.Groups*s.Size:][:s.Size], kernel.Exp(step*x.decay[head]))
		for i, v := range from[head*p:][:p] {
			y[i] += float32(v * x.past[head])
		}
	}
}

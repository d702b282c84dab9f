package model

import (
	"quern/internal/arch"
	"quern/internal/kernel"
)

// headMamba is mamba2 with one group, whose ways and time steps are made as mamba1's: of what the convolution, which sees no more than the numbers that go into states, gives.
// Of each head the first matrix makes gates, then these numbers (PLaMo 2).
type headMamba struct{}

func (headMamba) slots(l *layer) []slot {
	x, s, e := &l.space, &l.p.State, l.p.Embd
	return []slot{
		{role: arch.RoleStateIn, matrix: &x.in, n: 2 * s.Inner, k: e},
		{role: arch.RoleStateConv, table: &x.conv.weight, turned: true, n: s.Inner, k: s.Conv},
		{role: arch.RoleStateWays, matrix: &x.ways, n: s.Rank + 2*s.Size, k: s.Inner},
		{role: arch.RoleStateStep, matrix: &x.step, n: s.Heads, k: s.Rank},
		{role: arch.RoleStateTime, vector: &x.time, n: s.Heads},
		{role: arch.RoleStateStepNorm, norm: &x.norms[0], n: s.Rank},
		{role: arch.RoleStateWayInNorm, norm: &x.norms[1], n: s.Size},
		{role: arch.RoleStateWayOutNorm, norm: &x.norms[2], n: s.Size},
		{role: arch.RoleStateDecay, vector: &x.decay, n: s.Heads},
		{role: arch.RoleStatePast, vector: &x.past, n: s.Heads},
		{role: arch.RoleStateOut, matrix: &x.out, n: e, k: s.Inner},
	}
}

func (headMamba) out(l *layer) *weight { return &l.space.out }

func (headMamba) acts(l *layer) int {
	s := &l.p.State
	return 3*s.Inner + s.Heads + 2*s.Rank + 2*s.Size + s.Wide()
}

func (headMamba) keep(r *run, dst, h []float32, l *layer, b *batch) {
	x, s, m := &l.space, &l.p.State, len(b.at)
	all, few, wide := 2*s.Inner, x.ways.n, s.Wide()
	made, convolved, rates := grow(&r.state, m*all), grow(&r.convolved, m*s.Inner), grow(&r.rates, m*(few+s.Rank))
	mixed, steps := grow(&r.wide, m*wide), grow(&r.gates, m*s.Heads)
	ways, from := rates[:m*few], rates[m*few:]
	r.apply(h, m, product{made, &x.in})
	r.eachRow(m, func(w *worker, row int) { w.partHeads(made[row*all:][:all], s.Inner/s.Heads) })
	r.convolve(convolved, made[min(len(made), s.Inner):], all, s.Inner, &x.conv, b)
	r.eachRow(m, func(w *worker, row int) { w.silu(convolved[row*s.Inner:][:s.Inner]) })
	before := r.hold(made, convolved)
	r.apply(convolved, m, product{ways, &x.ways})
	r.eachRow(m, func(_ *worker, row int) {
		to, made := mixed[row*wide:][:wide], ways[row*few:][:few]
		copy(to, convolved[row*s.Inner:][:s.Inner])
		r.normed(to[s.Inner:][:s.Size], made[:s.Size], x.norms[1].weight, nil)
		r.normed(to[s.Inner+s.Size:], made[s.Size:2*s.Size], x.norms[2].weight, nil)
		r.normed(from[row*s.Rank:][:s.Rank], made[2*s.Size:], x.norms[0].weight, nil)
	})
	r.hold(mixed)
	r.apply(from, m, product{steps, &x.step})
	r.release(before)
	r.parallel(len(b.seqs)*s.Heads, func(w *worker, task int) error {
		r.scanHead(w, dst, steps, s.Heads, mixed, l, b.seqs[task/s.Heads], task%s.Heads)
		return nil
	})
	r.eachRow(m, func(_ *worker, row int) {
		y, gate := dst[row*s.Inner:][:s.Inner], made[row*all:][:s.Inner]
		kernel.SiluMul(gate, y)
		copy(y, gate)
	})
}

// partHeads puts the first half of each head of x before the second halves; a half has p numbers.
func (w *worker) partHeads(x []float32, p int) {
	was, half := grow(&w.rows, len(x)), len(x)/2
	copy(was, x)
	for at := 0; at < half; at += p {
		copy(x[at:at+p], was[2*at:])
		copy(x[half+at:][:p], was[2*at+p:])
	}
}

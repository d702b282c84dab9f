package model

import "quern/internal/arch"

// A shortConv is the weights of a convolution between two gates.
type shortConv struct {
	in   weight // [3·E][E]: what gates its input, what gates its output, and that input
	conv convolution
	out  weight // [E][E]
}

type gatedConv struct{}

func (gatedConv) slots(l *layer) []slot {
	c, e := &l.short, l.p.Embd
	return []slot{
		{role: arch.RoleStateIn, matrix: &c.in, n: 3 * e, k: e},
		{role: arch.RoleStateConv, table: &c.conv.weight, turned: true, n: e, k: l.p.State.Conv},
		{role: arch.RoleStateOut, matrix: &c.out, n: e, k: e},
	}
}

func (gatedConv) out(l *layer) *weight { return &l.short.out }
func (gatedConv) acts(l *layer) int    { return 3 * l.p.Embd }

func (gatedConv) keep(r *run, dst, h []float32, l *layer, b *batch) {
	m, e := len(b.at), l.p.Embd
	made := grow(&r.state, m*3*e)
	r.apply(h, m, product{made, &l.short.in})
	r.eachRow(m, func(_ *worker, row int) {
		x := made[row*3*e:][:3*e]
		for i, by := range x[:e] {
			x[2*e+i] *= by
		}
	})
	conv := l.short.conv
	if l.both {
		conv.ahead = l.p.State.Conv / 2
	}
	r.convolve(dst, made[min(len(made), 2*e):], 3*e, e, &conv, b)
	r.eachRow(m, func(_ *worker, row int) {
		y := dst[row*e:][:e]
		for i, by := range made[row*3*e+e:][:e] {
			y[i] *= by
		}
	})
}

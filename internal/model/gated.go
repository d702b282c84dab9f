package model

import (
	"quern/internal/arch"
	"quern/internal/kernel"
)

// A gatedHyper is what a hyper has where every number of the streams has a share of its own: each stream is normed by itself, a matrix of low rank, in two with SiLU between
// them, makes of all how much of each number the part is given, and the part is given the mean over the streams (Qwen 4).
type gatedHyper struct {
	norm     norm   // [U·E]
	down, up weight // [HCL][U·E]; [U·E][HCL]
}

func (x *hyper) gatedSlots(p *arch.Params, roles hyperRoles) []slot {
	u, wide := p.Hyper.Streams, p.Hyper.Streams*p.Embd
	list := []slot{
		{role: roles.norm, norm: &x.gated.norm, n: wide},
		{role: roles.down, matrix: &x.gated.down, n: p.Hyper.Low, k: wide},
		{role: roles.up, matrix: &x.gated.up, n: wide, k: p.Hyper.Low},
	}
	if roles == hyperHead {
		return list
	}
	return append(list, slot{role: roles.fn, matrix: &x.fn, n: u, k: wide})
}

// reduceGated is reduce where matrices of low rank say how much of each number is given.
func (r *run) reduceGated(dst, by, x []float32, of *hyper, m int) {
	e, u, low := r.m.params.Embd, r.m.streams, of.gated.down.n
	wide, share := u*e, 1/float32(u)
	flat, narrow, open := grow(&r.active, m*wide), grow(&r.narrowIn, m*low), grow(&r.opened, m*wide)
	r.eachRow(m, func(_ *worker, row int) {
		for i := row * wide; i < (row+1)*wide; i += e {
			r.normed(flat[i:i+e], x[i:i+e], of.gated.norm.weight[i-row*wide:][:e], nil)
		}
	})
	products := []product{{narrow, &of.gated.down}}
	if of.fn.t != nil {
		products = append(products, product{by, &of.fn})
	}
	apply := r.apply
	if of == &r.m.hyper {
		apply = r.multiply
	}
	apply(flat, m, products...)
	before := r.hold(flat, by)
	r.eachRow(m, func(w *worker, row int) {
		scale(narrow[row*low:][:low], share)
		w.silu(narrow[row*low:][:low])
	})
	apply(narrow, m, product{open, &of.gated.up})
	r.release(before)
	r.eachRow(m, func(_ *worker, row int) {
		one := dst[row*e:][:e]
		clear(one)
		for i := range wide {
			one[i%e] += flat[row*wide+i] / (1 + kernel.Exp(-open[row*wide+i]))
		}
		scale(one, share)
		if of.fn.t != nil {
			for i, v := range by[row*u:][:u] {
				by[row*u+i] = 2 / (1 + kernel.Exp(-v*share))
			}
		}
	})
}

package model

import (
	"quern/internal/arch"
	"quern/internal/kernel"
)

// A hyper is what a part of a layer has where tokens have several streams that hyper-connections mix: from all streams, normed as one vector, a matrix makes for each how much
// of it the part is given, and how much of what the part makes is added to it.
type hyper struct {
	fn          weight    // [2U][U·E]; of the output head, which adds to nothing, [U][U·E]
	base, scale []float32 // [2U], [2]; or [U], [1]
}

// What has a hyper, by its roles: matrix, base, scale.
var (
	hyperAttn = [3]arch.Role{arch.RoleHyperAttn, arch.RoleHyperAttnBase, arch.RoleHyperAttnScale}
	hyperFFN  = [3]arch.Role{arch.RoleHyperFFN, arch.RoleHyperFFNBase, arch.RoleHyperFFNScale}
	hyperHead = [3]arch.Role{arch.RoleHyperHead, arch.RoleHyperHeadBase, arch.RoleHyperHeadScale}
)

func (x *hyper) slots(p *arch.Params, roles [3]arch.Role) []slot {
	u, kinds := p.Hyper.Streams, 2
	if u == 0 {
		return nil
	}
	if roles == hyperHead {
		kinds = 1
	}
	return []slot{
		{role: roles[0], matrix: &x.fn, n: kinds * u, k: u * p.Embd},
		{role: roles[1], vector: &x.base, n: kinds * u},
		{role: roles[2], vector: &x.scale, n: kinds},
	}
}

// hyperActs is what a token needs more of in a batch.
func hyperActs(p *arch.Params) int64 {
	u := p.Hyper.Streams
	return int64(4 * u * (p.Embd + 2))
}

// reduce makes of all streams x [m][U][E] what a part is given, [m][E], and by how much what it makes is added to each, [m][U].
func (r *run) reduce(dst, by, x []float32, of *hyper, m int) {
	h, e, u, n := r.m.params.Hyper, r.m.params.Embd, r.m.streams, of.fn.n
	flat, coefs := grow(&r.active, m*u*e), grow(&r.coefs, m*n)
	r.eachRow(m, func(_ *worker, row int) { r.normed(flat[row*u*e:][:u*e], x[row*u*e:][:u*e], nil, nil) })
	if of == &r.m.hyper {
		r.multiply(flat, m, product{coefs, &of.fn})
	} else {
		r.apply(flat, m, product{coefs, &of.fn})
	}
	r.eachRow(m, func(_ *worker, row int) {
		one := dst[row*e:][:e]
		clear(one)
		for i := range n {
			v := 1 / (1 + kernel.Exp(-(float32(coefs[row*n+i]*of.scale[i/u]) + of.base[i])))
			if i < u {
				addScaled(one, x[(row*u+i)*e:][:e], v+h.Eps)
			} else {
				by[row*u+i-u] = float32(h.Magnitude*v) + h.Eps
			}
		}
	})
}

// distribute adds what a part made, y [m][E], to all streams.
func (r *run) distribute(x, by, y []float32, m int) {
	e, u := r.m.params.Embd, r.m.streams
	r.eachRow(m, func(_ *worker, row int) {
		for i := range u {
			addScaled(x[(row*u+i)*e:][:e], y[row*e:][:e], by[row*u+i])
		}
	})
}

// advanceHyper runs one layer over a batch whose tokens have several streams that hyper-connections mix.
func (r *run) advanceHyper(l *layer, b *batch, last bool) {
	e, u, m := l.p.Embd, r.m.streams, len(b.at)
	h, att, by := grow(&r.h, m*e), grow(&r.att, m*l.o.k), grow(&r.told4, m*u)
	own := *b
	own.x = grow(&r.first, m*e)
	r.reduce(own.x, by, b.x, &l.hyperAttn, m)
	before := r.hold(by)
	r.mix(att, h, l, &own)
	b.sees = own.sees
	if last { // nothing looks at other rows any more
		keep(b.x, b.want, u*e)
		keep(by, b.want, u)
		m = keep(att, b.want, l.o.k)
		h = h[:m*e]
	}
	r.apply(att, m, product{h, &l.o})
	r.distribute(b.x, by, h, m)
	r.reduce(own.x, by, b.x, &l.hyperFFN, m)
	made := grow(&r.past, m*e)
	clear(made)
	r.hold(made)
	r.feed(made, own.x, h, l, m)
	r.release(before)
	r.distribute(b.x, by, made, m)
	if last {
		r.normalize(b.out, r.gather(b.x, m), r.m.norm, m)
	}
}

// copies makes the other streams of embeddings.
func (r *run) copies(x []float32, m int) {
	e, u := r.m.params.Embd, r.m.streams
	r.eachRow(m, func(_ *worker, row int) {
		for i := 1; i < u; i++ {
			copy(x[(row*u+i)*e:][:e], x[row*u*e:][:e])
		}
	})
}

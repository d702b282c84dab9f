package model

import (
	"quern/internal/arch"
	"quern/internal/kernel"
)

// A hyper is what a part of a layer has where tokens have several streams that hyper-connections mix: from all streams, normed as one vector, a matrix makes for each how much
// of it the part is given, and how much of what the part makes is added to it; and, in some families, a matrix that mixes the streams themselves.
type hyper struct {
	fn          weight     // [2U][U·E] or [2U+U²][U·E]; of the output head, which adds to nothing, [U][U·E]
	base, scale []float32  // [2U], [2]; [2U+U²], [3]; or [U], [1]
	gated       gatedHyper // or nothing
}

type hyperRoles struct{ fn, base, scale, norm, down, up arch.Role }

// What has a hyper, by its roles.
var (
	hyperAttn = hyperRoles{arch.RoleHyperAttn, arch.RoleHyperAttnBase, arch.RoleHyperAttnScale, arch.RoleHyperAttnNorm, arch.RoleHyperAttnDown, arch.RoleHyperAttnUp}
	hyperFFN  = hyperRoles{arch.RoleHyperFFN, arch.RoleHyperFFNBase, arch.RoleHyperFFNScale, arch.RoleHyperFFNNorm, arch.RoleHyperFFNDown, arch.RoleHyperFFNUp}
	hyperHead = hyperRoles{arch.RoleHyperHead, arch.RoleHyperHeadBase, arch.RoleHyperHeadScale, arch.RoleHyperHeadNorm, arch.RoleHyperHeadDown, arch.RoleHyperHeadUp}
)

func (x *hyper) slots(p *arch.Params, roles hyperRoles) []slot {
	u, kinds := p.Hyper.Streams, 2
	if u == 0 || roles == hyperHead && p.Hyper.Mean {
		return nil
	}
	if p.Hyper.Low > 0 {
		return x.gatedSlots(p, roles)
	}
	n := kinds * u
	switch {
	case roles == hyperHead:
		kinds, n = 1, u
	case p.Hyper.Rounds > 0:
		kinds, n = 3, n+u*u
	}
	return []slot{
		{role: roles.fn, matrix: &x.fn, n: n, k: u * p.Embd},
		{role: roles.base, vector: &x.base, n: n},
		{role: roles.scale, vector: &x.scale, n: kinds},
	}
}

// hyperActs is what a token needs more of in a batch.
func hyperActs(p *arch.Params) int64 {
	u := p.Hyper.Streams
	if p.Hyper.Rounds > 0 {
		u += u * u / 2
	}
	if p.Hyper.Low > 0 {
		u += p.Hyper.Low + p.Hyper.Streams*p.Embd
	}
	if p.NGrams.At(-1) {
		u += (p.Hyper.Streams + 1) * p.Embd
	}
	return int64(4 * (p.Hyper.Streams*p.Embd + 4*u))
}

// after is how many numbers a token's streams are told what becomes of them behind a part: by how much what it makes is added to each, and the matrix that mixes them.
func (m *Model) after() int {
	if m.params.Hyper.Rounds > 0 {
		return m.streams * (1 + m.streams)
	}
	return m.streams
}

// reduce makes of all streams x [m][U][E] what a part is given, [m][E], and what becomes of the streams behind it, [m][U] or [m][U+U²].
func (r *run) reduce(dst, by, x []float32, of *hyper, m int) {
	if of.gated.down.t != nil {
		r.reduceGated(dst, by, x, of, m)
		return
	}
	h, e, u, n := r.m.params.Hyper, r.m.params.Embd, r.m.streams, of.fn.n
	flat, coefs := grow(&r.active, m*u*e), grow(&r.coefs, m*n)
	r.eachRow(m, func(_ *worker, row int) { r.normed(flat[row*u*e:][:u*e], x[row*u*e:][:u*e], nil, nil) })
	if of == &r.m.hyper {
		r.multiply(flat, m, product{coefs, &of.fn})
	} else {
		r.apply(flat, m, product{coefs, &of.fn})
	}
	width := r.m.after()
	least := h.Eps // of what is added
	if h.Rounds > 0 {
		least = 0
	}
	r.eachRow(m, func(_ *worker, row int) {
		one := dst[row*e:][:e]
		clear(one)
		coefs := coefs[row*n:][:n]
		for i := range coefs {
			coefs[i] = float32(coefs[i]*of.scale[min(i/u, 2)]) + of.base[i]
		}
		for i, v := range coefs[:min(n, 2*u)] {
			v = 1 / (1 + kernel.Exp(-v))
			if i < u {
				addScaled(one, x[(row*u+i)*e:][:e], v+h.Eps)
			} else {
				by[row*width+i-u] = float32(h.Magnitude*v) + least
			}
		}
		if n > 2*u {
			mix := by[row*width+u:][:u*u]
			copy(mix, coefs[2*u:])
			balance(mix, u, h.Rounds, h.Eps)
		}
	})
}

// balance makes of any square matrix of n rows one whose rows and columns sum to about one (Sinkhorn and Knopp).
func balance(x []float32, n, rounds int, eps float32) {
	for i := range n {
		kernel.Softmax(x[i*n:][:n])
	}
	for i := range x {
		x[i] += eps
	}
	for round := range rounds {
		for i := 0; round > 0 && i < n; i++ {
			divide(x[i*n:][:n], 1, eps)
		}
		for i := range n {
			divide(x[i:], n, eps)
		}
	}
}

// divide divides every step-th number of x by the sum of those.
func divide(x []float32, step int, eps float32) {
	sum := float32(0)
	for i := 0; i < len(x); i += step {
		sum += x[i]
	}
	for i := 0; i < len(x); i += step {
		x[i] /= sum + eps
	}
}

// distribute adds what a part made, y [m][E], to all streams, which are mixed before where a family does that.
func (r *run) distribute(x, by, y []float32, m int) {
	e, u, width := r.m.params.Embd, r.m.streams, r.m.after()
	r.eachRow(m, func(w *worker, row int) {
		streams, by := x[row*u*e:][:u*e], by[row*width:][:width]
		if width > u {
			was := append(grow(&w.rows, 0), streams...)
			w.rows = was
			clear(streams)
			for from := range u {
				for to := range u {
					addScaled(streams[to*e:][:e], was[from*e:][:e], by[u+from*u+to])
				}
			}
		}
		for i := range u {
			addScaled(streams[i*e:][:e], y[row*e:][:e], by[i])
		}
	})
}

// advanceHyper runs one layer over a batch whose tokens have several streams that hyper-connections mix.
func (r *run) advanceHyper(l *layer, b *batch, last bool) {
	e, u, m := l.p.Embd, r.m.streams, len(b.at)
	r.addGrams(b.x, l, b)
	h, att, by := grow(&r.h, m*e), grow(&r.att, m*l.behind().k), grow(&r.told4, m*r.m.after())
	own := *b
	own.x = grow(&r.first, m*e)
	r.tokens = grow(&r.tokens, 0)
	for i, at := range b.at {
		if !last || b.want[i] {
			r.tokens = append(r.tokens, at.token)
		}
	}
	r.reduce(own.x, by, b.x, &l.hyperAttn, m)
	before := r.hold(by)
	kept := r.keepState(h, l, &own)
	r.mix(att, h, l, &own)
	b.sees = own.sees
	if last { // nothing looks at other rows any more
		keep(b.x, b.want, u*e)
		keep(by, b.want, r.m.after())
		keep(kept, b.want, len(kept)/max(1, m))
		m = keep(att, b.want, l.behind().k)
		h = h[:m*e]
	}
	r.added(h, att, kept, l, m)
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

// mean is that of all streams x [m][U][E].
func (r *run) mean(dst, x []float32, m int) {
	e, u := r.m.params.Embd, r.m.streams
	r.eachRow(m, func(_ *worker, row int) {
		one := dst[row*e:][:e]
		clear(one)
		for i := range u {
			kernel.Add(one, x[(row*u+i)*e:][:e])
		}
		scale(one, 1/float32(u))
	})
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

package model

import (
	"math"

	"quern/internal/kernel"
)

// advance runs one layer over a batch: it changes the residual stream x. Shapes: m rows (tokens of all sequences), E embedding,
// H·D queries, KV·D keys and values, F feed-forward. After the last layer the final states of the wanted rows are in b.out.
func (r *run) advance(l *layer, b *batch, last bool) {
	p := &r.m.params
	x, m := b.x, len(b.at)
	h := grow(&r.h, m*p.Embd)    // [m][E]
	att := grow(&r.att, m*l.o.k) // [m][H·D]
	r.mix(att, h, l, b)
	if last { // nothing looks at other rows any more
		keep(x, b.want, p.Embd)
		m = keep(att, b.want, l.o.k)
		x, h = x[:m*p.Embd], h[:m*p.Embd]
	}
	r.apply(att, m, product{h, &l.o})
	r.add(x, r.normed(h, l.attnPost, m), m)
	r.feed(x, h, l, m)
	if last {
		r.normalize(b.out, x, r.m.norm, m)
	}
}

// mix is attention before its output matrix; it uses h.
func (r *run) mix(att, h []float32, l *layer, b *batch) {
	p := &r.m.params
	if p.MLA.KV > 0 {
		r.mixLatent(att, h, l, b)
		return
	}
	m := len(b.at)
	q := grow(&r.q, m*p.Heads*p.HeadDim)   // [m][H·D]
	k := grow(&r.k, m*p.KVHeads*p.HeadDim) // [m][KV·D]
	v := grow(&r.v, m*p.KVHeads*p.HeadDim) // [m][KV·D]
	r.normalize(h, b.x, l.attnNorm, m)
	r.apply(h, m, product{q, &l.q}, product{k, &l.k}, product{v, &l.v})
	r.normHeads(q, l.qNorm, p.Heads*p.HeadDim, m)
	r.normHeads(k, l.kNorm, p.KVHeads*p.HeadDim, m)
	r.rotate(q, k, v, b.at, r.ropeOf(l))
	r.attend(att, q, k, v, b.seqs, r.heads(l))
	r.lookMeans(h, q, k, l, b)
}

// think is the feed-forward network before its output matrix; it uses h.
func (r *run) think(x, h []float32, l *layer, m int) []float32 {
	gate := grow(&r.gate, m*r.m.params.FF) // [m][F]
	up := grow(&r.up, m*r.m.params.FF)     // [m][F]
	r.normalize(h, x, l.ffnNorm, m)
	r.apply(h, m, product{gate, &l.gate}, product{up, &l.up})
	r.activate(gate, up, m)
	return gate
}

// apply computes products with x [m][k], after the observer has looked at it.
func (r *run) apply(x []float32, m int, products ...product) {
	r.look(x, m, products...)
	r.multiply(x, m, products...)
}

// look shows the observer what products are computed with.
func (r *run) look(x []float32, m int, products ...product) {
	if r.observe == nil || r.err != nil || m == 0 {
		return
	}
	for _, p := range products {
		r.observe(p.w.layer, p.w.role, x[:m*p.w.k], m, p.w.k)
	}
}

// normalize is RMSNorm: h = x / √(mean x² + ε) · weight, row by row; x itself where a family has no norm.
func (r *run) normalize(h, x, weight []float32, m int) {
	if weight == nil {
		copy(h, x[:m*r.m.params.Embd])
		return
	}
	e, eps := len(weight), float64(r.m.params.NormEps)
	r.eachRow(m, func(_ *worker, row int) { normalize(h[row*e:][:e], x[row*e:][:e], weight, eps) })
}

// normed is what a part of a layer adds, normed where a family does that.
func (r *run) normed(h, weight []float32, m int) []float32 {
	if weight != nil {
		r.normalize(h, h, weight, m)
	}
	return h
}

func normalize(h, x, weight []float32, eps float64) {
	scale := float32(1 / math.Sqrt(kernel.SumSquares(x)/float64(len(x))+eps))
	kernel.ScaleBy(h, x, weight, scale)
}

// normHeads is RMSNorm of each head of x [m][width] in place, heads being as wide as the weight; nothing where a family has none.
func (r *run) normHeads(x, weight []float32, width, m int) {
	if weight == nil {
		return
	}
	d, eps := len(weight), float64(r.m.params.NormEps)
	r.eachRow(m, func(_ *worker, row int) {
		for at := row * width; at < (row+1)*width; at += d {
			normalize(x[at:][:d], x[at:][:d], weight, eps)
		}
	})
}

// rotate gives queries and keys their positions, and divides queries by √D. In deploy mode keys and values are then rounded
// as a half precision cache does; queries are not, as llama.cpp multiplies them in float32 when it reads a batch.
func (r *run) rotate(q, k, v []float32, at []place, rope *rope) {
	p := &r.m.params
	qdim, kdim := p.Heads*p.HeadDim, p.KVHeads*p.HeadDim
	scale := r.m.attentionScale()
	r.eachRow(len(at), func(w *worker, row int) {
		q, k, v := q[row*qdim:][:qdim], k[row*kdim:][:kdim], v[row*kdim:][:kdim]
		rope.rotate(q, at[row], p.HeadDim, r.m.neox)
		by := scale * r.m.temperature(at[row].pos)
		for i := range q {
			q[i] *= by
		}
		rope.rotate(k, at[row], p.HeadDim, r.m.neox)
		if r.mode == Deploy {
			w.halve(k, k)
			w.halve(v, v)
		}
	})
}

// activate is the gated unit: gate = f(gate) · up.
func (r *run) activate(gate, up []float32, m int) {
	if m == 0 {
		return
	}
	f := len(gate) / m
	r.eachRow(m, func(_ *worker, row int) {
		r.m.act(gate[row*f:][:f], up[row*f:][:f])
	})
}

// add is x += h, scaled where a family says so.
func (r *run) add(x, h []float32, m int) {
	e := r.m.params.Embd
	if by := r.m.params.Scales.Residual; by != 0 && by != 1 {
		r.eachRow(m, func(_ *worker, row int) { addScaled(x[row*e:][:e], h[row*e:][:e], by) })
		return
	}
	r.eachRow(m, func(_ *worker, row int) {
		kernel.Add(x[row*e:][:e], h[row*e:][:e])
	})
}

// keep moves the wanted rows of x, each of n columns, to the front and returns how many there are.
func keep(x []float32, want []bool, n int) (m int) {
	for row, w := range want {
		if w {
			copy(x[m*n:][:n], x[row*n:])
			m++
		}
	}
	return m
}

package model

import (
	"math"

	"quern/internal/kernel"
)

// A place is where in its sequence a row of a batch stands.
type place struct{ seq, pos int }

// forward runs a batch of sequences through the model and writes the final hidden states of the wanted rows to out, in
// order. Shapes: m rows (tokens of all sequences), E embedding, H·D queries, KV·D keys and values, F feed-forward.
func (r *run) forward(out []float32, batch [][]int32, want []bool) {
	p := &r.m.params
	seqs, m := r.lay(batch)
	x := grow(&r.x, m*p.Embd)                // [m][E] the residual stream
	h := grow(&r.h, m*p.Embd)                // [m][E]
	q := grow(&r.q, m*p.Heads*p.HeadDim)     // [m][H·D]
	k := grow(&r.k, m*p.KVHeads*p.HeadDim)   // [m][KV·D]
	v := grow(&r.v, m*p.KVHeads*p.HeadDim)   // [m][KV·D]
	att := grow(&r.att, m*p.Heads*p.HeadDim) // [m][H·D]
	gate := grow(&r.gate, m*p.FF)            // [m][F]
	up := grow(&r.up, m*p.FF)                // [m][F]

	r.embed(x, batch)
	for i := range r.m.layers {
		l := &r.m.layers[i]

		r.normalize(h, x, l.attnNorm, m)
		r.apply(h, m, product{q, &l.q}, product{k, &l.k}, product{v, &l.v})
		r.rotate(q, k, v, m)
		r.attend(att, q, k, v, seqs)
		if i == len(r.m.layers)-1 { // nothing looks at other rows any more
			keep(x, want, p.Embd)
			m = keep(att, want, p.Heads*p.HeadDim)
			x, h, gate, up = x[:m*p.Embd], h[:m*p.Embd], gate[:m*p.FF], up[:m*p.FF]
		}
		r.apply(att, m, product{h, &l.o})
		r.add(x, h, m)

		r.normalize(h, x, l.ffnNorm, m)
		r.apply(h, m, product{gate, &l.gate}, product{up, &l.up})
		r.activate(gate, up, m)
		r.apply(gate, m, product{h, &l.down})
		r.add(x, h, m)
	}
	r.normalize(out, x, r.m.norm, m)
}

// apply computes products with x [m][k], and shows it to the observer.
func (r *run) apply(x []float32, m int, products ...product) {
	if r.observe != nil && r.err == nil && m > 0 {
		for _, p := range products {
			r.observe(p.w.layer, p.w.role, x[:m*p.w.k], m, p.w.k)
		}
	}
	r.multiply(x, m, products...)
}

// lay puts the sequences of a batch one after the other.
func (r *run) lay(batch [][]int32) (seqs []sequence, m int) {
	r.place = r.place[:0]
	longest := 0
	for s, tokens := range batch {
		if len(tokens) > 0 {
			seqs = append(seqs, sequence{m, len(tokens)})
		}
		for pos := range tokens {
			r.place = append(r.place, place{s, pos})
		}
		m += len(tokens)
		longest = max(longest, len(tokens))
	}
	r.rope.reach(longest)
	return seqs, m
}

// embed decodes the embedding of every token into its row of x.
func (r *run) embed(x []float32, batch [][]int32) {
	e := r.m.params.Embd
	r.parallel((len(r.place)+rowsPerTask-1)/rowsPerTask, func(_ *worker, task int) error {
		for row := task * rowsPerTask; row < min(len(r.place), (task+1)*rowsPerTask); row++ {
			at := r.place[row]
			if err := r.m.embed.Rows.ReadRows(x[row*e:][:e], int(batch[at.seq][at.pos])); err != nil {
				return inTensor(r.m.embed, err)
			}
		}
		return nil
	})
}

// normalize is RMSNorm: h = x / √(mean x² + ε) · weight, row by row.
func (r *run) normalize(h, x, weight []float32, m int) {
	e, eps := len(weight), float64(r.m.params.NormEps)
	r.eachRow(m, func(_ *worker, row int) {
		x, h := x[row*e:][:e], h[row*e:][:e]
		scale := float32(1 / math.Sqrt(kernel.SumSquares(x)/float64(e)+eps))
		for i, g := range weight {
			h[i] = float32(x[i]*scale) * g
		}
	})
}

// rotate gives queries and keys their positions, and divides queries by √D. In deploy mode keys and values are then rounded as a half precision
// cache does; queries are not, as llama.cpp multiplies them in float32 when it reads a batch.
func (r *run) rotate(q, k, v []float32, m int) {
	p := &r.m.params
	qdim, kdim := p.Heads*p.HeadDim, p.KVHeads*p.HeadDim
	scale := float32(1 / math.Sqrt(float64(p.HeadDim)))
	r.eachRow(m, func(w *worker, row int) {
		q, k, v, pos := q[row*qdim:][:qdim], k[row*kdim:][:kdim], v[row*kdim:][:kdim], r.place[row].pos
		r.rope.rotate(q, pos, p.HeadDim, r.m.neox)
		for i := range q {
			q[i] *= scale
		}
		r.rope.rotate(k, pos, p.HeadDim, r.m.neox)
		if r.mode == Deploy {
			w.round(k, k, false)
			w.round(v, v, false)
		}
	})
}

// activate is the gated unit: gate = silu(gate) · up.
func (r *run) activate(gate, up []float32, m int) {
	f := r.m.params.FF
	r.eachRow(m, func(_ *worker, row int) {
		kernel.SiluMul(gate[row*f:][:f], up[row*f:][:f])
	})
}

// add is x += h.
func (r *run) add(x, h []float32, m int) {
	e := r.m.params.Embd
	r.eachRow(m, func(_ *worker, row int) {
		x, h := x[row*e:][:e], h[row*e:][:e]
		for i := range x {
			x[i] += h[i]
		}
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

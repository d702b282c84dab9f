package model

import "quern/internal/kernel"

// chooseMeans lets the index of a layer choose from h, its inputs, the blocks of positions that queries see: those whose keys are on the mean most like the queries of its
// heads, as many as the family says, and the positions behind the last whole block (Qwen 4).
func (r *run) chooseMeans(h []float32, l *layer, b *batch) sight {
	x, m, in := &l.index, len(b.at), r.m.params.Index
	q, k, by := grow(&r.indexQ, m*in.Heads*in.Dim), grow(&r.indexK, m*in.Dim), grow(&r.indexBy, m*in.Heads)
	r.apply(h, m, product{q, &x.q}, product{k, &x.k})
	longest := 0
	for _, s := range b.seqs {
		longest = max(longest, s.n)
	}
	in.Top /= in.Mean
	if longest/in.Mean <= in.Top {
		return sight{}
	}
	keys := grow(&r.indexKeys, m*in.Dim)
	r.eachRow(m, func(w *worker, row int) {
		if r.mode == Deploy {
			w.halve(k[row*in.Dim:][:in.Dim], k[row*in.Dim:][:in.Dim])
		}
		for i := range in.Heads {
			q := q[(row*in.Heads+i)*in.Dim:][:in.Dim]
			r.normed(q, q, x.qNorm.weight, nil)
			r.rope.rotate(q, b.at[row], in.Dim, r.m.neox)
			by[row*in.Heads+i] = 1
		}
	})
	for _, seq := range b.seqs {
		for j := range seq.n / in.Mean {
			key, from := keys[(seq.from+j)*in.Dim:][:in.Dim], seq.from+j*in.Mean
			clear(key)
			for i := range in.Mean {
				kernel.Add(key, k[(from+i)*in.Dim:][:in.Dim])
			}
			scale(key, 1/float32(in.Mean))
			r.normed(key, key, x.kNorm.weight, nil)
			r.rope.rotate(key, b.at[from], in.Dim, r.m.neox)
		}
	}
	return r.sightOf(q, keys, by, starts(b.seqs), in, b, in.Mean, longest)
}

package model

import (
	"math"

	"quern/internal/arch"
	"quern/internal/kernel"
)

// fixedBlocks is what heads see of sequences by a fixed pattern of blocks.
func (r *run) fixedBlocks(b *batch) sight {
	p, most := &r.m.params, 0
	of := &p.Sparse
	for _, s := range b.seqs {
		most = max(most, (s.n+of.Block-1)/of.Block)
	}
	if most <= of.Local || r.err != nil {
		return sight{}
	}
	s := sight{words: (most + 63) / 64, sets: p.Heads, block: of.Block}
	s.bits = make([]uint64, len(b.at)*s.sets*s.words) // as of blocks that are chosen
	r.eachRow(len(b.at), func(_ *worker, row int) {
		own := b.at[row].pos / of.Block
		for h := range p.Heads {
			bits := s.bits[(row*s.sets+h)*s.words:][:s.words]
			for k := range own + 1 {
				if of.Sees(h, own, k, p.Context/of.Block) {
					bits[k/64] |= 1 << (k % 64)
				}
			}
		}
	})
	return s
}

// chooseBlocks lets the index of a layer choose from h, its inputs, the blocks of positions that queries see, for every head of keys those that a head of the index scores
// highest: a block is as good as its best position, and those near by are always seen (MiniMax-M3).
func (r *run) chooseBlocks(h []float32, l *layer, b *batch) sight {
	if l.sparse && r.mode != Deploy {
		return r.fixedBlocks(b)
	}
	x, m := &l.index, len(b.at)
	in := r.m.params.Index
	if in.Mean > 0 && x.q.t != nil && r.err == nil {
		return r.chooseMeans(h, l, b)
	}
	if in.Block == 0 || x.q.t == nil || r.err != nil {
		return sight{}
	}
	q, k := grow(&r.indexQ, m*in.Heads*in.Dim), grow(&r.indexK, m*in.Dim)
	r.apply(h, m, product{q, &x.q}, product{k, &x.k})
	most := 0
	for _, s := range b.seqs {
		most = max(most, (s.n+in.Block-1)/in.Block)
	}
	if most <= in.Top {
		return sight{}
	}
	r.eachRow(m, func(w *worker, row int) {
		k := k[row*in.Dim:][:in.Dim]
		r.normed(k, k, x.kNorm.weight, nil)
		r.rope.rotate(k, b.at[row], in.Dim, r.m.neox)
		if r.mode == Deploy {
			w.halve(k, k)
		}
		for i := range in.Heads {
			q := q[(row*in.Heads+i)*in.Dim:][:in.Dim]
			r.normed(q, q, x.qNorm.weight, nil)
			r.rope.rotate(q, b.at[row], in.Dim, r.m.neox)
		}
	})
	s := sight{words: (most + 63) / 64, sets: in.Heads, block: in.Block}
	s.bits = make([]uint64, m*s.sets*s.words) // not lent: they are needed until the layer has attended
	for _, seq := range b.seqs {
		r.parallel((seq.n+queryBlock-1)/queryBlock, func(w *worker, task int) error {
			at := task * queryBlock
			w.markBlocks(s, q, k, in, seq, at, min(queryBlock, seq.n-at))
			return nil
		})
	}
	return s
}

// markBlocks chooses for n queries of a sequence, beginning with the one at pos.
func (w *worker) markBlocks(s sight, q, k []float32, in arch.Indexer, seq sequence, pos, n int) {
	const lanes = kernel.Lanes
	all, ld := pos+n, in.Heads*in.Dim
	cols := roundUp(all)
	w.packKeys(k[seq.from*in.Dim:], in.Dim, all, in.Dim)
	scores := grow(&w.scores, n*cols)
	for h := range in.Heads {
		for j := 0; j < all; j += lanes {
			kernel.MatMulF32(scores[j:], cols, q[(seq.from+pos)*ld+h*in.Dim:], ld, w.keys[j*in.Dim:], lanes, n, in.Dim, false)
		}
		for i := range n {
			own := (pos + i) / in.Block
			best := grow(&w.mix, own+1)
			for j := range best {
				from := j * in.Block
				if best[j] = kernel.Max(scores[i*cols+from : i*cols+min(from+in.Block, pos+i+1)]); j > own-in.Local {
					best[j] = float32(math.Inf(1))
				}
			}
			s.keep((seq.from+pos+i)*s.sets+h, best, in.Top, &w.prefer)
		}
	}
}

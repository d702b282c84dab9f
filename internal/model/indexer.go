package model

import (
	"math"
	"slices"

	"quern/internal/arch"
	"quern/internal/kernel"
)

// An indexer chooses the positions that queries see: of latent attention one by one, else in blocks.
type indexer struct {
	q, k  weight // [IH·ID][QL], or of blocks [IH·ID][E]; [ID][E]
	heads weight // [IH][E] how much each head counts; none of these in layers that see what another one chose
	qNorm norm   // [ID] of blocks
	kNorm norm   // [ID], takes the mean away but of blocks
	none  bool
}

func (x *indexer) slots(p *arch.Params) []slot {
	i := &p.Index
	if i.Top == 0 || x.none || p.Pooled.Groups > 0 {
		return nil
	}
	if i.Block > 0 || i.Mean > 0 {
		return []slot{
			{role: arch.RoleIndexQ, matrix: &x.q, n: i.Heads * i.Dim, k: p.Embd},
			{role: arch.RoleIndexK, matrix: &x.k, n: i.Dim, k: p.Embd},
			{role: arch.RoleIndexQNorm, norm: &x.qNorm, n: i.Dim},
			{role: arch.RoleIndexKNorm, norm: &x.kNorm, n: i.Dim},
		}
	}
	return []slot{
		{role: arch.RoleIndexQ, matrix: &x.q, n: i.Heads * i.Dim, k: p.MLA.Q},
		{role: arch.RoleIndexK, matrix: &x.k, n: i.Dim, k: p.Embd},
		{role: arch.RoleIndexHeads, matrix: &x.heads, n: i.Heads, k: p.Embd},
		{role: arch.RoleIndexKNorm, norm: &x.kNorm, n: i.Dim},
	}
}

// indexActs is what a token needs more of in a batch.
func indexActs(p *arch.Params) int64 {
	return int64(4 * (p.Index.Heads*(p.Index.Dim+1) + p.Index.Dim))
}

// A sight says of every row of a batch which positions of its sequence it sees; nil bits: all before it.
type sight struct {
	bits  []uint64 // [rows][sets][words]
	words int
	sets  int // of heads, evenly, which see each their own; 0: all see the same
	block int // a bit stands for so many positions; 0: for one
}

// keyEps is the epsilon of the norm of an indexer's keys, which no file tells.
const keyEps = 1e-6

// chooseSeen lets the indexer of a layer choose from h, its inputs, and qa, the narrow queries. In sequences that are no longer than what it chooses
// there is nothing to choose.
func (r *run) chooseSeen(h, qa []float32, l *layer, b *batch) sight {
	p, x, m := &r.m.params, &l.index, len(b.at)
	in := p.Index
	if in.Top == 0 || r.err != nil || l.window > 0 {
		return sight{}
	}
	if x.q.t == nil {
		return b.sees
	}
	b.sees = sight{}
	longest, pooled := 0, in.Pool > 0
	for _, s := range b.seqs {
		longest = max(longest, s.n)
	}
	q, k, by, gate := grow(&r.indexQ, m*in.Heads*in.Dim), grow(&r.indexK, m*in.Dim), grow(&r.indexBy, m*in.Heads), grow(&r.indexGate, m*l.indexPool.gate.n)
	products := []product{{k, &x.k}, {by, &x.heads}}
	if pooled {
		products = append(products, product{gate, &l.indexPool.gate})
	}
	if longest <= in.Top {
		r.look(qa, m, product{w: &x.q})
		r.stop(qa, product{w: &x.q})
		r.look(h, m, products...)
		r.stop(h, products...)
		return sight{}
	}
	r.apply(qa, m, product{q, &x.q})
	r.hold(q)
	r.apply(h, m, products...)
	scale, eps, from := float32(1/math.Sqrt(float64(in.Heads*in.Dim))), keyEps, 0
	if r.m.indexTail {
		eps, from = float64(p.NormEps), in.Dim-p.RopeDim
	}
	if in.Eps > 0 {
		eps = float64(in.Eps)
	}
	halves := !r.m.indexPairs || r.m.runsHalves && r.mode == Deploy
	r.eachRow(m, func(w *worker, row int) {
		k := k[row*in.Dim:][:in.Dim]
		centred(k, x.kNorm, eps)
		r.rope.rotate(k[from:], b.at[row], in.Dim-from, halves)
		if r.mode == Deploy {
			w.halve(k, k)
			if pooled {
				w.halve(gate[row*in.Dim:][:in.Dim], gate[row*in.Dim:][:in.Dim])
			}
		}
		for i := range in.Heads {
			r.rope.rotate(q[(row*in.Heads+i)*in.Dim+from:][:in.Dim-from], b.at[row], in.Dim-from, halves)
			by[row*in.Heads+i] *= scale
		}
	})
	s := r.seen(q, k, by, gate, l, b, longest)
	if in.Full != nil {
		b.sees = s
	}
	return s
}

// seen does that for all sequences, whose keys are each of a position or are made of several.
func (r *run) seen(q, k, by, gate []float32, l *layer, b *batch, longest int) sight {
	in := r.m.params.Index
	if in.Pool == 0 {
		return r.sightOf(q, k, by, starts(b.seqs), in, b, 1, longest)
	}
	begins, all := l.indexPool.counts(b.seqs)
	keys := grow(&r.indexKeys, all*in.Dim)
	l.indexPool.make(r, keys, k, gate, b.seqs)
	in.Top /= in.Pool
	return r.sightOf(q, keys, by, begins, in, b, in.Pool, longest)
}

// starts are where sequences begin.
func starts(seqs []sequence) []int {
	begins := make([]int, len(seqs))
	for i, seq := range seqs {
		begins[i] = seq.from
	}
	return begins
}

// sightOf is what queries see of keys, which begin where begins says for each sequence and are of ratio positions each; those behind the last whole key are always seen.
func (r *run) sightOf(q, keys, by []float32, begins []int, in arch.Indexer, b *batch, ratio, longest int) sight {
	s := sight{words: (longest/ratio + 64) / 64}
	if ratio > 1 {
		s.block = ratio
	}
	s.bits = make([]uint64, len(b.at)*s.words) // not lent: they are needed until the layer has attended
	for i, seq := range b.seqs {
		r.parallel((seq.n+queryBlock-1)/queryBlock, func(w *worker, task int) error {
			at := task * queryBlock
			w.chooseBlock(s, q, keys[begins[i]*in.Dim:], by, in, seq, at, min(queryBlock, seq.n-at), ratio)
			return nil
		})
	}
	if ratio > 1 {
		r.eachRow(len(b.at), func(_ *worker, row int) {
			tail := (b.at[row].pos + 1) / ratio
			s.bits[row*s.words+tail/64] |= 1 << (tail % 64)
		})
	}
	return s
}

// chooseBlock chooses for n queries of a sequence, beginning with the one at pos, among its keys, each of so many positions.
func (w *worker) chooseBlock(s sight, q, k, by []float32, in arch.Indexer, seq sequence, pos, n, ratio int) {
	const lanes = kernel.Lanes
	all := (pos + n) / ratio
	cols := roundUp(all)
	w.packKeys(k, in.Dim, all, in.Dim)
	one, sums := grow(&w.scores, n*cols), grow(&w.mix, n*cols)
	clear(sums)
	for h := range in.Heads {
		ld := in.Heads * in.Dim
		for j := 0; j < all; j += lanes {
			kernel.MatMulF32(one[j:], cols, q[(seq.from+pos)*ld+h*in.Dim:], ld, w.keys[j*in.Dim:], lanes, n, in.Dim, false)
		}
		for i := range n {
			weight := by[(seq.from+pos+i)*in.Heads+h]
			for j, v := range one[i*cols:][:(pos+i+1)/ratio] {
				sums[i*cols+j] += float32(max(v, 0) * weight)
			}
		}
	}
	for i := range n {
		s.keep(seq.from+pos+i, sums[i*cols:][:(pos+i+1)/ratio], in.Top, &w.prefer)
	}
}

// keep marks for a row the positions with the highest scores, the first of equal ones.
func (s *sight) keep(row int, scores []float32, top int, scratch *[]float32) {
	bits := s.bits[row*s.words:][:s.words]
	least, equal := float32(math.Inf(-1)), len(scores)
	if len(scores) > top {
		sorted := append(grow(scratch, 0), scores...)
		*scratch = sorted
		slices.Sort(sorted)
		least, equal = sorted[len(sorted)-top], top
		for _, v := range sorted[len(sorted)-top:] {
			if v > least {
				equal--
			}
		}
	}
	for j, v := range scores {
		if v == least && equal > 0 || v > least {
			bits[j/64] |= 1 << (j % 64)
		}
		if v == least {
			equal--
		}
	}
}

// hide gives the scores of positions from… that a head, one of so many, does not see from a row no weight.
func (s *sight) hide(scores []float32, row, from, head, heads int) {
	if s.bits == nil {
		return
	}
	if s.sets > 0 {
		row = row*s.sets + head*s.sets/heads
	}
	bits, block := s.bits[row*s.words:][:s.words], max(1, s.block)
	for i := range scores {
		if j := (from + i) / block; bits[j/64]>>(j%64)&1 == 0 {
			scores[i] = float32(math.Inf(-1))
		}
	}
}

// centred is a norm that takes the mean away, in place.
func centred(x []float32, n norm, eps float64) {
	mean := float32(kernel.Sum(x) / float64(len(x)))
	for i := range x {
		x[i] -= mean
	}
	kernel.ScaleBy(x, x, n.weight, float32(1/math.Sqrt(kernel.SumSquares(x)/float64(len(x))+eps)))
	if n.bias != nil {
		kernel.Add(x, n.bias)
	}
}

package model

import (
	"math"

	"quern/internal/arch"
	"quern/internal/kernel"
)

// A pool makes one key of several positions: of each, one matrix makes a key and another how much each of its numbers counts, beside what its place among the positions
// adds to that; their mean by the softmax of those is normed. Keys that overlap are made of the positions of the key before, too, with other rows of the matrices.
type pool struct {
	k, gate weight    // [C·D][E], with C two where keys overlap
	bias    []float32 // [ratio][C·D]
	norm    norm      // [D], or nothing where the keys of single positions are normed
	ratio   int       // positions of a key; 0: there are none
	twice   bool
}

// poolOf is that of a layer, still without matrices.
func poolOf(p *arch.Params, layer int) pool {
	ratio := p.Pooled.Ratio(layer)
	return pool{ratio: ratio, twice: p.Pooled.Overlaps(ratio)}
}

// indexPoolOf is that of what chooses positions, likewise.
func indexPoolOf(p *arch.Params, layer int) pool {
	if p.Index.Pool > 0 {
		return pool{ratio: p.Index.Pool}
	}
	return poolOf(p, layer)
}

// slots of keys of d numbers.
func (x *pool) slots(p *arch.Params, d int, k, gate, bias, norm arch.Role) []slot {
	if x.ratio == 0 {
		return nil
	}
	n := d
	if x.twice {
		n *= 2
	}
	return []slot{
		{role: k, matrix: &x.k, n: n, k: p.Embd},
		{role: gate, matrix: &x.gate, n: n, k: p.Embd},
		{role: bias, table: &x.bias, n: x.ratio, k: n},
		{role: norm, norm: &x.norm, n: d},
	}
}

// pooledSlots are those of attention with such keys.
func (l *layer) pooledSlots(p *arch.Params) []slot {
	x := &p.Pooled
	list := []slot{
		{role: arch.RoleQA, matrix: &l.mla.qa, n: p.MLA.Q, k: p.Embd},
		{role: arch.RoleQANorm, vector: &l.mla.qaNorm, n: p.MLA.Q},
		{role: arch.RoleQ, matrix: &l.q, n: p.Heads * p.HeadDim, k: p.MLA.Q},
		{role: arch.RoleK, matrix: &l.k, n: p.HeadDim, k: p.Embd},
		{role: arch.RoleKNorm, norm: &l.kNorm, n: p.HeadDim},
		{role: arch.RoleSinks, vector: &l.sinks, n: p.Heads},
		{role: arch.RoleOA, matrix: &l.oa, n: x.Groups * x.Rank, k: p.Heads * p.HeadDim / x.Groups},
		{role: arch.RoleO, matrix: &l.o, n: p.Embd, k: x.Groups * x.Rank},
	}
	list = append(list, l.pool.slots(p, p.HeadDim, arch.RolePoolK, arch.RolePoolGate, arch.RolePoolBias, arch.RolePoolNorm)...)
	if l.index.none {
		return list
	}
	list = append(list, l.indexPool.slots(p, p.Index.Dim, arch.RoleIndexK, arch.RoleIndexGate, arch.RoleIndexBias, arch.RoleIndexKNorm)...)
	return append(list,
		slot{role: arch.RoleIndexQ, matrix: &l.index.q, n: p.Index.Heads * p.Index.Dim, k: p.MLA.Q},
		slot{role: arch.RoleIndexHeads, matrix: &l.index.heads, n: p.Index.Heads, k: p.Embd},
	)
}

// pooledActs is what a token needs more of in a batch.
func pooledActs(p *arch.Params) int64 {
	x := &p.Pooled
	if x.Groups == 0 {
		return 0
	}
	return int64(4 * (p.MLA.Q + 7*p.HeadDim + 4*p.Index.Dim + p.Heads*p.HeadDim + p.Heads*p.HeadDim/x.Groups + 2*x.Groups*x.Rank))
}

// counts are how many keys each sequence of a batch has, and where its first is, in a row of all.
func (x *pool) counts(seqs []sequence) (begins []int, all int) {
	for _, s := range seqs {
		begins = append(begins, all)
		all += s.n / x.ratio
	}
	return begins, all
}

// make makes the keys [all][D] of what was multiplied, k and gate [m][C·D]. They have the position of the first of those that they are made of.
func (x *pool) make(r *run, keys, k, gate []float32, seqs []sequence) {
	d, n := x.gate.n, x.gate.n
	begins, _ := x.counts(seqs)
	rot, slots := r.m.params.RopeDim, x.ratio
	if x.twice {
		slots, d = 2*slots, n/2
	}
	r.parallel(len(seqs), func(w *worker, task int) error {
		s := seqs[task]
		weights := grow(&w.mix, slots)
		for i := range s.n / x.ratio {
			key := keys[(begins[task]+i)*d:][:d]
			first, from := i*x.ratio, 0 // of positions; of rows of the matrices
			if x.twice {
				first -= x.ratio
			}
			for c := range d {
				used := weights[:0]
				for j := range slots {
					if first+j < 0 {
						continue
					}
					if from = c; x.twice && j >= x.ratio {
						from += d
					}
					used = append(used, gate[(s.from+first+j)*n+from]+x.bias[j%x.ratio*n+from])
				}
				kernel.Softmax(used)
				sum := float32(0)
				for u, by := range used {
					j := slots - len(used) + u
					if from = c; x.twice && j >= x.ratio {
						from += d
					}
					sum += float32(k[(s.from+first+j)*n+from] * by)
				}
				key[c] = sum
			}
			if x.norm.weight != nil {
				r.normed(key, key, x.norm.weight, nil)
			}
			r.rope.rotate(key[d-rot:], place{pos: i * x.ratio}, rot, false)
			if r.mode == Deploy {
				w.halve(key, key)
			}
		}
		return nil
	})
}

// mixPooled is attention before its output matrix; it uses h.
func (r *run) mixPooled(att, h []float32, l *layer, b *batch) {
	p, m := l.p, len(b.at)
	d, rot, rope := p.HeadDim, p.RopeDim, r.ropeOf(l)
	q, qa, k := grow(&r.q, m*p.Heads*d), grow(&r.qa, m*l.mla.qa.n), grow(&r.k, m*d)
	r.normalize(h, b.x, l.attnNorm, m)
	products := []product{{qa, &l.mla.qa}, {k, &l.k}}
	var poolK, poolGate, indexK, indexGate, by []float32
	if x := &l.pool; x.ratio > 0 {
		poolK, poolGate = grow(&r.poolK, m*x.k.n), grow(&r.poolGate, m*x.k.n)
		products = append(products, product{poolK, &x.k}, product{poolGate, &x.gate})
	}
	if !l.index.none {
		indexK, indexGate, by = grow(&r.indexK, m*l.indexPool.k.n), grow(&r.indexGate, m*l.indexPool.k.n), grow(&r.indexBy, m*p.Index.Heads)
		products = append(products, product{indexK, &l.indexPool.k}, product{indexGate, &l.indexPool.gate}, product{by, &l.index.heads})
	}
	r.apply(h, m, products...)
	r.normalize(qa, qa, norm{weight: l.mla.qaNorm}, m)
	before := r.hold(k, poolK, poolGate, indexK, indexGate, by)
	narrow := []product{{q, &l.q}}
	var indexQ []float32
	if !l.index.none {
		indexQ = grow(&r.indexQ, m*p.Index.Heads*p.Index.Dim)
		narrow = append(narrow, product{indexQ, &l.index.q})
	}
	r.apply(qa, m, narrow...)
	r.release(before)
	scale := attentionScale(&r.m.params)
	r.eachRow(m, func(w *worker, row int) {
		k := k[row*d:][:d]
		r.normed(k, k, l.kNorm.weight, nil)
		rope.rotate(k[d-rot:], b.at[row], rot, false)
		if r.mode == Deploy {
			w.halve(k, k)
		}
		for i := range p.Heads {
			q := q[(row*p.Heads+i)*d:][:d]
			r.normed(q, q, nil, nil)
			rope.rotate(q[d-rot:], b.at[row], rot, false)
			for j := range q {
				q[j] *= scale
			}
		}
	})
	var sees sight
	if !l.index.none {
		sees = r.choosePooled(indexQ, indexK, indexGate, by, l, b)
	}
	all := []int{0}
	var pooled []float32
	if l.pool.ratio > 0 {
		var n int
		all, n = l.pool.counts(b.seqs)
		pooled = grow(&r.pooled, n*d)
		l.pool.make(r, pooled, poolK, poolGate, b.seqs)
	}
	mixed := grow(&r.mixed, m*p.Heads*d)
	r.attendPooled(mixed, q, k, pooled, all, l, b, sees)
	r.eachRow(m, func(_ *worker, row int) {
		for i := range p.Heads {
			rope.back(mixed[(row*p.Heads+i)*d+d-rot:][:rot], b.at[row].pos)
		}
	})
	r.groupHeads(att, mixed, l, m)
}

// groupHeads makes a few numbers of each group of heads. The matrix is those of all groups, one behind the other; what is shown as its inputs are those of every group.
func (r *run) groupHeads(att, mixed []float32, l *layer, m int) {
	x := &r.m.params.Pooled
	wide := l.oa.k
	r.look(mixed, m*x.Groups, product{w: &l.oa})
	r.stop(mixed, product{w: &l.oa})
	in, out := grow(&r.taken, m*wide), grow(&r.made, m*x.Rank)
	for g := range x.Groups {
		r.eachRow(m, func(_ *worker, row int) { copy(in[row*wide:][:wide], mixed[(row*x.Groups+g)*wide:]) })
		if r.err != nil {
			return
		}
		r.multiply(in, m, product{out, l.oa.part(g, x.Rank)})
		r.eachRow(m, func(_ *worker, row int) { copy(att[(row*x.Groups+g)*x.Rank:][:x.Rank], out[row*x.Rank:]) })
	}
}

// choosePooled chooses for every query the keys of several positions that it sees.
func (r *run) choosePooled(q, k, gate, by []float32, l *layer, b *batch) sight {
	p, m := &r.m.params, len(b.at)
	in, x := p.Index, &l.indexPool
	longest := 0
	for _, s := range b.seqs {
		longest = max(longest, s.n/x.ratio)
	}
	if longest <= in.Top || r.err != nil {
		return sight{}
	}
	begins, all := x.counts(b.seqs)
	keys := grow(&r.indexKeys, all*in.Dim)
	x.make(r, keys, k, gate, b.seqs)
	scale, tail := float32(1/math.Sqrt(float64(in.Heads*in.Dim))), in.Dim-p.RopeDim
	r.eachRow(m, func(_ *worker, row int) {
		for i := range in.Heads {
			r.rope.rotate(q[(row*in.Heads+i)*in.Dim+tail:][:p.RopeDim], b.at[row], p.RopeDim, false)
			by[row*in.Heads+i] *= scale
		}
	})
	s := sight{words: (longest + 63) / 64}
	s.bits = make([]uint64, m*s.words) // not lent: they are needed until the layer has attended
	for i, seq := range b.seqs {
		r.parallel((seq.n+queryBlock-1)/queryBlock, func(w *worker, task int) error {
			at := task * queryBlock
			w.chooseBlock(s, q, keys[begins[i]*in.Dim:], by, in, seq, at, min(queryBlock, seq.n-at), x.ratio)
			return nil
		})
	}
	return s
}

// attendPooled is attend with one head of keys, which are values too: those of a window, and before them in the softmax those of several positions.
func (r *run) attendPooled(att, q, k, pooled []float32, begins []int, l *layer, b *batch, sees sight) {
	p := l.p
	share := min(p.Heads, headsTogether)
	tasks := (p.Heads + share - 1) / share
	r.parallel(len(b.seqs)*tasks, func(w *worker, task int) error {
		s, head := b.seqs[task/tasks], task%tasks*share
		d, n := p.HeadDim, 0
		if l.pool.ratio > 0 {
			n = s.n / l.pool.ratio
			pooled := pooled[begins[task/tasks]*d:][:n*d]
			w.joinKeys(pooled, k[s.from*d:][:s.n*d], d)
		} else {
			w.joinKeys(nil, k[s.from*d:][:s.n*d], d)
		}
		for i := 0; i < s.n; i += queryBlock {
			for h := head; h < min(head+share, p.Heads); h++ {
				row := (s.from + i) * p.Heads
				w.attendBeside(att[(row+h)*d:], q[(row+h)*d:], l, h, i, min(queryBlock, s.n-i), n, s, sees)
			}
		}
		return nil
	})
}

// joinKeys packs keys of several positions, and behind them, from a whole panel on, those of single ones.
func (w *worker) joinKeys(pooled, k []float32, d int) {
	n := len(pooled) / d
	first := roundUp(n)
	both := grow(&w.both, first*d+len(k))
	copy(both, pooled)
	clear(both[len(pooled) : first*d])
	copy(both[first*d:], k)
	w.packKeys(both, d, len(both)/d, d)
	w.packValues(both, d, len(both)/d, d)
}

// attendBeside is one head of n queries, beginning with the one at pos, with so many keys of several positions before those of single ones.
func (w *worker) attendBeside(att, q []float32, l *layer, head, pos, n, pooled int, s sequence, sees sight) {
	const lanes = kernel.Lanes
	d, ld := l.p.HeadDim, l.p.Heads*l.p.HeadDim
	ready := func(pos int) int { // keys whose positions are all before the query's, or its own the last of them
		if pooled == 0 {
			return 0
		}
		return min(pooled, (pos+1)/l.pool.ratio)
	}
	seen := func(pos int) int { return max(0, pos+1-l.window) }
	first, far := roundUp(pooled), roundUp(ready(pos+n-1))
	lo, hi := seen(pos)/lanes*lanes, pos+n
	wide, cols := roundUp(d), far+roundUp(hi-lo)
	scores, mix := grow(&w.scores, n*cols), grow(&w.mix, n*wide)
	for j := 0; j < far; j += lanes {
		kernel.MatMulF32(scores[j:], cols, q, ld, w.keys[j*d:], lanes, n, d, false)
	}
	for j := lo; j < hi; j += lanes {
		kernel.MatMulF32(scores[far+j-lo:], cols, q, ld, w.keys[(first+j)*d:], lanes, n, d, false)
	}
	none := float32(math.Inf(-1))
	for i := range n {
		row, at := scores[i*cols:][:far+hi-lo], pos+i
		sees.hide(row[:ready(at)], s.from+at, 0, head, l.p.Heads)
		for j := ready(at); j < far+seen(at)-lo; j++ {
			row[j] = none
		}
		weighWithSink(row, 0, far+at+1-lo, l.sinks[head])
	}
	for c := 0; c < wide; c += lanes {
		kernel.MatMulF32(mix[c:], wide, scores[far:], cols, w.values[(first+lo)*wide+c:], wide, n, hi-lo, false)
		if far > 0 {
			kernel.MatMulF32(mix[c:], wide, scores, cols, w.values[c:], wide, n, far, true)
		}
	}
	for i := range n {
		copy(att[i*ld:][:d], mix[i*wide:])
	}
}

// back turns neighbouring pairs of x, which stand at a position, back.
func (r *rope) back(x []float32, pos int) {
	half := len(r.freq)
	cos, sin := r.cos[pos*half:][:half], r.sin[pos*half:][:half]
	for i := range half {
		a, b := x[2*i], x[2*i+1]
		x[2*i] = float32(a*cos[i]) + float32(b*sin[i])
		x[2*i+1] = float32(b*cos[i]) - float32(a*sin[i])
	}
}

package model

import (
	"quern/internal/arch"
	"quern/internal/kernel"
)

// A sequence is a run of rows of a batch.
type sequence struct{ from, n int }

// queryBlock is the number of queries whose scores are held at once.
const queryBlock = 32

// heads are the sizes of attention: so many heads of queries, which share keys and values evenly.
type heads struct {
	n, shared  int         // H, KV
	key, value int         // dimensions of a key and of a value
	window     int         // positions that a query sees; 0 = all
	chunked    bool        // a window begins at every multiple of its size
	both       bool        // queries see what comes after them, too: of a window half before and half behind
	sinks      []float32   // [H], or nil
	cap        float32     // of scores, 0: none
	growFrom   int         // the position behind which they grow, 0: nowhere
	slopes     []float32   // [H] taken from scores for each position between, or nil
	relative   [][]float32 // [H] added to them by distance, or nil
	read       []sequence  // rows of keys and values for each sequence of queries, where they are others; nil: they are the same
	sees       sight       // of rows of the batch, which positions they see
}

func (r *run) heads(l *layer, sees sight) heads {
	p, window := l.p, l.window
	if r.mode == Deploy && r.m.blind {
		window = 0
	}
	from := p.GrowFrom
	if r.mode == Deploy {
		from = 0
	}
	return heads{p.Heads, p.KVHeads, p.HeadDim, valueDim(p), window, r.m.chunked, l.both, l.sinks, p.Caps.Scores, from, r.m.slopes, l.relative, nil, sees}
}

// valueDim is the size of a head's values, that of its keys where nothing else is said.
func valueDim(p *arch.Params) int {
	if p.ValueDim > 0 {
		return p.ValueDim
	}
	return p.HeadDim
}

// attend computes att [rows][H·value] from q [rows][H·key], already divided by √D, k [rows][KV·key] and v [rows][KV·value]: for each
// sequence and head, the mean of the values at positions up to the query's own (Window of them at most), or of an encoder at all, weighted by softmax(q·k).
func (r *run) attend(att, q, k, v []float32, seqs []sequence, of heads) {
	share := of.n / of.shared // grouped-query attention: so many heads use the same keys and values
	if len(seqs)*of.shared < 4*r.threads {
		share = 1 // more tasks, at the price of packing keys and values for each
	}
	tasks := of.n / share
	r.parallel(len(seqs)*tasks, func(w *worker, task int) error {
		s := seqs[task/tasks]
		from := s
		if of.read != nil {
			from = of.read[task/tasks]
		}
		r.attendHeads(w, att, q, k, v, s, from, of, task%tasks*share, share)
		return nil
	})
}

// attendHeads is count heads of one sequence, which share keys and values, those of sequence from.
func (r *run) attendHeads(w *worker, att, q, k, v []float32, s, from sequence, of heads, head, count int) {
	ldk, ldv, kv := of.shared*of.key, of.shared*of.value, head/(of.n/of.shared)
	w.packKeys(k[from.from*ldk+kv*of.key:], ldk, from.n, of.key)
	w.packValues(v[from.from*ldv+kv*of.value:], ldv, from.n, of.value)
	for i := 0; i < s.n; i += queryBlock {
		for h := head; h < head+count; h++ {
			row := (s.from + i) * of.n
			r.attendBlock(w, att[row*of.value+h*of.value:], q[row*of.key+h*of.key:], of, h, i, min(queryBlock, s.n-i), s.from, from.n)
		}
	}
}

// attendBlock is one head of n queries, beginning with the one at pos of a sequence whose rows begin at first; there are so many keys in all.
func (r *run) attendBlock(w *worker, att, q []float32, of heads, head, pos, n, first, all int) {
	const lanes = kernel.Lanes
	lo, hi := of.visible(pos)/lanes*lanes, of.end(pos+n-1, all) // keys that some query of the block sees
	wide, cols := roundUp(of.value), roundUp(hi-lo)
	scores, mix := grow(&w.scores, n*cols), grow(&w.mix, n*wide)
	for j := lo; j < hi; j += lanes {
		kernel.MatMulF32(scores[j-lo:], cols, q, of.n*of.key, w.keys[j*of.key:], lanes, n, of.key, false)
	}
	for i := range n {
		row, from, to := scores[i*cols:][:hi-lo], of.visible(pos+i)-lo, of.end(pos+i, all)-lo
		capped(row[from:to], of.cap)
		of.grow(row[from:to], pos+i)
		of.lower(row[from:to], head, lo+from, pos+i)
		of.near(row[from:to], head, lo+from, pos+i)
		of.sees.hide(row[from:to], first+pos+i, lo+from, head, of.n)
		if of.sinks != nil {
			weighWithSink(row, from, to, of.sinks[head])
			continue
		}
		weigh(row, from, to)
	}
	for c := 0; c < wide; c += lanes {
		kernel.MatMulF32(mix[c:], wide, scores, cols, w.values[lo*wide+c:], wide, n, hi-lo, false)
	}
	for i := range n {
		copy(att[i*of.n*of.value:][:of.value], mix[i*wide:])
	}
}

// grow makes scores of a query far behind in a text larger, where a family does that.
func (of *heads) grow(scores []float32, pos int) {
	if of.growFrom > 0 && pos > of.growFrom {
		scale(scores, float32(arch.Natural(float64(pos))/arch.Natural(float64(of.growFrom))))
	}
}

// roundUp gives whole panels.
func roundUp(n int) int { return (n + kernel.Lanes - 1) / kernel.Lanes * kernel.Lanes }

// visible is the first position that the query at pos sees.
func (of *heads) visible(pos int) int {
	switch w := of.window; {
	case w > 0 && of.both:
		return max(0, pos-w/2)
	case w > 0 && of.chunked:
		return pos / w * w
	case w > 0:
		return max(0, pos+1-w)
	}
	return 0
}

// end is the first position behind those that the query at pos sees, of so many.
func (of *heads) end(pos, all int) int {
	switch w := of.window; {
	case !of.both:
		return pos + 1
	case w > 0:
		return min(all, pos+w/2+1)
	}
	return all
}

// weigh turns the scores from…to-1 into weights, and those outside into zeros.
func weigh(scores []float32, from, to int) {
	clear(scores[:from])
	kernel.Softmax(scores[from:to])
	clear(scores[to:])
}

// packKeys copies n keys of dimension d, ld apart, into panels [n/32][d][32] of positions; absent ones are zero.
func (w *worker) packKeys(k []float32, ld, n, d int) {
	const lanes = kernel.Lanes
	grow(&w.keys, roundUp(n)*d)
	rows := grow(&w.rows, lanes*d)
	for j := 0; j < n; j += lanes {
		have := min(lanes, n-j)
		for i := range have {
			copy(rows[i*d:][:d], k[(j+i)*ld:])
		}
		kernel.PackF32(w.keys[j*d:][:lanes*d], rows[:have*d], have, d)
	}
}

// packValues copies n values of dimension d, ld apart, into rows of whole panels, the rest of them zero.
func (w *worker) packValues(v []float32, ld, n, d int) {
	wide := roundUp(d)
	values := grow(&w.values, n*wide)
	for i := range n {
		row := values[i*wide:][:wide]
		copy(row[:d], v[i*ld:])
		clear(row[d:])
	}
}

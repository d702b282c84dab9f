package model

import "quern/internal/kernel"

// A sequence is a run of rows of a batch.
type sequence struct{ from, n int }

// queryBlock is the number of queries whose scores are held at once.
const queryBlock = 32

// attend computes att [rows][H*D] from q [rows][H*D], already divided by √D, and k and v [rows][KV*D]: for each sequence
// and head, the mean of the values at positions up to the query's own (Window of them at most), weighted by softmax(q·k).
func (r *run) attend(att, q, k, v []float32, seqs []sequence) {
	p := &r.m.params
	share := p.Heads / p.KVHeads // grouped-query attention: so many heads use the same keys and values
	if len(seqs)*p.KVHeads < 4*r.threads {
		share = 1 // more tasks, at the price of packing keys and values for each
	}
	tasks := p.Heads / share
	r.parallel(len(seqs)*tasks, func(w *worker, task int) error {
		r.attendHeads(w, att, q, k, v, seqs[task/tasks], task%tasks*share, share)
		return nil
	})
}

// attendHeads is some heads of one sequence, which share keys and values.
func (r *run) attendHeads(w *worker, att, q, k, v []float32, s sequence, head, heads int) {
	p := &r.m.params
	d, qdim, kdim := p.HeadDim, p.Heads*p.HeadDim, p.KVHeads*p.HeadDim
	kv := s.from*kdim + head/(p.Heads/p.KVHeads)*d
	w.packKeys(k[kv:], kdim, s.n, d)
	w.packValues(v[kv:], kdim, s.n, d)
	for i := 0; i < s.n; i += queryBlock {
		for h := head; h < head+heads; h++ {
			at := (s.from+i)*qdim + h*d
			r.attendBlock(w, att[at:], q[at:], i, min(queryBlock, s.n-i))
		}
	}
}

// attendBlock is one head of n queries, beginning with the one at pos.
func (r *run) attendBlock(w *worker, att, q []float32, pos, n int) {
	const lanes = kernel.Lanes
	d, ld := r.m.params.HeadDim, r.m.params.Heads*r.m.params.HeadDim
	lo, hi := r.visible(pos)/lanes*lanes, pos+n // keys that some query of the block sees
	wide, cols := roundUp(d), roundUp(hi-lo)
	scores, mix := grow(&w.scores, n*cols), grow(&w.mix, n*wide)
	for j := lo; j < hi; j += lanes {
		kernel.MatMulF32(scores[j-lo:], cols, q, ld, w.keys[j*d:], lanes, n, d, false)
	}
	for i := range n {
		weigh(scores[i*cols:][:hi-lo], r.visible(pos+i)-lo, pos+i+1-lo)
	}
	for c := 0; c < wide; c += lanes {
		kernel.MatMulF32(mix[c:], wide, scores, cols, w.values[lo*wide+c:], wide, n, hi-lo, false)
	}
	for i := range n {
		copy(att[i*ld:][:d], mix[i*wide:])
	}
}

// roundUp gives whole panels.
func roundUp(n int) int { return (n + kernel.Lanes - 1) / kernel.Lanes * kernel.Lanes }

// visible is the first position that the query at pos sees.
func (r *run) visible(pos int) int {
	if w := r.m.params.Window; w > 0 {
		return max(0, pos+1-w)
	}
	return 0
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

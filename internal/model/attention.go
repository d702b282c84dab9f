package model

import (
	"math"

	"quern/internal/kernel"
)

// A sequence is a run of rows of a batch.
type sequence struct{ from, n int }

// queryBlock is the number of queries whose scores are held at once.
const queryBlock = 32

// attend computes att [rows][H*D] from q [rows][H*D], k and v [rows][KV*D]: for each sequence and head, the mean of the
// values at positions up to the query's own (Window of them at most), weighted by softmax(q·k/√D).
func (r *run) attend(att, q, k, v []float32, seqs []sequence) {
	heads := r.m.params.Heads
	r.parallel(len(seqs)*heads, func(w *worker, task int) error {
		r.attendHead(w, att, q, k, v, seqs[task/heads], task%heads)
		return nil
	})
}

// attendHead is one head of one sequence.
func (r *run) attendHead(w *worker, att, q, k, v []float32, s sequence, head int) {
	const lanes = kernel.Lanes
	p := &r.m.params
	d, qdim, kdim := p.HeadDim, p.Heads*p.HeadDim, p.KVHeads*p.HeadDim
	kv := s.from*kdim + head/(p.Heads/p.KVHeads)*d // grouped-query attention: several heads share keys and values
	panels := (s.n + lanes - 1) / lanes
	wide := (d + lanes - 1) / lanes * lanes
	w.packKeys(k[kv:], kdim, s.n, d)
	w.packValues(v[kv:], kdim, s.n, d, wide)
	scores := grow(&w.scores, queryBlock*panels*lanes)
	mix := grow(&w.mix, queryBlock*wide)
	for i := 0; i < s.n; i += queryBlock {
		n := min(queryBlock, s.n-i)
		row := (s.from+i)*qdim + head*d
		lo, hi := r.visible(i)/lanes*lanes, i+n // keys that some query of the block sees
		ld := (hi - lo + lanes - 1) / lanes * lanes
		for j := lo; j < hi; j += lanes {
			kernel.MatMulF32(scores[j-lo:], ld, q[row:], qdim, w.keys[j*d:], lanes, n, d, false)
		}
		for a := range n {
			weigh(scores[a*ld:][:hi-lo], r.visible(i+a)-lo, i+a+1-lo, d)
		}
		for c := 0; c < wide; c += lanes {
			kernel.MatMulF32(mix[c:], wide, scores, ld, w.values[lo*wide+c:], wide, n, hi-lo, false)
		}
		for a := range n {
			copy(att[row+a*qdim:][:d], mix[a*wide:])
		}
	}
}

// visible is the first position that the query at pos sees.
func (r *run) visible(pos int) int {
	if w := r.m.params.Window; w > 0 {
		return max(0, pos+1-w)
	}
	return 0
}

// weigh turns the scores from…to-1 into weights, and those outside into zeros.
func weigh(scores []float32, from, to, d int) {
	scale := float32(1 / math.Sqrt(float64(d)))
	clear(scores[:from])
	clear(scores[to:])
	seen := scores[from:to]
	for i := range seen {
		seen[i] *= scale
	}
	kernel.Softmax(seen)
}

// packKeys copies n keys of dimension d, ld apart, into panels [n/32][d][32] of positions; absent ones are zero.
func (w *worker) packKeys(k []float32, ld, n, d int) {
	const lanes = kernel.Lanes
	grow(&w.keys, (n+lanes-1)/lanes*lanes*d)
	rows := grow(&w.rows, lanes*d)
	for j := 0; j < n; j += lanes {
		have := min(lanes, n-j)
		for i := range have {
			copy(rows[i*d:][:d], k[(j+i)*ld:])
		}
		kernel.PackF32(w.keys[j*d:][:lanes*d], rows[:have*d], have, d)
	}
}

// packValues copies n values of dimension d, ld apart, into rows of wide columns, the rest of them zero.
func (w *worker) packValues(v []float32, ld, n, d, wide int) {
	values := grow(&w.values, n*wide)
	for i := range n {
		row := values[i*wide:][:wide]
		copy(row[:d], v[i*ld:])
		clear(row[d:])
	}
}

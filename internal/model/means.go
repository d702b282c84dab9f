package model

import "quern/internal/kernel"

// lookMeans shows ObserveMeans the weighted means of the inputs h [m][E] of the values of a layer. They are linear in the values' matrix, so that they
// say more of its inputs than the inputs do: a token that all queries look at counts as often as they look, and what differs from token to token
// cancels as it does in attention.
func (r *run) lookMeans(h, q, k []float32, l *layer, b *batch, sees sight) {
	if r.observeMeans == nil || r.err != nil || len(b.at) == 0 || l.v.t == nil {
		return
	}
	of, e := r.heads(l, sees), l.p.Embd
	means := grow(&r.means, len(b.at)*e)
	r.parallel(len(b.seqs)*of.n, func(w *worker, task int) error {
		r.meansOf(w, means, h, q, k, b.seqs[task/of.n], of, task%of.n)
		return nil
	})
	r.observeMeans(l.v.layer, means, len(b.at), e)
}

// meanRows are queries whose means are made side by side: what those after a query say counts nothing in its mean.
const meanRows = 12

// meansOf is one head of a sequence: every H-th query, beginning with the head's number.
func (r *run) meansOf(w *worker, means, h, q, k []float32, s sequence, of heads, head int) {
	const lanes = kernel.Lanes
	e, ldk, shared := r.m.params.Embd, of.shared*of.key, head/(of.n/of.shared)
	w.packKeys(k[s.from*ldk+shared*of.key:], ldk, s.n, of.key)
	wide, cols := roundUp(e), roundUp(s.n)
	values := h[s.from*e:]
	if wide > e {
		w.packValues(values, e, s.n, e)
		values = w.values
	}
	scores, mix := grow(&w.scores, meanRows*cols), grow(&w.mix, meanRows*wide)
	for from := head; from < s.n; from += meanRows * of.n {
		m := min(meanRows, (s.n-from+of.n-1)/of.n)
		n := of.end(from+(m-1)*of.n, s.n)
		for i := range m {
			t := from + i*of.n
			end := r.weights(w, scores[i*cols:][:cols], q[(s.from+t)*of.n*of.key:], t, s, of, head)
			clear(scores[i*cols+end : i*cols+n])
		}
		for c := 0; c < wide; c += lanes {
			kernel.MatMulF32(mix[c:], wide, scores, cols, values[c:], wide, m, n, false)
		}
		for i := range m {
			copy(means[(s.from+from+i*of.n)*e:][:e], mix[i*wide:])
		}
	}
}

// weights sets row to what a head of the query at place t of a sequence makes of the packed keys that it sees; it returns where they end.
func (r *run) weights(w *worker, row, q []float32, t int, s sequence, of heads, head int) (end int) {
	const lanes = kernel.Lanes
	end = of.end(t, s.n)
	for j := 0; j < end; j += lanes {
		kernel.MatMulF32(row[j:], len(row), q[head*of.key:], of.n*of.key, w.keys[j*of.key:], lanes, 1, of.key, false)
	}
	row = row[:end]
	capped(row[of.visible(t):], of.cap)
	of.lower(row[of.visible(t):], head, of.visible(t), t)
	of.near(row[of.visible(t):], head, of.visible(t), t)
	of.sees.hide(row[of.visible(t):], s.from+t, of.visible(t), head, of.n)
	if of.sinks != nil {
		weighWithSink(row, of.visible(t), end, of.sinks[head])
	} else {
		weigh(row, of.visible(t), end)
	}
	return end
}

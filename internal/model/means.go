package model

import "quern/internal/kernel"

// lookMeans shows ObserveMeans the weighted means of the inputs h [m][E] of the values of a layer. They are linear in the values' matrix, so that they
// say more of its inputs than the inputs do: a token that all queries look at counts as often as they look, and what differs from token to token
// cancels as it does in attention.
func (r *run) lookMeans(h, q, k []float32, l *layer, b *batch) {
	if r.observeMeans == nil || r.err != nil || len(b.at) == 0 || l.v.t == nil {
		return
	}
	p := &r.m.params
	of, e := r.heads(l), p.Embd
	means := grow(&r.means, len(b.at)*e)
	r.parallel(len(b.seqs)*of.n, func(w *worker, task int) error {
		r.meansOf(w, means, h, q, k, b.seqs[task/of.n], of, task%of.n)
		return nil
	})
	r.observeMeans(l.v.layer, means, len(b.at), e)
}

// meansOf is one head of a sequence: every H-th query, beginning with the head's number.
func (r *run) meansOf(w *worker, means, h, q, k []float32, s sequence, of heads, head int) {
	const lanes = kernel.Lanes
	e, ldq, ldk, shared := r.m.params.Embd, of.n*of.key, of.shared*of.key, head/(of.n/of.shared)
	w.packKeys(k[s.from*ldk+shared*of.key:], ldk, s.n, of.key)
	w.packValues(h[s.from*e:], e, s.n, e)
	wide, cols := roundUp(e), roundUp(s.n)
	scores, mix := grow(&w.scores, cols), grow(&w.mix, wide)
	for t := head; t < s.n; t += of.n {
		for j := 0; j <= t; j += lanes {
			kernel.MatMulF32(scores[j:], cols, q[(s.from+t)*ldq+head*of.key:], ldq, w.keys[j*of.key:], lanes, 1, of.key, false)
		}
		row := scores[:t+1]
		capped(row[of.visible(t):], of.cap)
		of.lower(row[of.visible(t):], head, of.visible(t), t)
		if of.sinks != nil {
			weighWithSink(row, of.visible(t), t+1, of.sinks[head])
		} else {
			weigh(row, of.visible(t), t+1)
		}
		for c := 0; c < wide; c += lanes {
			kernel.MatMulF32(mix[c:], wide, row, cols, w.values[c:], wide, 1, t+1, false)
		}
		copy(means[(s.from+t)*e:][:e], mix)
	}
}

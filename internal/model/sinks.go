package model

import "quern/internal/kernel"

// weighWithSink is weigh where a head may look at nothing: one more score, of the sink, takes part in the softmax and is left out.
func weighWithSink(scores []float32, from, to int, sink float32) {
	most := kernel.Max(scores[from:to])
	weigh(scores, from, to)
	top := kernel.Max(scores[from:to]) // 1 / Σ e^(score-most)
	rest := float32(0)
	if sink <= most {
		rest = 1 / (1 + float32(kernel.Exp(sink-most)*top))
	} else {
		e := kernel.Exp(most - sink)
		rest = e / (e + top)
	}
	scale(scores[from:to], rest)
}

// cutSwishMul is gpt-oss's gated unit: x/(1+e^(-1.702x)) · (up+1), x no more than 7 and up within ±7.
func cutSwishMul(gate, up []float32) {
	const alpha, limit = 1.702, 7
	for i, x := range gate {
		x = min(x, limit)
		y := min(max(up[i], -limit), limit)
		gate[i] = x / (1 + kernel.Exp(float32(-alpha*x))) * (y + 1)
	}
}

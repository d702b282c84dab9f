package verify

import (
	"math"

	"quern/internal/kernel"
)

// prediction is what one row of logits says about the token that followed.
type prediction struct {
	nll float64 // -log p(next)
	p   float64 // p(next)
	top int     // most likely token, the first of equals
}

// predict reads a row of logits. lse is its log-sum-exp.
func predict(logits []float32, next int32) (p prediction, lse float64) {
	lse = kernel.LogSumExp(logits)
	p.nll = lse - float64(logits[next])
	p.p = math.Exp(-p.nll)
	p.top = argmax(logits)
	return p, lse
}

func argmax(x []float32) int {
	best := 0
	for i, v := range x {
		if v > x[best] {
			best = i
		}
	}
	return best
}

// divergence is the Kullback–Leibler divergence Σ p·(log p − log q) of two rows of logits, in nats, from their
// log-sum-exps. exp is scratch of the same length.
func divergence(base, quant, exp []float32, lseBase, lseQuant float64) float64 {
	top := kernel.Max(base)
	total := kernel.ExpSum(exp, base, top)
	s := 0.0
	for i, e := range exp {
		s += float64(e) * (float64(base[i]) - float64(quant[i]))
	}
	return s/total - lseBase + lseQuant
}

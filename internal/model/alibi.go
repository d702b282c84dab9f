package model

import "math"

// slopes are the numbers with which heads multiply distances to lower their scores (Press et al., arXiv:2108.12409): powers of 2^(-most/n) for
// as many heads as the greatest power of two n that there are, then odd powers of its root; nil where most is 0.
func slopes(heads int, most float32) []float32 {
	if most == 0 {
		return nil
	}
	n := 1
	for 2*n <= heads {
		n *= 2
	}
	out := make([]float32, heads)
	for h := range out {
		e := float64(most) * float64(h+1) / float64(n)
		if h >= n {
			e = float64(most) * float64(2*(h-n)+1) / float64(2*n)
		}
		out[h] = float32(halved(e))
	}
	return out
}

// halved is 2^-e for e ≥ 0.
func halved(e float64) float64 {
	whole := math.Floor(e)
	return math.Ldexp(1/pow(2, float32(e-whole)), -int(whole))
}

// lower takes from the scores of keys, the first of which stands at from, how far they are from the query at pos.
func (of *heads) lower(scores []float32, head, from, pos int) {
	if of.slopes == nil {
		return
	}
	for i := range scores {
		scores[i] -= float32(of.slopes[head] * float32(max(pos-from-i, from+i-pos)))
	}
}

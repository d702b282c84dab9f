package quantize

import "math"

// weighSuper returns the objective of a k-quant's default encoder: with importance llama-quantize's weights, importance times
// sqrt(σ² + x²) with σ² times times the mean square of the super-block, and a little for columns that calibration never
// saw. Where importance says nothing all weights count the same. llama-quantize lets large weights count for more there
// too; measured by the divergence of models, that lost more often than it won.
func weighSuper(times float32) func(w, src, importance []float32) {
	return func(w, src, importance []float32) {
		for b := 0; b+super <= len(src); b += super {
			x, w := src[b:b+super], w[b:b+super]
			if seen(w, importance, b) {
				weighWith(w, x, w, times*meanSquare(x))
			}
			if !(importanceOf(w) > 0) {
				ones(w)
			}
		}
	}
}

// seen fills w with the importance of a super-block and a ridge; with ones, and false, if importance says nothing.
func seen(w, importance []float32, at int) bool {
	ones(w)
	if importance == nil {
		return false
	}
	importance = importance[at : at+super]
	sum := importanceOf(importance)
	if !(sum > 0) {
		return false
	}
	least := float32(sum * (ridge / super))
	for i, v := range importance {
		w[i] = v + least
	}
	return true
}

// importanceOf adds up weights, a multiple of four, in four sums that do not wait for each other; the result is zero if it is
// not finite.
func importanceOf(w []float32) float32 {
	var a, b, c, d float32
	for ; len(w) >= 4; w = w[4:] {
		a += w[0]
		b += w[1]
		c += w[2]
		d += w[3]
	}
	sum := (a + b) + (c + d)
	if !(sum <= math.MaxFloat32) {
		return 0
	}
	return sum
}

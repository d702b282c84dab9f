package quantize

import "math"

// weighEach returns an objective like the k-quants' for blocks of n weights: with importance, importance and a little for columns
// that calibration never saw, times sqrt(σ² + x²) with σ² so many mean squares of the block, or nothing where times is 0;
// where importance says nothing all weights count the same.
func weighEach(n int, times float32) func(w, src, importance []float32) {
	return func(w, src, importance []float32) {
		for b := 0; b+n <= len(src); b += n {
			x, w := src[b:b+n], w[b:b+n]
			ones(w)
			if importance == nil {
				continue
			}
			sum := importanceOf(importance[b : b+n])
			if !(sum > 0) {
				continue
			}
			least := float32(sum * (ridge / float32(n)))
			for i, v := range importance[b : b+n] {
				w[i] = v + least
			}
			if times > 0 {
				weighWith(w, x, w, times*meanSquare(x))
			}
			if !(importanceOf(w) > 0) {
				ones(w)
			}
		}
	}
}

// tame copies a block for a search: NaN is read as zero, and nothing is larger than any type can store.
func tame(dst, src []float32) {
	dst = dst[:len(src)]
	for i, v := range src {
		if math.Float32bits(v)&^(1<<31) > extremeBits {
			v = extreme(v)
		}
		dst[i] = v
	}
}

var extremeBits = math.Float32bits(extremeWeight)

func extreme(v float32) float32 {
	switch {
	case v > 0:
		return extremeWeight
	case v < 0:
		return -extremeWeight
	}
	return 0
}

// largest is the largest magnitude of numbers.
func largest(x []float32) float32 {
	var top uint32
	for _, v := range x {
		top = max(top, math.Float32bits(v)&^(1<<31))
	}
	return math.Float32frombits(top)
}

package quantize

import "math"

// weighEach returns an objective like the k-quants' for blocks of n weights: with importance, importance and a little for columns
// that calibration never saw, times sqrt(σ² + x²) with σ² so many mean squares of the block, or nothing where times is 0;
// where importance says nothing all weights count the same.
func weighEach(n int, times float32) func(w, src, importance []float32) {
	return func(w, src, importance []float32) {
		for b := 0; b+n <= len(src); b += n {
			if importance == nil || !weighOne(w[b:b+n], src[b:b+n], importance[b:b+n], times) {
				ones(w[b : b+n])
			}
		}
	}
}

// weighOne weighs a block, and says whether importance says something.
func weighOne(w, x, importance []float32, times float32) bool {
	sum := importanceOf(importance)
	if !(sum > 0) {
		return false
	}
	least := float32(sum * (ridge / float32(len(w))))
	for i, v := range importance[:len(w)] {
		w[i] = v + least
	}
	if times > 0 {
		weighWith(w, x, w, times*meanSquare(x))
	}
	return importanceOf(w) > 0
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

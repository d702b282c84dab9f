package quantize

import (
	"math"

	"quern/internal/kernel"
)

// weighEach returns an objective like the k-quants' for blocks of n weights: with importance, importance and a little for columns
// that calibration never saw, times sqrt(σ² + x²) with σ² so many mean squares of the block, or nothing where times is 0;
// where importance says nothing all weights count the same.
func weighEach(n int, times float32) func(w, src, importance []float32) {
	return weighPower(n, kernel.Heft{Ridge: ridge, Times: times})
}

func weighPower(n int, h kernel.Heft) func(w, src, importance []float32) {
	return func(w, src, importance []float32) {
		for b := 0; b+n <= len(src); b += n {
			if importance == nil || !h.Weigh(w[b:b+n], src[b:b+n], importance[b:b+n]) {
				ones(w[b : b+n])
			}
		}
	}
}

// tame copies a block for a search: NaN is read as zero, and nothing is larger than any type can store.
func tame(dst, src []float32) { kernel.Tame(dst, src, extremeWeight) }

// largest is the largest magnitude of numbers.
func largest(x []float32) float32 {
	var top uint32
	for _, v := range x {
		top = max(top, math.Float32bits(v)&^(1<<31))
	}
	return math.Float32frombits(top)
}

package quantize

import "quern/internal/kernel"

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

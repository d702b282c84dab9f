package quantize

import "math"

// weighRow is llama-quantize's weight for the flat 4 and 5 bit types: importance·sqrt(σ² + x²), σ² the mean square of the
// row, which lets large weights count more than the importance of their column alone. Without importance every element
// counts as one.
func weighRow(w, src, importance []float32) {
	if importance == nil {
		for i := range src {
			w[i] = 1
		}
		return
	}
	weighWith(w, src, importance, meanSquare(src))
}

// weighWith is importance·sqrt(sigma2 + x²), in ggml's order of operations.
func weighWith(w, src, importance []float32, sigma2 float32) {
	w, importance = w[:len(src)], importance[:len(src)]
	for i, x := range src {
		w[i] = importance[i] * float32(math.Sqrt(float64(sigma2+float32(x*x))))
	}
}

// meanSquare adds in float32 from left to right: ggml's files depend on the last bit of it.
func meanSquare(x []float32) float32 {
	var sum float32
	for _, v := range x {
		sum += float32(v * v)
	}
	return sum / float32(len(x))
}

package quantize

import "math"

// The weights of squared errors. llama-quantize multiplies the importance of a column by sqrt(σ² + x²), which lets large
// weights count for more; where σ² comes from differs by type, in the flat types it is the mean square of the row.

// weighWith is importance·sqrt(sigma2 + x²), in ggml's order of operations.
func weighWith(w, src, importance []float32, sigma2 float32) {
	w, importance = w[:len(src)], importance[:len(src)]
	for i, x := range src {
		w[i] = importance[i] * float32(math.Sqrt(float64(sigma2+float32(x*x))))
	}
}

// meanSquare adds in float32 from left to right: ggml's files depend on the last bit of it.
func meanSquare(x []float32) float32 {
	return sumSquares(x) / float32(len(x))
}

// weighRow is what the default encoders of the flat types minimise: squares that all count the same without importance,
// weighFlat's with it.
func weighRow(w, src, importance []float32) {
	if importance == nil {
		ones(w)
		return
	}
	sigma2 := meanSquare(src)
	for b := 0; b+flat <= len(src); b += flat {
		weighFlat(block(w[b:]), src[b:b+flat], importance[b:b+flat], sigma2)
	}
}

// ridge is the part of a block's mean importance that every column has beside its own. A column that calibration never
// saw has importance zero, and would otherwise be free to become anything.
const ridge = 1.0 / 1024

// weighFlat is (importance + ridge)·sqrt(sigma2 + x²), or ones where that says nothing: no importance in the block, or no
// finite number.
func weighFlat(w *[flat]float32, src, importance []float32, sigma2 float32) {
	var mean float32
	for _, v := range importance[:flat] {
		mean += v
	}
	mean *= ridge / flat
	var sum float32
	for i, x := range src[:flat] {
		w[i] = (importance[i] + mean) * float32(math.Sqrt(float64(sigma2+float32(x*x))))
		sum += w[i]
	}
	if !(sum > 0 && sum <= math.MaxFloat32) {
		ones(w[:])
	}
}

func ones(w []float32) {
	for i := range w {
		w[i] = 1
	}
}

// sumSquares adds from left to right.
func sumSquares(x []float32) (sum float32) {
	for _, v := range x {
		sum += float32(v * v)
	}
	return sum
}

package arch

import "math"

// The standard library's sine, cosine and power differ in the last bit between architectures (assembly on some, fused
// multiply-adds on others). These do not: every product is rounded by its own conversion, so that nothing is fused.

// π/2 in two parts: the first has 33 significant bits, so that multiples up to 2^20 of it are exact.
const (
	halfPiHigh = 0x1.921fb544p+00
	halfPiLow  = math.Pi/2 - halfPiHigh
)

// Taylor series in z = r², which for |r| ≤ π/4 end below 1e-17.
var (
	sinTerms = [...]float64{1.0 / 355687428096000, -1.0 / 1307674368000, 1.0 / 6227020800, -1.0 / 39916800, 1.0 / 362880, -1.0 / 5040, 1.0 / 120, -1.0 / 6, 1}
	cosTerms = [...]float64{1.0 / 20922789888000, -1.0 / 87178291200, 1.0 / 479001600, -1.0 / 3628800, 1.0 / 40320, -1.0 / 720, 1.0 / 24, -1.0 / 2, 1}
)

// Sincos is exact to about 1e-16 for 0 ≤ x < 2^20, to 1e-9 for x < 2^30 (Cody and Waite's reduction to [-π/4, π/4]).
func Sincos(x float64) (sin, cos float64) {
	n := math.Floor(float64(x*(2/math.Pi)) + 0.5)
	r := x - float64(n*halfPiHigh)
	r -= float64(n * halfPiLow)
	z := float64(r * r)
	sin, cos = float64(r*horner(sinTerms[:], z)), horner(cosTerms[:], z)
	switch int64(n) & 3 {
	case 1:
		return cos, -sin
	case 2:
		return -sin, -cos
	case 3:
		return -cos, sin
	}
	return sin, cos
}

func horner(terms []float64, z float64) float64 {
	y := 0.0
	for _, c := range terms {
		y = float64(y*z) + c
	}
	return y
}

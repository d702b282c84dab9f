package model

import "math"

// pow is base^x for 0 ≤ x < 1: the product of those roots base^(1/2^k) that x's binary digits name. A float32 x has few.
func pow(base float64, x float32) float64 {
	y := 1.0
	for rest := float64(x); rest > 0; {
		base = math.Sqrt(base)
		rest *= 2
		if rest >= 1 {
			y = float64(y * base)
			rest--
		}
	}
	return y
}

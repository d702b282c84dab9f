package model

import (
	"math"

	"quern/internal/kernel"
)

// softplus is ln(1+e^x), the same on every machine: the larger of x and 0, and ln(1+z) of z = e^-|x|, which is 2·artanh(s) of s = z/(2+z). That is at most 1/3, so that eight
// terms of the series are exact to 1e-9; every other one is summed by itself.
func softplus(x float32) float32 {
	if x > 20 || x != x {
		return x
	}
	z := float64(kernel.Exp(-float32(math.Abs(float64(x)))))
	s := z / (2 + z)
	q := float64(s * s)
	w := float64(q * q)
	even := series(w, 2, 2.0/5, 2.0/9, 2.0/13)
	odd := series(w, 2.0/3, 2.0/7, 2.0/11, 2.0/15)
	return float32(max(float64(x), 0) + float64(float64(even+float64(odd*q))*s))
}

// series is a + b·w + c·w² + d·w³, every product rounded.
func series(w, a, b, c, d float64) float64 {
	x := float64(d*w) + c
	x = float64(x*w) + b
	return float64(x*w) + a
}

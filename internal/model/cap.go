package model

import "quern/internal/kernel"

// capped keeps numbers within ±cap smoothly: x = cap·tanh(x/cap); a cap of 0 leaves them.
func capped(x []float32, cap float32) {
	if cap == 0 {
		return
	}
	for i, v := range x {
		x[i] = cap * tanh(v/cap)
	}
}

// tanh is within two units of the last place: 1-2/(1+e^2x), which near zero would lose what is small, and there its series.
func tanh(x float32) float32 {
	if x < 0 {
		return -tanh(-x)
	}
	if x < 0.25 {
		x := float64(x)
		y := x * x
		s := 62.0/2835 - float64(y*1382/155925)
		s = 17.0/315 - float64(y*s)
		s = 2.0/15 - float64(y*s)
		s = 1.0/3 - float64(y*s)
		return float32(x - float64(x*float64(y*s)))
	}
	return float32(1 - 2/(1+float64(kernel.Exp(2*x))))
}

// clamp cuts numbers off where a family says so.
func (r *run) clamp(parts ...[]float32) {
	by := r.m.params.Clamp
	if by == 0 || r.err != nil {
		return
	}
	for _, x := range parts {
		for i, v := range x {
			x[i] = min(max(v, -by), by)
		}
	}
}

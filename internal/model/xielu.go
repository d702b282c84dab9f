package model

import (
	"math"

	"quern/internal/arch"
	"quern/internal/kernel"
)

// A xielu is a function of one number (arXiv:2411.13010): squares and a line above zero, a line and an exponential below, with numbers that are trained.
type xielu struct{ positive, negative, beta, eps float32 }

// xieluOf is that of a layer; it is zero where a family has none.
func xieluOf(p *arch.Params, layer int) xielu {
	n := &p.Xielu
	if layer >= min(len(n.AlphaP), len(n.AlphaN), len(n.Beta), len(n.Eps)) {
		return xielu{}
	}
	return xielu{softplus(n.AlphaP[layer]), n.Beta[layer] + softplus(n.AlphaN[layer]), n.Beta[layer], n.Eps[layer]}
}

func (f *xielu) apply(x []float32) {
	for i, v := range x {
		line := float32(f.beta * v)
		if v > 0 {
			x[i] = float32(float32(f.positive*v)*v) + line
			continue
		}
		x[i] = float32((expm1(min(v, f.eps))-v)*f.negative) + line
	}
}

// expm1 is e^x - 1 of x ≤ 0: near zero its series, in which nothing cancels.
func expm1(x float32) float32 {
	if x < -0.25 {
		return kernel.Exp(x) - 1
	}
	sum, term := 0.0, 1.0
	for i := 1.0; i < 12 && math.Abs(term) > 1e-20; i++ {
		term *= float64(x) / i
		sum += term
	}
	return float32(sum)
}

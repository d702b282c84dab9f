package model

import (
	"quern/internal/arch"
	"quern/internal/kernel"
)

// activations are the gated units: gate = f(gate) · up.
var activations = map[arch.Activation]func(gate, up []float32){
	arch.SiLU:     kernel.SiluMul,
	arch.GELUTanh: geluTanhMul,
	arch.CutSwish: cutSwishMul,
}

// geluTanhMul is the approximation of GELU by a hyperbolic tangent, x/2·(1+tanh u), written as x/(1+e^(-2u)).
// u = √(2/π)·(x + 0.044715·x³): Hendrycks and Gimpel, arXiv:1606.08415.
func geluTanhMul(gate, up []float32) {
	const c, cube = 0.7978845608028654, 0.044715
	for i, x := range gate {
		u := c * (x + float32(cube*float32(x*float32(x*x))))
		gate[i] = x / (1 + kernel.Exp(-2*u)) * up[i]
	}
}

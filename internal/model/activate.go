package model

import (
	"quern/internal/arch"
	"quern/internal/kernel"
)

// functions are those between the matrices of a feed-forward network, of one number. Where there is a gate, its value is multiplied by up.
var functions = map[arch.Activation]func(x float32) float32{
	arch.SiLU:     silu,
	arch.GELUTanh: geluTanh,
	arch.GELU:     gelu,
	arch.ReLU:     func(x float32) float32 { return max(x, 0) },
	arch.ReLU2:    func(x float32) float32 { return max(x, 0) * max(x, 0) },
}

// gated are gates with a way of their own: gate = f(gate) · up.
var gated = map[arch.Activation]func(gate, up []float32){
	arch.SiLU:     kernel.SiluMul,
	arch.CutSwish: cutSwishMul,
}

// activate is the gated unit gate = f(gate) · up, or f(gate) where there is no up. In deploy mode every GELU is what runtimes take for it.
func (r *run) activate(gate, up []float32, m int) {
	if m == 0 {
		return
	}
	n, act := len(gate)/m, r.m.act
	if r.mode == Deploy && r.m.runsSiLU {
		act = arch.SiLU
	}
	one, both := functions[act], gated[act]
	if r.mode == Deploy && (act == arch.GELU || act == arch.GELUTanh) {
		one = geluHalf
	}
	r.eachRow(m, func(_ *worker, row int) {
		g := gate[row*n:][:n]
		switch {
		case up == nil:
			for i, x := range g {
				g[i] = one(x)
			}
		case both != nil:
			both(g, up[row*n:][:n])
		default:
			for i, u := range up[row*n:][:n] {
				g[i] = one(g[i]) * u
			}
		}
	})
}

// activateWithin is activate with gates of at most bound, and what they multiply within it on both sides; 0: as they are.
func (r *run) activateWithin(gate, up []float32, bound float32, m int) {
	if bound == 0 || m == 0 {
		r.activate(gate, up, m)
		return
	}
	if n := len(gate) / m; r.m.cutFirst {
		r.eachRow(m, func(_ *worker, row int) {
			g, u := gate[row*n:][:n], up[row*n:][:n]
			for i := range g {
				g[i], u[i] = min(g[i], bound), min(max(u[i], -bound), bound)
			}
		})
		r.activate(gate, up, m)
		return
	}
	r.activate(gate, nil, m)
	n := len(gate) / m
	r.eachRow(m, func(_ *worker, row int) {
		g := gate[row*n:][:n]
		for i, u := range up[row*n:][:n] {
			g[i] = min(g[i], bound) * min(max(u, -bound), bound)
		}
	})
}

// at is what a list has for a layer, 0 where it has nothing.
func at(list []float32, layer int) float32 {
	if layer < len(list) {
		return list[layer]
	}
	return 0
}

func silu(x float32) float32 { return x / (1 + kernel.Exp(-x)) }

// geluTanh is the approximation of GELU by a hyperbolic tangent, x/2·(1+tanh u), written as x/(1+e^(-2u)).
// u = √(2/π)·(x + 0.044715·x³): Hendrycks and Gimpel, arXiv:1606.08415.
func geluTanh(x float32) float32 {
	const c, cube = 0.7978845608028654, 0.044715
	u := c * (x + float32(cube*float32(x*float32(x*x))))
	return x / (1 + kernel.Exp(-2*u))
}

// geluHalf is the approximation as llama.cpp has it: read from a table of half precision.
func geluHalf(x float32) float32 {
	if x <= -10 {
		return 0
	}
	if x >= 10 {
		return x
	}
	return kernel.F16Value(kernel.F16(geluTanh(kernel.F16Value(kernel.F16(x)))))
}

// gelu is x·Φ(x), Φ being the normal distribution.
func gelu(x float32) float32 {
	const half = 0.70710678118654752440
	if x < 0 {
		return float32(float64(x) * 0.5 * erfc(-float64(x)*half))
	}
	return float32(float64(x) - float64(float64(x)*0.5*erfc(float64(x)*half)))
}

// erfcTerms are a polynomial in u = 2t-1, t = 1/(1+z/2), for ln(erfc(z)·e^(z²)/t): a Chebyshev fit over 0 ≤ t ≤ 1, relative error 6e-9.
var erfcTerms = [...]float64{1.33706409618e-05, -8.72832251805e-05, -3.21115218497e-05, 0.000573764935193, -0.000182784288004, -0.0022887639862,
	0.00177066703737, 0.00880882490339, -0.00987453509097, -0.046893640491, 0.0473434175325, 0.672643154772, -0.671794085152}

// erfc is the complementary error function of z ≥ 0. The standard library's differs between machines.
func erfc(z float64) float64 {
	t := 1 / (1 + float64(z*0.5))
	e := horner(erfcTerms[:], float64(2*t)-1) - float64(z*z)
	high := float32(e)
	return t * float64(kernel.Exp(high)) * (1 + (e - float64(high)))
}

package model

import (
	"encoding/binary"
	"math"
	"sync"

	"quern/internal/arch"
	"quern/internal/kernel"
)

// functions are those between the matrices of a feed-forward network, over a row.
var functions = map[arch.Activation]func(w *worker, x []float32){
	arch.SiLU:     (*worker).silu,
	arch.GELUTanh: func(_ *worker, x []float32) { kernel.GeluTanh(x) },
	arch.GELU:     gelu,
	arch.ReLU:     each(func(x float32) float32 { return max(x, 0) }),
	arch.ReLU2:    each(func(x float32) float32 { return max(x, 0) * max(x, 0) }),
}

// each is a function of one number over a row.
func each(one func(x float32) float32) func(_ *worker, x []float32) {
	return func(_ *worker, x []float32) {
		for i, v := range x {
			x[i] = one(v)
		}
	}
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
	f, both := functions[act], gated[act]
	if act == arch.SiTU {
		both = r.m.situ
	}
	if r.mode == Deploy && (act == arch.GELU || act == arch.GELUTanh) {
		f = geluHalf
	}
	r.eachRow(m, func(w *worker, row int) {
		g := gate[row*n:][:n]
		switch {
		case up == nil:
			f(w, g)
		case both != nil:
			both(g, up[row*n:][:n])
		default:
			f(w, g)
			for i, u := range up[row*n:][:n] {
				g[i] *= u
			}
		}
	})
}

// situ is gate = β·tanh(gate/β)/(1+e^-gate) · γ·tanh(up/γ); of a γ of 0 up is as it is.
func situ(beta, linear float32) func(gate, up []float32) {
	return func(gate, up []float32) {
		for i, g := range gate {
			u := up[i]
			if linear > 0 {
				u = linear * tanh(u/linear)
			}
			gate[i] = float32(beta*tanh(g/beta)) * sigmoid(g) * u
		}
	}
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

// silu is x/(1+e^-x) of every number.
func (w *worker) silu(x []float32) {
	for len(w.ones) < len(x) {
		w.ones = append(w.ones, 1)
	}
	kernel.SiluMul(x, w.ones[:len(x)])
}

// geluHalf is the approximation by a hyperbolic tangent as llama.cpp has it: read from a table of half precision.
func geluHalf(w *worker, x []float32) {
	half := grow(&w.half, 2*len(x))
	kernel.F32ToF16(half, x)
	table := geluHalves()
	for i, v := range x {
		switch {
		case v <= -10:
			x[i] = 0
		case !(v >= 10):
			x[i] = table[binary.LittleEndian.Uint16(half[2*i:])]
		}
	}
}

// geluHalves is that table, by the bits of a half.
var geluHalves = sync.OnceValue(func() *[1 << 16]float32 {
	var table [1 << 16]float32
	half := make([]byte, 2*len(table))
	for i := range table {
		binary.LittleEndian.PutUint16(half[2*i:], uint16(i))
	}
	kernel.F16ToF32(table[:], half)
	kernel.GeluTanh(table[:])
	kernel.F32ToF16(half, table[:])
	kernel.F16ToF32(table[:], half)
	return &table
})

// geluRun is how many numbers go through gelu at once: what it keeps of them stays in the first-level cache.
const geluRun = 256

// A gelus is what gelu keeps of a run of numbers. For erfc(z), z ≥ 0, it is e^power · rest.
type gelus struct {
	power   [geluRun]float32
	rest, u [geluRun]float64
}

// gelu is x·Φ(x), Φ being the normal distribution.
func gelu(w *worker, x []float32) {
	if w.gelus == nil {
		w.gelus = new(gelus)
	}
	for at := 0; at < len(x); at += geluRun {
		w.gelus.run(x[at:min(at+geluRun, len(x))])
	}
}

func (k *gelus) run(x []float32) {
	k.erfc(x)
	power := k.power[:len(x)]
	kernel.ExpSum(power, power, 0)
	for i, v := range x {
		tail := float64(v) * 0.5 * (k.rest[i] * float64(power[i]))
		if v < 0 {
			x[i] = float32(tail)
		} else {
			x[i] = float32(float64(v) - tail)
		}
	}
}

// erfc is the complementary error function of z = |x|/√2. The standard library's differs between machines. Of the polynomial a term goes over all numbers
// before the next: one number's waits for itself.
func (k *gelus) erfc(x []float32) {
	const half, far = 0.70710678118654752440, 14 // erfc(14) is nothing to a float32
	for i, v := range x {
		k.u[i], k.rest[i] = float64(2/(1+float64(min(math.Abs(float64(v))*half, far)*0.5)))-1, 0
	}
	for _, c := range erfcTerms {
		for i, u := range k.u[:len(x)] {
			k.rest[i] = float64(k.rest[i]*u) + c
		}
	}
	for i, v := range x {
		z := min(math.Abs(float64(v))*half, far)
		e := k.rest[i] - float64(z*z)
		k.power[i] = float32(e)
		k.rest[i] = (k.u[i] + 1) * 0.5 * (1 + (e - float64(k.power[i])))
	}
}

// erfcTerms are a polynomial in u = 2t-1, t = 1/(1+z/2), for ln(erfc(z)·e^(z²)/t): a Chebyshev fit over 0 ≤ t ≤ 1, relative error 6e-9.
var erfcTerms = [...]float64{1.33706409618e-05, -8.72832251805e-05, -3.21115218497e-05, 0.000573764935193, -0.000182784288004, -0.0022887639862,
	0.00177066703737, 0.00880882490339, -0.00987453509097, -0.046893640491, 0.0473434175325, 0.672643154772, -0.671794085152}

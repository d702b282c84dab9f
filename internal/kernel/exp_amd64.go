//go:build !purego

package kernel

import (
	"unsafe"

	"quern/internal/cpu"
)

//go:noescape
func expSumAVX2(dst, src *float32, max float32, n uintptr, sum *[16]float64)

//go:noescape
func sumSquaresAVX2(x *float32, n uintptr, sum *[16]float64)

//go:noescape
func extremesAVX2(x *float32, n uintptr) (hi, lo float32)

//go:noescape
func siluMulAVX2(gate, up *float32, n uintptr)

//go:noescape
func geluTanhAVX2(x *float32, n uintptr)

//go:noescape
func scaleAVX2(x *float32, n uintptr, f float32)

//go:noescape
func expSumAVX512(dst, src *float32, max float32, n uintptr, sum *[16]float64)

//go:noescape
func siluMulAVX512(gate, up *float32, n uintptr)

//go:noescape
func geluTanhAVX512(x *float32, n uintptr)

func init() {
	has := cpu.Has("avx2")
	expSum.add("avx2", has, sumOf(false))
	expSum.add("avx512", cpu.Has("avx512"), sumOf(true))
	sumSquares.add("avx2", has, func(x []float32) float64 {
		var s [sumLanes]float64
		n := len(x) &^ 15
		if n > 0 {
			sumSquaresAVX2(&x[0], uintptr(n), &s)
		}
		sumSquaresTail(x[n:], &s)
		return fold(&s)
	})
	extremes.add("avx2", has, func(x []float32) (hi, lo float32) {
		n := len(x) &^ 15
		if n == 0 {
			return extremesPortable(x)
		}
		hi, lo = extremesAVX2(&x[0], uintptr(n))
		for _, v := range x[n:] {
			hi, lo = larger(hi, v), smaller(lo, v)
		}
		return hi + 0, lo + 0
	})
	siluMul.add("avx2", has, gated(false))
	siluMul.add("avx512", cpu.Has("avx512"), gated(true))
	geluTanh.add("avx2", has, gelus(geluTanhAVX2))
	geluTanh.add("avx512", cpu.Has("avx512"), gelus(geluTanhAVX512))
	scale.add("avx2", has, func(x []float32, f float32) {
		n := len(x) &^ 7
		if n > 0 {
			scaleAVX2(&x[0], uintptr(n), f)
		}
		scalePortable(x[n:], f)
	})
}

// exp16 and silu16 call the assembly for multiples of 16 by name: through a variable, the arrays on their callers' stacks would be
// allocated.
func exp16(wide bool, dst, src *float32, max float32, n uintptr, sum *[16]float64) {
	if wide {
		expSumAVX512(dst, src, max, n, sum)
	} else {
		expSumAVX2(dst, src, max, n, sum)
	}
}

func silu16(wide bool, gate, up *float32, n uintptr) {
	if wide {
		siluMulAVX512(gate, up, n)
	} else {
		siluMulAVX2(gate, up, n)
	}
}

// sumOf is a body of ExpSum. What is left over goes through an array of 16, whose sums count as far as there are elements.
func sumOf(wide bool) func(dst, src []float32, max float32) float64 {
	return func(dst, src []float32, max float32) float64 {
		var s, last [sumLanes]float64
		var rest [16]float32
		n := len(src) &^ 15
		if n > 0 {
			exp16(wide, unsafe.SliceData(dst), &src[0], max, uintptr(n), &s)
		}
		left := copy(rest[:], src[n:])
		if left > 0 {
			exp16(wide, &rest[0], &rest[0], max, 16, &last)
			if dst != nil {
				copy(dst[n:], rest[:left])
			}
		}
		for i, e := range last[:left] {
			s[i] += e
		}
		return fold(&s)
	}
}

// gated is a body of SiluMul.
func gated(wide bool) func(gate, up []float32) {
	return func(gate, up []float32) {
		n := len(gate) &^ 15
		if n > 0 {
			silu16(wide, &gate[0], &up[0], uintptr(n))
		}
		var g, u [16]float32
		if left := copy(g[:], gate[n:]); left > 0 {
			copy(u[:], up[n:])
			silu16(wide, &g[0], &u[0], 16)
			copy(gate[n:], g[:left])
		}
	}
}

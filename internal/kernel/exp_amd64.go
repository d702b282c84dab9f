//go:build !purego

package kernel

import "quern/internal/cpu"

//go:noescape
func expSumAVX2(dst, src *float32, max float32, n uintptr, sum *[16]float64)

//go:noescape
func sumSquaresAVX2(x *float32, n uintptr, sum *[16]float64)

//go:noescape
func extremesAVX2(x *float32, n uintptr) (hi, lo float32)

//go:noescape
func siluMulAVX2(gate, up *float32, n uintptr)

//go:noescape
func scaleAVX2(x *float32, n uintptr, f float32)

func init() {
	has := cpu.Has("avx2")
	expSum.add("avx2", has, func(dst, src []float32, max float32) float64 {
		var s [sumLanes]float64
		n := len(src) &^ 15
		if n > 0 {
			var to *float32
			if dst != nil {
				to = &dst[0]
			}
			expSumAVX2(to, &src[0], max, uintptr(n), &s)
		}
		if dst != nil {
			dst = dst[n:]
		}
		expSumTail(dst, src[n:], max, &s)
		return fold(&s)
	})
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
	siluMul.add("avx2", has, func(gate, up []float32) {
		n := len(gate) &^ 7
		if n > 0 {
			siluMulAVX2(&gate[0], &up[0], uintptr(n))
		}
		siluMulPortable(gate[n:], up[n:])
	})
	scale.add("avx2", has, func(x []float32, f float32) {
		n := len(x) &^ 7
		if n > 0 {
			scaleAVX2(&x[0], uintptr(n), f)
		}
		scalePortable(x[n:], f)
	})
}

//go:build !purego

package kernel

import "quern/internal/cpu"

//go:noescape
func addAVX2(x, h *float32, n uintptr)

//go:noescape
func scaleByAVX2(dst, x, by *float32, n uintptr, f float32)

//go:noescape
func rotatePairsAVX2(x, cos, sin *float32, n uintptr)

//go:noescape
func rotateHalvesAVX2(lo, hi, cos, sin *float32, n uintptr)

func init() {
	has := cpu.Has("avx2")
	add.add("avx2", has, func(x, h []float32) {
		n := len(x) &^ 7
		if n > 0 {
			addAVX2(&x[0], &h[0], uintptr(n))
		}
		addPortable(x[n:], h[n:])
	})
	scaleBy.add("avx2", has, func(dst, x, by []float32, f float32) {
		n := len(x) &^ 7
		if n > 0 {
			scaleByAVX2(&dst[0], &x[0], &by[0], uintptr(n), f)
		}
		scaleByPortable(dst[n:], x[n:], by[n:], f)
	})
	rotatePairs.add("avx2", has, func(x, cos, sin []float32) {
		n := len(cos) &^ 3
		if n > 0 {
			rotatePairsAVX2(&x[0], &cos[0], &sin[0], uintptr(n))
		}
		rotatePairsPortable(x[2*n:], cos[n:], sin[n:])
	})
	rotateHalves.add("avx2", has, func(lo, hi, cos, sin []float32) {
		n := len(cos) &^ 7
		if n > 0 {
			rotateHalvesAVX2(&lo[0], &hi[0], &cos[0], &sin[0], uintptr(n))
		}
		rotateHalvesPortable(lo[n:], hi[n:], cos[n:], sin[n:])
	})
}

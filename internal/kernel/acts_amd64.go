//go:build !purego

package kernel

import "quern/internal/cpu"

//go:noescape
func roundI8AVX2(code *int8, x *float32, n uintptr, f float32)

func init() {
	roundI8.add("avx2", cpu.Has("avx2"), func(code []int8, x []float32, f float32) {
		roundI8AVX2(&code[0], &x[0], uintptr(len(x)), f)
	})
}

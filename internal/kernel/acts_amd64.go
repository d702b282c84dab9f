//go:build !purego

package kernel

import "quern/internal/cpu"

//go:noescape
func roundI8AVX2(code *int8, x *float32, n uintptr, f float32)

//go:noescape
func roundBlocksAVX2(code *int8, scale, x *float32, n uintptr)

//go:noescape
func sum16AVX2(sum *int32, code *int8, n uintptr)

func init() {
	has := cpu.Has("avx2")
	roundI8.add("avx2", has, func(code []int8, x []float32, f float32) {
		roundI8AVX2(&code[0], &x[0], uintptr(len(x)), f)
	})
	roundBlocks.add("avx2", has, func(code []int8, scale, x []float32) {
		roundBlocksAVX2(&code[0], &scale[0], &x[0], uintptr(len(x)))
	})
	sum16.add("avx2", has, func(sum []int32, code []int8) { sum16AVX2(&sum[0], &code[0], uintptr(len(code))) })
}

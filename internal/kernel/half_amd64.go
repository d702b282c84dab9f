//go:build !purego

package kernel

import "quern/internal/cpu"

//go:noescape
func f16ToF32AVX2(dst *float32, src *byte, n uintptr)

//go:noescape
func f32ToF16AVX2(dst *byte, src *float32, n uintptr)

//go:noescape
func bf16ToF32AVX2(dst *float32, src *byte, n uintptr)

//go:noescape
func f32ToBF16AVX2(dst *byte, src *float32, n uintptr)

func init() {
	has := cpu.Has("avx2")
	f16ToF32.add("avx2", has, widen(f16ToF32AVX2, f16ToF32Portable))
	bf16ToF32.add("avx2", has, widen(bf16ToF32AVX2, bf16ToF32Portable))
	f32ToF16.add("avx2", has, narrow(16, f32ToF16AVX2, f32ToF16Portable))
	f32ToBF16.add("avx2", has, narrow(16, f32ToBF16AVX2, f32ToBF16Portable))
}

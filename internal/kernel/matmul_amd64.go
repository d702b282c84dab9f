//go:build !purego

package kernel

import "quern/internal/cpu"

//go:noescape
func mulF32AVX2(dst *float32, ldd uintptr, x *float32, ldx uintptr, panel *float32, ldp uintptr, m, k, acc uintptr)

//go:noescape
func mulF32AVX512(dst *float32, ldd uintptr, x *float32, ldx uintptr, panel *float32, ldp uintptr, m, k, acc uintptr)

func init() {
	matMulF32.add("avx2", cpu.Has("avx2"), rowsOf(mulF32AVX2, 6, 16))
	matMulF32.add("avx512", cpu.Has("avx512"), rowsOf(mulF32AVX512, 12, 32))
}

//go:build !purego

package kernel

import "quern/internal/cpu"

//go:noescape
func mulI8AVX2(dst *float32, ldd uintptr, code *int8, k uintptr, scale, sum *float32, start *int32, groups uintptr, panel *int8, pscale, pmin *float32, steps, m uintptr)

//go:noescape
func mulI8VNNI(dst *float32, ldd uintptr, code *int8, k uintptr, scale, sum *float32, start *int32, groups uintptr, panel *int8, pscale, pmin *float32, steps, m uintptr)

func init() {
	matMulI8.add("avx2", cpu.Has("avx2"), rowsOfI8(mulI8AVX2, 4))
	matMulI8.add("vnni", cpu.Has("vnni"), rowsOfI8(mulI8VNNI, 12))
}

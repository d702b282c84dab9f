//go:build !purego

package kernel

import "quern/internal/cpu"

//go:noescape
func subF64AVX2(dst *float64, ldd uintptr, x *float64, ldx uintptr, panel *float64, m, k uintptr)

func init() {
	subF64.add("avx2", cpu.Has("avx2"), func(dst []float64, ldd int, x []float64, ldx int, panel []float64, m, k int) {
		for i := 0; i < m; i += 6 {
			subF64AVX2(&dst[i*ldd], uintptr(8*ldd), &x[i*ldx], uintptr(8*ldx), &panel[0], uintptr(min(6, m-i)), uintptr(k))
		}
	})
}

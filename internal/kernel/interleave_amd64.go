//go:build !purego

package kernel

import "quern/internal/cpu"

//go:noescape
func spread4AVX2(dst *uint32, to uintptr, src *uint32, ld, n uintptr)

func init() {
	spread4.add("avx2", cpu.Has("avx2"), func(dst []uint32, to int, src []uint32, ld, n int) {
		whole := n &^ 7
		if whole > 0 {
			spread4AVX2(&dst[0], uintptr(4*to), &src[0], uintptr(4*ld), uintptr(whole))
		}
		if whole < n {
			spread4Portable(dst[whole*to:], to, src[whole:], ld, n-whole)
		}
	})
}

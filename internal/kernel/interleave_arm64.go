//go:build !purego

package kernel

import "quern/internal/cpu"

//go:noescape
func spread4NEON(dst *uint32, to uintptr, src *uint32, ld, n uintptr)

func init() {
	spread4.add("neon", cpu.Has("neon"), func(dst []uint32, to int, src []uint32, ld, n int) {
		whole := n &^ 3
		if whole > 0 {
			spread4NEON(&dst[0], uintptr(4*to), &src[0], uintptr(4*ld), uintptr(whole))
		}
		if whole < n {
			spread4Portable(dst[whole*to:], to, src[whole:], ld, n-whole)
		}
	})
}

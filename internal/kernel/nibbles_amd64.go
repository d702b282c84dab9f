//go:build !purego

package kernel

import "quern/internal/cpu"

//go:noescape
func nameNibbles8AVX2(dst *int8, src *byte, stride, n uintptr, levels *[16]int8)

//go:noescape
func nameNibbles16AVX2(dst *int8, src *byte, stride, n uintptr, levels *[16]int8)

func init() {
	nameNibbles.add("avx2", cpu.Has("avx2"), func(dst []int8, src []byte, half, stride int, levels *[16]int8) {
		name := nameNibbles16AVX2
		if half == 8 {
			name = nameNibbles8AVX2
		}
		name(&dst[0], &src[0], uintptr(stride), uintptr(len(dst)/(2*half)), levels)
	})
}

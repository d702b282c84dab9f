//go:build !purego

package kernel

import (
	"unsafe"

	"quern/internal/cpu"
)

//go:noescape
func codesQ80AVX2(code *int8, src *byte, n uintptr)

//go:noescape
func codesQ40AVX2(code *int8, src *byte, n uintptr)

//go:noescape
func codesQ41AVX2(code *int8, src *byte, n uintptr)

//go:noescape
func codesQ50AVX2(code *int8, src *byte, n uintptr)

//go:noescape
func codesQ51AVX2(code *int8, src *byte, n uintptr)

//go:noescape
func codesQ2KAVX2(code *int8, src *byte, n uintptr)

//go:noescape
func codesQ3KAVX2(code *int8, src *byte, n uintptr)

//go:noescape
func codesQ4KAVX2(code *int8, src *byte, n uintptr)

//go:noescape
func codesQ5KAVX2(code *int8, src *byte, n uintptr)

//go:noescape
func codesQ6KAVX2(code *int8, src *byte, n uintptr)

//go:noescape
func halvesEveryAVX2(dst *float32, src *byte, bytes, n uintptr)

//go:noescape
func expandAVX2(dst *float32, code *int8, scale, min *float32, eights, n uintptr)

func init() {
	has := cpu.Has("avx2")
	for _, c := range []struct {
		*Codes
		f func(code *int8, src *byte, n uintptr)
	}{
		{CodesQ8_0, codesQ80AVX2},
		{CodesQ4_0, codesQ40AVX2},
		{CodesQ4_1, codesQ41AVX2},
		{CodesQ5_0, codesQ50AVX2},
		{CodesQ5_1, codesQ51AVX2},
		{CodesQ2_K, codesQ2KAVX2},
		{CodesQ3_K, codesQ3KAVX2},
		{CodesQ4_K, codesQ4KAVX2},
		{CodesQ5_K, codesQ5KAVX2},
		{CodesQ6_K, codesQ6KAVX2},
	} {
		c.body.add("avx2", has, func(code []int8, src []byte) { c.f(&code[0], &src[0], uintptr(len(code)/c.block)) })
	}
	halvesEvery.add("avx2", has, func(dst []float32, src []byte, bytes int) {
		n := len(dst) &^ 7
		if n > 0 {
			halvesEveryAVX2(&dst[0], &src[0], uintptr(bytes), uintptr(n))
		}
		if n < len(dst) {
			halvesEveryPortable(dst[n:], src[n*bytes:], bytes)
		}
	})
	expand.add("avx2", has, func(dst []float32, code []int8, scale, min []float32, group int) {
		if len(scale) > 0 {
			expandAVX2(&dst[0], &code[0], &scale[0], unsafe.SliceData(min), uintptr(group/8), uintptr(len(scale)))
		}
	})
}

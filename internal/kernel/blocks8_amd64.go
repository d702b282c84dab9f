//go:build !purego

package kernel

import "quern/internal/cpu"

//go:noescape
func blocks8AVX2(dst *byte, src *float32, n uintptr) uint32

//go:noescape
func blocks8GgmlAVX2(dst *byte, src *float32, n uintptr) uint32

//go:noescape
func blocks4GgmlAVX2(dst *byte, src *float32, n uintptr) uint32

func init() {
	blocks8.add("avx2", cpu.Has("avx2"), whole8(blocks8AVX2, bytes8))
	blocks8Ggml.add("avx2", cpu.Has("avx2"), whole8(blocks8GgmlAVX2, bytes8))
	blocks4Ggml.add("avx2", cpu.Has("avx2"), whole8(blocks4GgmlAVX2, bytes4))
}

// whole8 makes a body of one that takes multiples of eight blocks of so many bytes: what remains goes through a copy.
func whole8(f func(dst *byte, src *float32, n uintptr) uint32, size int) blocks8Body {
	const some = 8 * block8
	return func(dst []byte, src []float32) (r uint32) {
		n := len(src) / some * some
		if n > 0 {
			r = f(&dst[0], &src[0], uintptr(n))
		}
		if n < len(src) {
			var x [some]float32
			var out [8 * bytes8]byte
			copy(x[:], src[n:])
			r = max(r, f(&out[0], &x[0], some))
			copy(dst[n/block8*size:], out[:(len(src)-n)/block8*size])
		}
		return r
	}
}

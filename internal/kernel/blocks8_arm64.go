//go:build !purego

package kernel

import "quern/internal/cpu"

//go:noescape
func blocks8NEON(dst *byte, src *float32, n uintptr) uint32

//go:noescape
func blocks8GgmlNEON(dst *byte, src *float32, n uintptr) uint32

//go:noescape
func blocks4GgmlNEON(dst *byte, src *float32, n uintptr) uint32

func init() {
	blocks4Ggml.add("neon", cpu.Has("neon"), any8(blocks4GgmlNEON))
	blocks8.add("neon", cpu.Has("neon"), any8(blocks8NEON))
	blocks8Ggml.add("neon", cpu.Has("neon"), any8(blocks8GgmlNEON))
}

// any8 makes a body of one that takes any number of blocks but none.
func any8(f func(dst *byte, src *float32, n uintptr) uint32) blocks8Body {
	return func(dst []byte, src []float32) uint32 {
		if len(src) == 0 {
			return 0
		}
		return f(&dst[0], &src[0], uintptr(len(src)))
	}
}

//go:build !purego

package kernel

import "quern/internal/cpu"

//go:noescape
func mulI16AVX2(dst *float32, ldd uintptr, x *uint32, xscale *float32, panel *uint32, pscale *float32, m, groups, more uintptr)

//go:noescape
func mulI16AVX512(dst *float32, ldd uintptr, x *uint32, xscale *float32, panel *uint32, pscale *float32, m, groups, more uintptr)

//go:noescape
func mulI16VNNI(dst *float32, ldd uintptr, x *uint32, xscale *float32, panel *uint32, pscale *float32, m, groups, more uintptr)

//go:noescape
func codeI16AVX2(code *uint32, scale *float32, x *float32, n uintptr)

//go:noescape
func codeF16AVX2(code *uint32, scale *float32, x *byte, n uintptr)

//go:noescape
func codeBF16AVX2(code *uint32, scale *float32, x *byte, n uintptr)

//go:noescape
func codeI16AVX512(code *uint32, scale *float32, x *float32, n uintptr)

//go:noescape
func codeF16AVX512(code *uint32, scale *float32, x *byte, n uintptr)

//go:noescape
func codeBF16AVX512(code *uint32, scale *float32, x *byte, n uintptr)

func init() {
	codeI16.add("avx2", cpu.Has("avx2"), func(code []uint32, scale, x []float32) {
		codeI16AVX2(&code[0], &scale[0], &x[0], uintptr(len(scale)))
	})
	codeI16.add("avx512", cpu.Has("avx512"), inPairs(GroupI16, codeI16AVX512, codeI16AVX2))
	codeF16.add("avx2", cpu.Has("avx2"), codeHalves(codeF16AVX2))
	codeF16.add("avx512", cpu.Has("avx512"), inPairs(2*GroupI16, codeF16AVX512, codeF16AVX2))
	codeBF16.add("avx2", cpu.Has("avx2"), codeHalves(codeBF16AVX2))
	codeBF16.add("avx512", cpu.Has("avx512"), inPairs(2*GroupI16, codeBF16AVX512, codeBF16AVX2))
	matMulI16.add("avx2", cpu.Has("avx2"), int16Of(mulI16AVX2, 6, 16))
	matMulI16.add("avx512", cpu.Has("avx512"), int16Of(mulI16AVX512, 12, 32))
	matMulI16.add("vnni", cpu.Has("vnni"), int16Of(mulI16VNNI, 12, 32))
}

func codeHalves(f func(code *uint32, scale *float32, x *byte, n uintptr)) func(code []uint32, scale []float32, x []byte) {
	return func(code []uint32, scale []float32, x []byte) { f(&code[0], &scale[0], &x[0], uintptr(len(scale))) }
}

// inPairs codes pairs of groups, of which one has so many elements of x, by one function, and the last of an odd number by the other.
func inPairs[T any](size int, pairs, one func(code *uint32, scale *float32, x *T, n uintptr)) func(code []uint32, scale []float32, x []T) {
	return func(code []uint32, scale []float32, x []T) {
		n := len(scale) / 2
		if n > 0 {
			pairs(&code[0], &scale[0], &x[0], uintptr(n))
		}
		if last := len(scale) - 1; last == 2*n {
			one(&code[last*wordsI16], &scale[last], &x[last*size], 1)
		}
	}
}

//go:build !purego

package kernel

import "quern/internal/cpu"

//go:noescape
func pairBF16AVX2(dst *uint32, x *float32, n uintptr)

//go:noescape
func mulPairsAVX2(dst *float32, ldd uintptr, x, panel *uint32, m, k, more uintptr)

//go:noescape
func mulPairsAVX512(dst *float32, ldd uintptr, x, panel *uint32, m, k, more uintptr)

//go:noescape
func mulPairsBF16(dst *float32, ldd uintptr, x, panel *uint32, m, k, more uintptr)

func init() {
	pairBF16.add("avx2", cpu.Has("avx2"), func(dst []uint32, x []float32) {
		n := len(x) &^ 15
		if n > 0 {
			pairBF16AVX2(&dst[0], &x[0], uintptr(n))
		}
		pairBF16Portable(dst[n/2:], x[n:])
	})
	matMulPairs.add("avx2", cpu.Has("avx2"), pairsOf(mulPairsAVX2, 6, 16))
	matMulPairs.add("avx512", cpu.Has("avx512"), pairsOf(mulPairsAVX512, 12, 32))
	matMulPairs.add("bf16", cpu.Has("bf16"), pairsOf(mulPairsBF16, 12, 32))
}

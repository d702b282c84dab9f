//go:build !purego

package kernel

import "quern/internal/cpu"

//go:noescape
func mulF32AVX2(dst *float32, ldd uintptr, x *float32, ldx uintptr, panel *float32, ldp uintptr, m, k, acc uintptr)

//go:noescape
func mulF32AVX512(dst *float32, ldd uintptr, x *float32, ldx uintptr, panel *float32, ldp uintptr, m, k, acc uintptr)

//go:noescape
func mulTilesAVX2(dst *float32, ldd uintptr, x, panel *float32, m, k, more uintptr)

//go:noescape
func mulTilesAVX512(dst *float32, ldd uintptr, x, panel *float32, m, k, more uintptr)

//go:noescape
func pack8AVX2(panel, w *float32, k, n uintptr)

func init() {
	pack8.add("avx2", cpu.Has("avx2"), func(panel, w []float32, k int) {
		n := k &^ 7
		if n > 0 {
			pack8AVX2(&panel[0], &w[0], uintptr(4*k), uintptr(n))
		}
		if n == k {
			return
		}
		for j := range 8 {
			packRow(panel[n*Lanes:], j, w[j*k+n:(j+1)*k])
		}
	})
	matMulF32.add("avx2", cpu.Has("avx2"), rowsOf(mulF32AVX2, 6, 16))
	matMulF32.add("avx512", cpu.Has("avx512"), rowsOf(mulF32AVX512, 12, 32))
	matMulTiles.add("avx2", cpu.Has("avx2"), tilesOf(mulTilesAVX2, 6, 16))
	matMulTiles.add("avx512", cpu.Has("avx512"), tilesOf(mulTilesAVX512, 12, 32))
}

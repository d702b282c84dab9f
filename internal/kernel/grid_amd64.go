//go:build !purego

package kernel

import "quern/internal/cpu"

//go:noescape
func gridFill4AVX2(sum *float32, number *uint32, x, w *float32, points uintptr, near *uint16, table *float32)

//go:noescape
func gridFill8AVX2(sum *float32, number *uint32, x, w *float32, points uintptr, near *uint16, table *float32)

//go:noescape
func gridFill4AVX512(sum *float32, number *uint32, x, w *float32, points uintptr, near *uint16, table *float32)

//go:noescape
func gridFill8AVX512(sum *float32, number *uint32, x, w *float32, points uintptr, near *uint16, table *float32)

//go:noescape
func gridPickAVX2(found *uint32, lx, l2, sum, scale *float32, first *uint32, points, scales uintptr)

//go:noescape
func gridPickAVX512(found *uint32, lx, l2, sum, scale *float32, first *uint32, points, scales uintptr)

//go:noescape
func gridSumsAVX2(p, q *float32, member *uint16, n uintptr, tp, tq *float32)

//go:noescape
func gridSumsAVX512(p, q *float32, member *uint16, n uintptr, tp, tq *float32)

//go:noescape
func gridMostAVX2(p, q *float32, n uintptr, s float32) int

//go:noescape
func gridMostAVX512(p, q *float32, n uintptr, s float32) int

//go:noescape
func gridFree4AVX2(gain, x, w *float32, points uintptr, table *float32, s float32)

//go:noescape
func gridFree8AVX2(gain, x, w *float32, points uintptr, table *float32, s float32)

func init() {
	avx2, avx512 := cpu.Has("avx2"), cpu.Has("avx512")
	gridFill4.add("avx2", avx2, gridFillOf(gridFill4AVX2))
	gridFill4.add("avx512", avx512, gridFillOf(gridFill4AVX512))
	gridFill8.add("avx2", avx2, gridFillOf(gridFill8AVX2))
	gridFill8.add("avx512", avx512, gridFillOf(gridFill8AVX512))
	gridPick.add("avx2", avx2, gridPickOf(gridPickAVX2))
	gridPick.add("avx512", avx512, gridPickOf(gridPickAVX512))
	gridSums.add("avx2", avx2, gridSumsOf(gridSumsAVX2))
	gridSums.add("avx512", avx512, gridSumsOf(gridSumsAVX512))
	gridMost.add("avx2", avx2, gridMostOf(gridMostAVX2))
	gridMost.add("avx512", avx512, gridMostOf(gridMostAVX512))
	gridFree4.add("avx2", avx2, gridFreeOf(gridFree4AVX2))
	gridFree8.add("avx2", avx2, gridFreeOf(gridFree8AVX2))
}

func gridFillOf(f func(sum *float32, number *uint32, x, w *float32, points uintptr, near *uint16, table *float32)) gridFillBody {
	return func(sum []float32, number []uint32, x, w []float32, g *Grid) {
		f(&sum[0], &number[0], &x[0], &w[0], uintptr(len(x)/g.Dims), &g.Near[0], &g.table[0])
	}
}

func gridPickOf(f func(found *uint32, lx, l2, sum, scale *float32, first *uint32, points, scales uintptr)) gridPickBody {
	return func(found []uint32, lx, l2, sum, scale []float32, first []uint32) {
		f(&found[0], &lx[0], &l2[0], &sum[0], &scale[0], &first[0], uintptr(len(sum)/(2*GridSet)), uintptr(len(scale)))
	}
}

func gridSumsOf(f func(p, q *float32, member *uint16, n uintptr, tp, tq *float32)) func(p, q []float32, member []uint16, tp, tq *[64]float32) {
	return func(p, q []float32, member []uint16, tp, tq *[64]float32) {
		f(&p[0], &q[0], &member[0], uintptr(len(member)), &tp[0], &tq[0])
	}
}

func gridMostOf(f func(p, q *float32, n uintptr, s float32) int) func(p, q []float32, s float32) int {
	return func(p, q []float32, s float32) int { return f(&p[0], &q[0], uintptr(len(p)), s) }
}

func gridFreeOf(f func(gain, x, w *float32, points uintptr, table *float32, s float32)) gridFreeBody {
	return func(gain, x, w []float32, g *Grid, s float32) {
		f(&gain[0], &x[0], &w[0], uintptr(len(gain)), &g.table[0], s)
	}
}

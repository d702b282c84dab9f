//go:build !purego

package kernel

import "quern/internal/cpu"

//go:noescape
func gridFill4AVX2(pair *uint32, step, unit *float32, place *uint32, x, w *float32, points uintptr, near *uint16, table *float32, sets, rounds, skip uintptr)

//go:noescape
func gridFill8AVX2(pair *uint32, step, unit *float32, place *uint32, x, w *float32, points uintptr, near *uint16, table *float32, sets, rounds, skip uintptr)

//go:noescape
func gridAimAVX2(times *uint32, scale *float32, scales, window uintptr, top float32)

//go:noescape
func gridPickAVX2(found *uint32, lx, l2, step *float32, times, first *uint32, points, groups, fours uintptr, pair *uint32)

//go:noescape
func gridPickWideAVX2(found *uint32, lx, l2, step *float32, times, first *uint32, points, groups, fours uintptr, pair *uint32)

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
	gridFill8.add("avx2", avx2, gridFillOf(gridFill8AVX2))
	gridAim.add("avx2", avx2, func(times []uint32, scale []float32, window int) {
		gridAimAVX2(&times[0], &scale[0], uintptr(len(times)), uintptr(window), float32(1<<15/window-1))
	})
	gridPick.add("avx2", avx2, gridPickOf(gridPickAVX2))
	gridPickWide.add("avx2", avx2, gridPickOf(gridPickWideAVX2))
	gridSums.add("avx2", avx2, gridSumsOf(gridSumsAVX2))
	gridSums.add("avx512", avx512, gridSumsOf(gridSumsAVX512))
	gridMost.add("avx2", avx2, gridMostOf(gridMostAVX2))
	gridMost.add("avx512", avx512, gridMostOf(gridMostAVX512))
	gridFree4.add("avx2", avx2, gridFreeOf(gridFree4AVX2))
	gridFree8.add("avx2", avx2, gridFreeOf(gridFree8AVX2))
}

func gridFillOf(f func(pair *uint32, step, unit *float32, place *uint32, x, w *float32, points uintptr, near *uint16, table *float32, sets, rounds, skip uintptr)) gridFillBody {
	return func(to GridPoints, x, w []float32, g *Grid) {
		f(&to.Pair[0], &to.Step[0], &to.unit[0], &to.Place[0], &x[0], &w[0], uintptr(len(to.Step)), &g.Near[0], &g.table[0], uintptr(g.sets), uintptr(g.rounds), uintptr(GridRounds-g.sets*g.rounds))
	}
}

func gridPickOf(f func(found *uint32, lx, l2, step *float32, times, first *uint32, points, groups, fours uintptr, pair *uint32)) gridPickBody {
	return func(p *GridPick, pair []uint32, step []float32) {
		f(&p.Found[0], &p.LX[0], &p.L2[0], &step[0], &p.times[0], &p.First[0], uintptr(p.Points), uintptr(p.Groups), uintptr(p.Fours), &pair[0])
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

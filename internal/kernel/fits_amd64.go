//go:build !purego

package kernel

import "quern/internal/cpu"

//go:noescape
func gridSettleAVX2(ideal, most, lx, l2 *float32, lines uintptr)

//go:noescape
func gridLossesAVX2(loss, times, lx, l2 *float32, lines, tries uintptr, ideal, step, weight *float32, number *uint32, most float32)

//go:noescape
func gridLossesHalfAVX2(loss, times, lx, l2 *float32, lines, tries uintptr, ideal, step, weight *float32, number *uint32, most float32)

//go:noescape
func gridLeastAVX2(number *uint32, lx, l2, fromX, from2, scale *float32, scales uintptr)

func init() {
	avx2 := cpu.Has("avx2")
	gridSettle.add("avx2", avx2, func(f *GridFits) {
		gridSettleAVX2(&f.Ideal[0], &f.Most[0], &f.LX[0], &f.L2[0], uintptr(len(f.LX)/GridGroups))
	})
	gridLeast.add("avx2", avx2, func(f *GridFits, p *GridPick) {
		gridLeastAVX2(&f.Number[0], &f.lx[0], &f.l2[0], &p.LX[0], &p.L2[0], &p.Scale[0], uintptr(p.Fours*GridScales))
	})
	gridLosses.add("avx2", avx2, gridLossesOf(gridLossesAVX2))
	gridLossesHalf.add("avx2", avx2, gridLossesOf(gridLossesHalfAVX2))
}

func gridLossesOf(body func(loss, times, lx, l2 *float32, lines, tries uintptr, ideal, step, weight *float32, number *uint32, most float32)) func(*GridFits, []float32, []float32, int) {
	return func(f *GridFits, loss, times []float32, most int) {
		body(&loss[0], &times[0], &f.LX[0], &f.L2[0], uintptr(len(f.LX)/GridGroups), uintptr(len(times)),
			&f.Ideal[0], &f.Step[0], &f.Weight[0], &f.Number[0], float32(most-1))
	}
}

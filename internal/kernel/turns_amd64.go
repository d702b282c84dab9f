//go:build !purego

package kernel

import "quern/internal/cpu"

//go:noescape
func gridTurnsAVX2(k *GridTurn, x, w *float32, pair *uint32, step *float32, points uintptr, table *float32, set uintptr, member, half *uint16, place *uint32, near *uint16)

func init() {
	gridTurns.add("avx2", cpu.Has("avx2"), func(t *GridTurns, k []GridTurn, from *GridPoints, g *Grid, x, w []float32) {
		gridTurnsAVX2(&k[0], &x[0], &w[0], &from.Pair[0], &from.Step[0], uintptr(len(k)), &g.table[0], uintptr(g.rounds*GridNear), &t.member[0], &t.half[0][0], &from.Place[0], &g.Near[0])
	})
}

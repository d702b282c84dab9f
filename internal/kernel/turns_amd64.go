//go:build !purego

package kernel

import "quern/internal/cpu"

//go:noescape
func gridTurnsAVX2(k *GridTurn, x, w *float32, member, half *uint16, points uintptr)

func init() {
	gridTurns.add("avx2", cpu.Has("avx2"), func(t *GridTurns, k []GridTurn, x, w []float32) {
		gridTurnsAVX2(&k[0], &x[0], &w[0], &t.member[0], &t.half[0][0], uintptr(len(k)))
	})
}

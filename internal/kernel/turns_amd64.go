//go:build !purego

package kernel

import "quern/internal/cpu"

//go:noescape
func gridTurnsAVX2(k *gridTurn, x, w *float32, member, half *uint16)

func init() {
	gridTurns.add("avx2", cpu.Has("avx2"), func(t *GridTurns, k *gridTurn, x, w []float32) {
		gridTurnsAVX2(k, &x[0], &w[0], &t.member[0], &t.half[0][0])
	})
}

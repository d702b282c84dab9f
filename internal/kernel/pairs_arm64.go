//go:build !purego

package kernel

import "quern/internal/cpu"

//go:noescape
func mulPairsNEON(dst *float32, ldd uintptr, x, panel *uint32, m, k, more uintptr)

func init() {
	matMulPairs.add("neon", cpu.Has("neon"), pairsOf(mulPairsNEON, 4, 16))
}

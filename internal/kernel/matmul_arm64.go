//go:build !purego

package kernel

import "quern/internal/cpu"

//go:noescape
func mulF32NEON(dst *float32, ldd uintptr, x *float32, ldx uintptr, panel *float32, ldp uintptr, m, k, acc uintptr)

//go:noescape
func mulTilesNEON(dst *float32, ldd uintptr, x, panel *float32, m, k, more uintptr)

func init() {
	matMulTiles.add("neon", cpu.Has("neon"), tilesOf(mulTilesNEON, 4, 16))
	matMulF32.add("neon", cpu.Has("neon"), rowsOf(mulF32NEON, 4, 16))
}

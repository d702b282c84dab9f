//go:build !purego

package kernel

import "quern/internal/cpu"

//go:noescape
func levelsMulNEON(dst *uint8, x, factor, min *float32, groups, n uintptr, lo, hi float32)

//go:noescape
func levelsDivNEON(dst *uint8, x, factor, min *float32, groups, n uintptr, lo, hi float32)

func init() {
	levelsMul.add("neon", cpu.Has("neon"), levelsOf(levelsMulNEON))
	levelsDiv.add("neon", cpu.Has("neon"), levelsOf(levelsDivNEON))
}

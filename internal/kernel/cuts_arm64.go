//go:build !purego

package kernel

import "quern/internal/cpu"

//go:noescape
func cutsNEON(dst *uint8, x, factor, min *float32, blocks uintptr, bias, hi float32)

//go:noescape
func blockExtremesNEON(hi, lo, x *float32, blocks uintptr)

func init() {
	has := cpu.Has("neon")
	blockExtremes.add("neon", has, blockExtremesOf(blockExtremesNEON))
	cuts.add("neon", has, cutsOf(cutsNEON))
}

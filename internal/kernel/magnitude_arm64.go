//go:build !purego

package kernel

import "quern/internal/cpu"

//go:noescape
func magnitudeNEON(x *float32, n uintptr) uint32

func init() { magnitude.add("neon", cpu.Has("neon"), magnitudeOf(magnitudeNEON)) }

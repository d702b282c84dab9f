//go:build !purego

package kernel

import "quern/internal/cpu"

//go:noescape
func magnitudeAVX2(x *float32, n uintptr) uint32

func init() { magnitude.add("avx2", cpu.Has("avx2"), magnitudeOf(magnitudeAVX2)) }

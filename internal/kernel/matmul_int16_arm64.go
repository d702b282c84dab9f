//go:build !purego

package kernel

import "quern/internal/cpu"

//go:noescape
func mulI16NEON(dst *float32, ldd uintptr, x *uint32, xscale *float32, panel *uint32, pscale *float32, m, groups, more uintptr)

func init() { matMulI16.add("neon", cpu.Has("neon"), int16Of(mulI16NEON, 2, 16)) }

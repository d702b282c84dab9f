//go:build !purego

package kernel

import "quern/internal/cpu"

//go:noescape
func mulI8DotProd(dst *float32, ldd uintptr, code *int8, scale, sum *float32, start *int32, panel *int8, pscale, pmin *float32, blocks, per, steps, m, more, bias, shift uintptr)

func init() { matMulI8.add("dotprod", cpu.Has("dotprod"), rowsOfI8(mulI8DotProd, mulI8DotProd, 4)) }

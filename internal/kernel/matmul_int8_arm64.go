//go:build !purego

package kernel

import "quern/internal/cpu"

//go:noescape
func mulI8DotProd(dst *float32, ldd uintptr, code *int8, k uintptr, scale, sum *float32, start *int32, groups uintptr, panel *int8, pscale, pmin *float32, steps, m, bias, shift uintptr)

func init() { matMulI8.add("dotprod", cpu.Has("dotprod"), rowsOfI8(mulI8DotProd, 4)) }

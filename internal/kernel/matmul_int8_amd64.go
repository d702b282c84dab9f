//go:build !purego

package kernel

import "quern/internal/cpu"

//go:noescape
func mulI8AVX2(dst *float32, ldd uintptr, code *int8, k uintptr, scale, sum *float32, start *int32, groups uintptr, panel *int8, pscale, pmin *float32, steps, m uintptr)

//go:noescape
func mulI8VNNI(dst *float32, ldd uintptr, code *int8, k uintptr, scale, sum *float32, start *int32, groups uintptr, panel *int8, pscale, pmin *float32, steps, m uintptr)

func init() {
	matMulI8.add("avx2", cpu.Has("avx2"), rowsOfI8(mulI8AVX2, 4))
	matMulI8.add("vnni", cpu.Has("vnni"), rowsOfI8(mulI8VNNI, 12))
}

// rowsOfI8 makes a body of MatMulI8 from an assembly function for so many rows.
func rowsOfI8(mul func(dst *float32, ldd uintptr, code *int8, k uintptr, scale, sum *float32, start *int32, groups uintptr, panel *int8, pscale, pmin *float32, steps, m uintptr), rows int) func(dst []float32, ldd int, a *ActsI8, from, m int, p *PanelI8) {
	return func(dst []float32, ldd int, a *ActsI8, from, m int, p *PanelI8) {
		groups := p.K / p.Group
		var offsets *float32
		if p.Min != nil {
			offsets = &p.Min[0]
		}
		for i := 0; i < m; i += rows {
			r := from + i
			mul(&dst[i*ldd], uintptr(4*ldd), &a.Code[r*p.K], uintptr(p.K), &a.Scale[r*groups], &a.Sum[r*groups], &a.Start[r*groups],
				uintptr(groups), &p.Code[0], &p.Scale[0], offsets, uintptr(p.Group/4), uintptr(min(rows, m-i)))
		}
	}
}

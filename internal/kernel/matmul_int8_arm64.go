//go:build !purego

package kernel

import (
	"unsafe"

	"quern/internal/cpu"
)

//go:noescape
func mulI8FlatDotProd(dst *float32, ldd uintptr, code *int8, scale, sum *float32, start *int32, panel *int8, pscale, pmin *float32, groups, steps, m, more, bias, shift uintptr)

//go:noescape
func mulI8SubDotProd(dst *float32, ldd uintptr, code *int8, scale *float32, pair *int16, panel *int8, sub *int16, start unsafe.Pointer, pscale, pmin *float32, blocks, groups, steps, m, more, shift uintptr)

func init() { matMulI8.add("dotprod", cpu.Has("dotprod"), matMulI8DotProd) }

func matMulI8DotProd(dst []float32, ldd int, a *ActsI8, from, m int, p *PanelI8, column, columns int) {
	w := walkI8{dst, ldd, a, from, m, p, column, columns}
	if p.Block == p.Group {
		w.flat(mulI8FlatDotProd, 4, 0, 0, p.Code, nil)
		return
	}
	w.sub(mulI8SubDotProd, 4, 0, p.Code, w.pairsOf(p.SubMin))
}

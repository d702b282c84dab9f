package kernel

import "unsafe"

// A mulF32 multiplies up to a fixed number of rows by a fixed number of the panel's outputs. Strides are in bytes; acc is 0 or 1.
type mulF32 func(dst *float32, ldd uintptr, x *float32, ldx uintptr, panel *float32, ldp uintptr, m, k, acc uintptr)

// rowsOf makes a body of MatMulF32 from an assembly function for rows × lanes outputs.
func rowsOf(mul mulF32, rows, lanes int) func(dst []float32, ldd int, x []float32, ldx int, panel []float32, ldp int, m, k int, acc bool) {
	return func(dst []float32, ldd int, x []float32, ldx int, panel []float32, ldp int, m, k int, acc bool) {
		if k == 0 {
			matMulF32Portable(dst, ldd, x, ldx, panel, ldp, m, k, acc)
			return
		}
		more := uintptr(0)
		if acc {
			more = 1
		}
		for i := 0; i < m; i += rows {
			for j := 0; j < Lanes; j += lanes {
				mul(&dst[i*ldd+j], uintptr(4*ldd), &x[i*ldx], uintptr(4*ldx), &panel[j], uintptr(4*ldp), uintptr(min(rows, m-i)), uintptr(k), more)
			}
		}
	}
}

// A mulI8 multiplies up to a fixed number of rows of one tile of activations by a panel whose blocks are groups. ldd is in bytes; pmin may be nil; steps is
// the number of fours in a group, more is 1 where results are added to dst. bias and shift are for the functions that count on small codes.
type mulI8 func(dst *float32, ldd uintptr, code *int8, scale, sum *float32, start *int32, panel *int8, pscale, pmin *float32, groups, steps, m, more, bias, shift uintptr)

// A mulSubI8 does it where groups have integer scales. start is nil where sums begin with zero; where there is pmin, SubMin; else it is Pair, and they begin
// with what that makes, shifted and taken off, or what a function for signed codes adds to each block.
type mulSubI8 func(dst *float32, ldd uintptr, code *int8, scale *float32, pair *int16, panel *int8, sub *int16, start unsafe.Pointer, pscale, pmin *float32,
	blocks, groups, steps, m, more, shift uintptr)

// A walkI8 is the part of a product that assembly functions are called for.
type walkI8 struct {
	dst             []float32
	ldd             int
	a               *ActsI8
	from, m         int
	p               *PanelI8
	column, columns int
}

// flat calls mul for so many rows at a time, a divisor of RowTile; codes are those of the panel, start, if there is one, its numbers in the place of those of
// the activations.
func (w *walkI8) flat(mul mulI8, rows int, bias, shift uintptr, codes []int8, start []int32) {
	a, p := w.a, w.p
	group, groups := w.column/p.Group, p.K/p.Group
	var offsets *float32
	if p.Min != nil {
		offsets = &p.Min[group*LanesI8]
	}
	for i := 0; i < w.m; i += rows {
		tile, r := (w.from+i)/RowTile, (w.from+i)%RowTile
		g := (tile*groups+group)*RowTile + r
		first := &a.Start[g]
		if start != nil {
			first = &start[group*LanesI8]
		}
		mul(&w.dst[i*w.ldd], uintptr(4*w.ldd), &a.Code[(tile*p.K+w.column)*RowTile+4*r], &a.Scale[g], &a.Sum[g], first, &codes[w.column*LanesI8],
			&p.Scale[group*LanesI8], offsets, uintptr(w.columns/p.Group), uintptr(p.Group/4), uintptr(min(rows, w.m-i)), uintptr(min(w.column, 1)), bias, shift)
	}
}

// sub does it for groups with integer scales.
func (w *walkI8) sub(mul mulSubI8, rows int, shift uintptr, codes []int8, start unsafe.Pointer) {
	a, p := w.a, w.p
	group, groups, block, blocks := w.column/p.Group, p.K/p.Group, w.column/p.Block, p.K/p.Block
	var offsets *float32
	if p.Min != nil {
		offsets = &p.Min[block*LanesI8]
	}
	for i := 0; i < w.m; i += rows {
		tile, r := (w.from+i)/RowTile, (w.from+i)%RowTile
		mul(&w.dst[i*w.ldd], uintptr(4*w.ldd), &a.Code[(tile*p.K+w.column)*RowTile+4*r], &a.Scale[(tile*blocks+block)*RowTile+r],
			&a.Pair[(tile*groups+group)*RowTile+2*r], &codes[w.column*LanesI8], &p.Sub[2*group*LanesI8], start, &p.Scale[block*LanesI8], offsets,
			uintptr(w.columns/p.Block), uintptr(p.Block/p.Group), uintptr(p.Group/4), uintptr(min(rows, w.m-i)), uintptr(min(w.column, 1)), shift)
	}
}

// pairsOf is where the pairs of a panel, or of its minima, begin in the column.
func (w *walkI8) pairsOf(pairs []int16) unsafe.Pointer {
	return unsafe.Pointer(&pairs[w.column/w.p.Group*LanesI8])
}

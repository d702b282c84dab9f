package kernel

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

// A mulI8 multiplies up to a fixed number of rows of one tile of activations by a panel. ldd is in bytes; pmin may be nil; per is
// the number of groups in a block, steps that of fours in a group, more is 1 where results are added to dst. bias and shift are for the functions that count on small codes.
type mulI8 func(dst *float32, ldd uintptr, code *int8, scale, sum *float32, start *int32, panel *int8, pscale, pmin *float32, blocks, per, steps, m, more, bias, shift uintptr)

// rowsOfI8 makes a body of MatMulI8 from assembly functions for so many rows, a divisor of RowTile: one for blocks of one group,
// one for blocks of several.
func rowsOfI8(flat, blocks mulI8, rows int) func(dst []float32, ldd int, a *ActsI8, from, m int, p *PanelI8, column, columns int) {
	return func(dst []float32, ldd int, a *ActsI8, from, m int, p *PanelI8, column, columns int) {
		mul := blocks
		if a.Block == a.Group {
			mul = flat
		}
		walkI8(mul, rows, 0, 0, p.Code, nil, dst, ldd, a, from, m, p, column, columns)
	}
}

// walkI8 calls mul for all rows and codes of the panel; start, if there is one, are the panel's own numbers in the place of those of the activations.
func walkI8(mul mulI8, rows int, bias, shift uintptr, codes []int8, start []int32, dst []float32, ldd int, a *ActsI8, from, m int, p *PanelI8, column, columns int) {
	group, block := column/p.Group, column/a.Block
	groups, blocks := p.K/p.Group, p.K/a.Block
	count, per, steps, more := uintptr(columns/a.Block), uintptr(a.Block/p.Group), uintptr(p.Group/4), uintptr(min(column, 1))
	var offsets *float32
	if p.Min != nil {
		offsets = &p.Min[group*LanesI8]
	}
	code, scale := &codes[column*LanesI8], &p.Scale[group*LanesI8]
	for i := 0; i < m; i += rows {
		tile, r := (from+i)/RowTile, (from+i)%RowTile
		g := (tile*groups+group)*RowTile + r
		first := &a.Start[g]
		if start != nil {
			first = &start[group*LanesI8]
		}
		mul(&dst[i*ldd], uintptr(4*ldd), &a.Code[(tile*p.K+column)*RowTile+4*r], &a.Scale[(tile*blocks+block)*RowTile+r], &a.Sum[g], first,
			code, scale, offsets, count, per, steps, uintptr(min(rows, m-i)), more, bias, shift)
	}
}

package kernel

// PackTiles interleaves m rows of k activations, ld apart, as rows from on of tiles [k][RowTile]; from is a multiple of RowTile, and
// rows beyond the last are zero.
func PackTiles[T uint32 | float32](tiles, x []T, ld, from, m, k int) {
	tiles = tiles[from*k:]
	for i := 0; i < m; i += RowTile {
		tile, n := tiles[i*k:][:RowTile*k], min(RowTile, m-i)
		r := 0
		for ; r+4 <= n; r += 4 {
			interleave(words(tile)[r:], RowTile, words(x[(i+r)*ld:]), ld, k)
		}
		for ; r < RowTile; r++ {
			row := x[:0]
			if r < n {
				row = x[(i+r)*ld:][:k]
			}
			for p := range k {
				var v T
				if p < len(row) {
					v = row[p]
				}
				tile[p*RowTile+r] = v
			}
		}
	}
}

var matMulTiles = portable(matMulTilesPortable)

// MatMulTiles multiplies m rows of tiles, beginning with row from, a multiple of RowTile, by a panel of 32 outputs for k weights, as
// MatMulF32 does. Only the given columns are multiplied; from column 0 on the sums begin with zero, else with dst.
func MatMulTiles(dst []float32, ldd int, tiles []float32, from, m int, panel []float32, k, column, columns int) {
	if m == 0 || columns == 0 {
		return
	}
	_, _ = dst[(m-1)*ldd+Lanes-1], panel[k*Lanes-1]
	matMulTiles.best(dst, ldd, tiles[from*k:][:(m+RowTile-1)/RowTile*RowTile*k], m, panel, k, column, columns)
}

func matMulTilesPortable(dst []float32, ldd int, tiles []float32, m int, panel []float32, k, column, columns int) {
	for i := range m {
		out := dst[i*ldd:][:Lanes]
		if column == 0 {
			clear(out)
		}
		x := tiles[i/RowTile*RowTile*k+i%RowTile:]
		for p := column; p < column+columns; p++ {
			v := x[p*RowTile]
			for j, w := range panel[p*Lanes:][:Lanes] {
				out[j] = fma(v, w, out[j])
			}
		}
	}
}

// A mulTile multiplies up to a fixed number of rows of one tile by a fixed number of the panel's outputs. ldd is in bytes; more is 1
// where results are added to dst.
type mulTile func(dst *float32, ldd uintptr, x, panel *float32, m, k, more uintptr)

// tilesOf makes a body of MatMulTiles from an assembly function for rows × lanes outputs; rows divides RowTile.
func tilesOf(mul mulTile, rows, lanes int) func(dst []float32, ldd int, tiles []float32, m int, panel []float32, k, column, columns int) {
	return func(dst []float32, ldd int, tiles []float32, m int, panel []float32, k, column, columns int) {
		more := uintptr(min(column, 1))
		for i := 0; i < m; i += rows {
			x := &tiles[(i/RowTile*k+column)*RowTile+i%RowTile]
			for j := 0; j < Lanes; j += lanes {
				mul(&dst[i*ldd+j], uintptr(4*ldd), x, &panel[column*Lanes+j], uintptr(min(rows, m-i)), uintptr(columns), more)
			}
		}
	}
}

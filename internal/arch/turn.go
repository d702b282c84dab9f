package arch

import (
	"io"

	"quern/formats"
	"quern/quantize"
)

// turned is every matrix of a tensor [X][n][m] transposed. Nothing is kept: a run of rows of the result is a strip of columns, read
// where numbers stand alone, or cut out of the whole matrix where they stand in blocks.
func turned(t *formats.Tensor) *formats.Tensor { return turnedColumns(t, 0, 1) }

// turnedColumns is the same with every step-th column only, from one on.
func turnedColumns(t *formats.Tensor, first, step int) *formats.Tensor {
	n := *t
	x, rows, cols := t.Shape[0], t.Shape[1], t.Shape[2]
	n.Shape = []int{x, cols / step, rows}
	n.Rows, n.Raw = nil, nil
	c := columns{rows, cols, first, step}
	switch {
	case t.Rows == nil:
	case t.Raw != nil && t.Type.Block == 1:
		n.Rows = strips{c, t.Raw, t.Type}
	default:
		n.Rows = turnedRows{c, t.Rows}
	}
	return &n
}

// columns are some of those of matrices [n][m]. Row i of a result is column first + i·step.
type columns struct{ n, m, first, step int }

// span is which columns the next count rows of a result are, in which matrix, and how many there are at most before it ends.
func (c *columns) span(row int) (matrix, from, most int) {
	each := c.m / c.step
	return row / each, c.first + row%each*c.step, each - row%each
}

type turnedRows struct {
	columns
	rows formats.Rows
}

// Held is what a call of ReadRows needs: one matrix.
func (r turnedRows) Held() int64 { return 4 * int64(r.n) * int64(r.m) }

func (r turnedRows) ReadRows(dst []float32, row int) error {
	whole := make([]float32, r.n*r.m)
	for len(dst) > 0 {
		matrix, from, most := r.span(row)
		count := min(len(dst)/r.n, most)
		if err := r.rows.ReadRows(whole, matrix*r.n); err != nil {
			return err
		}
		for i := range count {
			for j := range r.n {
				dst[i*r.n+j] = whole[j*r.m+from+i*r.step]
			}
		}
		dst, row = dst[count*r.n:], row+count
	}
	return nil
}

type strips struct {
	columns
	raw io.ReaderAt
	typ *quantize.Type
}

func (r strips) ReadRows(dst []float32, row int) error {
	for len(dst) > 0 {
		matrix, from, most := r.span(row)
		count := min(len(dst)/r.n, most)
		wide := (count-1)*r.step + 1
		raw, strip := make([]byte, wide*r.typ.Bytes), make([]float32, wide)
		for j := range r.n {
			off := (int64(matrix*r.n+j)*int64(r.m) + int64(from)) * int64(r.typ.Bytes)
			if n, err := r.raw.ReadAt(raw, off); n < len(raw) {
				return err
			}
			r.typ.Decode(strip, raw)
			for i := range count {
				dst[i*r.n+j] = strip[i*r.step]
			}
		}
		dst, row = dst[count*r.n:], row+count
	}
	return nil
}

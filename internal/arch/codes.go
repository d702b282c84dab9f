package arch

import (
	"quern/formats"
	"quern/quantize"
)

// permutedCodes are permutedRows of integers: whole rows move, so that every one keeps its scales.
type permutedCodes struct {
	formats.Coded
	rows permutedRows
}

func (r permutedCodes) ReadRows(dst []float32, row int) error { return r.rows.ReadRows(dst, row) }

func (r permutedCodes) ReadCodes(c *quantize.Codes, row, rows int) error {
	var one quantize.Codes
	for i := range rows {
		if err := r.Coded.ReadCodes(&one, r.rows.m.from(row+i), 1); err != nil {
			return err
		}
		if i == 0 {
			c.Reshape(one.Grid, rows, one.Cols, one.Offset != nil)
		}
		c.CopyRows(i, &one, 0, 1)
	}
	return nil
}

package formats

import (
	"math"

	"quern/quantize"
)

const maxDims = 8 // more than any checkpoint has; GGUF allows 4

// sizeOf returns the bytes of a tensor, or an error when a product overflows or rows are not whole blocks.
func sizeOf(t *quantize.Type, shape []int) (int64, error) {
	n := int64(1)
	for _, d := range shape {
		if d < 0 {
			return 0, Corrupt("dimension %d is negative", d)
		}
		if d != 0 && n > math.MaxInt64/int64(d) {
			return 0, Corrupt("shape %v overflows", shape)
		}
		n *= int64(d)
	}
	cols := 1
	if len(shape) > 0 {
		cols = shape[len(shape)-1]
	}
	if cols%t.Block != 0 {
		return 0, Corrupt("a row of %d weights is not a multiple of the %d of a %s block", cols, t.Block, t.Name)
	}
	if n == 0 {
		return 0, nil
	}
	if int64(cols/t.Block) > (math.MaxInt64-int64(t.Row))/int64(t.Bytes) {
		return 0, Corrupt("shape %v overflows", shape)
	}
	row, _ := t.Size(cols)
	if n/int64(cols) > math.MaxInt64/int64(row) {
		return 0, Corrupt("shape %v overflows", shape)
	}
	return n / int64(cols) * int64(row), nil
}

package quantize

import (
	"fmt"
	"math"
	"slices"

	"quern/internal/kernel"
)

// NotFinite is the place of a weight that no quantized type can hold: NaN or an infinity.
type NotFinite struct{ Row, Col int }

func (e *NotFinite) Error() string {
	return fmt.Sprintf("row %d, column %d is NaN or infinite", e.Row, e.Col)
}

// Largest is the greatest magnitude of w, or NaN if there is one.
func Largest(w []float32) float32 {
	return kernel.Magnitude(w)
}

// notFinite returns an error that says where a weight is not a number.
func notFinite(w []float32, cols int) error {
	if Largest(w) <= math.MaxFloat32 {
		return nil
	}
	i := slices.IndexFunc(w, func(v float32) bool { return v-v != 0 })
	return &NotFinite{Row: i / cols, Col: i % cols}
}

// Rows rounds a run of rows of cols weights to type t, each weight on its own merits, with the encoder of an effort. importance is nil or one weight for each column. Rows are encoded alone, so a matrix may be
// cut into runs anywhere. What is written is of no use when a weight is not finite.
func Rows(dst []byte, t *Type, w []float32, cols int, importance []float32, effort int) error {
	encode := t.Encoder(effort)
	size, whole := t.Size(cols)
	switch {
	case encode == nil:
		return fmt.Errorf("%s cannot be written", t.Name)
	case cols <= 0 || len(w)%cols != 0:
		return fmt.Errorf("%d weights are not whole rows of %d", len(w), cols)
	case !whole:
		return fmt.Errorf("rows of %d weights are not whole blocks of %d, as %s needs", cols, t.Block, t.Name)
	case len(dst) != len(w)/cols*size:
		return fmt.Errorf("%d bytes for what takes %d", len(dst), len(w)/cols*size)
	case importance != nil && len(importance) != cols:
		return fmt.Errorf("importance for %d columns of %d", len(importance), cols)
	}
	step := cols
	if t.Alone && (importance == nil || t.Weigh == nil) {
		step, importance = min(cols, alonePart), nil
	}
	for all := w; len(w) > 0; w = w[cols:] {
		for col := 0; col < cols; col += step {
			x := w[col:min(col+step, cols)]
			if !(Largest(x) <= math.MaxFloat32) {
				return notFinite(all, cols)
			}
			n, _ := t.Size(len(x))
			encode(dst[:n], x, importance)
			dst = dst[n:]
		}
	}
	return nil
}

// alonePart is what kernels that write a block as fast as memory is fetch ahead, 4096 bytes of weights: a part is in the nearest cache by its turn.
const alonePart = 1024

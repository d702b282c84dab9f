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
	if len(w) == 0 {
		return 0
	}
	hi, lo := kernel.Extremes(w)
	return max(hi, -lo)
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
// cut into runs anywhere. Nothing is written when a weight is not finite.
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
	if err := notFinite(w, cols); err != nil {
		return err
	}
	for ; len(w) > 0; dst, w = dst[size:], w[cols:] {
		encode(dst[:size], w[:cols], importance)
	}
	return nil
}

package verify

import (
	"math/rand/v2"
	"strings"
	"testing"

	"quern/internal/arch"
)

// Rows or columns in another order are told from other weights, also when they were rounded.
func TestTensorsInAnotherOrder(t *testing.T) {
	const rows, cols = 80, 96
	r := rand.New(rand.NewPCG(3, 4))
	x := make([]float32, rows*cols)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	byRow, byColumn := r.Perm(rows), r.Perm(cols)
	noise := func() float32 { return float32(0.1 * r.NormFloat64()) }
	a := tensorOf(rows, cols, func(i int) float32 { return x[i] })
	for want, f := range map[string]func(row, col int) float32{
		"rows are":    func(row, col int) float32 { return x[byRow[row]*cols+col] + noise() },
		"columns are": func(row, col int) float32 { return x[row*cols+byColumn[col]] + noise() },
		"damaged":     func(row, col int) float32 { return float32(r.NormFloat64()) },
		"damaged ":    func(row, col int) float32 { return x[byRow[row]*cols+byColumn[col]] },
	} {
		b := tensorOf(rows, cols, func(i int) float32 { return f(i/cols, i%cols) })
		p := tensorPair{a, b, arch.Origin{Rule: &arch.Rule{}}}
		d := &Diff{Tensors: []TensorDiff{{Name: "blk.0.ffn_up.weight"}}}
		if err := d.swapped([]int{0}, []tensorPair{p}); err != nil || len(d.Hints) != 1 || !strings.Contains(d.Hints[0], strings.TrimSpace(want)) {
			t.Errorf("want %q: %q, %v", want, d.Hints, err)
		}
	}
	small := tensorOf(4, cols, func(i int) float32 { return x[i] })
	if got, err := (tensorPair{a: small, b: tensorOf(4, cols, func(i int) float32 { return -x[i] })}).order(0.9); got != "" || err != nil {
		t.Errorf("four rows are enough for %q, %v", got, err)
	}
}

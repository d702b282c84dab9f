package calib

import (
	"slices"
	"testing"

	"quern/formats"
	"quern/internal/arch"
	"quern/quantize"
)

// A matrix whose columns stand in another order in its checkpoint is rounded by sums of the checkpoint's columns.
func TestInputsAreInTheOrderOfTheSource(t *testing.T) {
	state := arch.State{Size: 1, Groups: 2, Heads: 4, Inner: 8}
	m := &codeMatrix{column: arch.TurnsOut.Columns(&arch.Params{State: state})}
	w := []float32{1, 2, 3, 4, 5, 6, 7, 8} // of heads that share keys two by two
	source := &formats.Tensor{Name: "w", Shape: []int{1, 8}, Type: quantize.F32, Rows: arch.Floats("w", w).Rows}
	moved := make([]float32, 8)
	if err := arch.TurnsOut.Forward(source, &arch.Params{State: state}).Rows.ReadRows(moved, 0); err != nil {
		t.Fatal(err)
	}
	if slices.Equal(moved, w) {
		t.Fatal("nothing moved")
	}
	if got := m.ofSource(append(moved, moved...), 8); !slices.Equal(got, append(w, w...)) { // what is moved as the matrix is comes back
		t.Errorf("%v came back as %v", w, got)
	}
	if x := (&codeMatrix{}).ofSource(moved, 8); &x[0] != &moved[0] {
		t.Error("what needs no order is copied")
	}
}

package quantize

import (
	"math"
	"slices"
	"testing"
)

// Squares are exact, so that the sums do not depend on how columns and rows are cut.
func TestStats(t *testing.T) {
	x := []float32{1e-20, 3, -math.MaxFloat32, 16777217, 1e20, 0.1}
	s := NewStats(3)
	s.Add(x[:3], 1)
	s.Add(x[3:], 1)
	want := []float64{float64(x[0])*float64(x[0]) + float64(x[3])*float64(x[3]), 9 + float64(x[4])*float64(x[4]),
		float64(x[2])*float64(x[2]) + float64(x[5])*float64(x[5])}
	if s.Count != 2 || !slices.Equal(s.Diag, want) {
		t.Errorf("%d inputs, %v, want %v", s.Count, s.Diag, want)
	}
	parts := NewStats(3)
	parts.AddColumns(x, 2, 3)
	parts.AddColumns(x, 0, 2)
	if parts.Count != 0 || !slices.Equal(parts.Diag, want) {
		t.Errorf("by columns %v of %d, want %v", parts.Diag, parts.Count, want)
	}
	NewStats(0).Add(nil, 5)
}

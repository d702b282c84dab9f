package model

import (
	"math"
	"testing"
)

// An indexer keeps the best positions, of equal ones the first, and all where there are no more than it chooses.
func TestIndexerKeepsTheBest(t *testing.T) {
	var scratch []float32
	for _, c := range []struct {
		scores []float32
		top    int
		want   uint64
	}{
		{[]float32{3, 1, 2}, 3, 0b111},
		{[]float32{3, 1, 2}, 2, 0b101},
		{[]float32{0, 0, 5, 0}, 3, 0b0111},
		{[]float32{0, 0, -5, 0}, 1, 0b0001},
		{[]float32{-1, -2, -1, -1}, 2, 0b0101},
	} {
		s := sight{bits: make([]uint64, 2), words: 1}
		s.keep(1, c.scores, c.top, &scratch)
		if s.bits[0] != 0 || s.bits[1] != c.want {
			t.Errorf("%v: the best %d are %b, want %b", c.scores, c.top, s.bits[1], c.want)
		}
		row := append([]float32(nil), c.scores...)
		s.hide(row[1:], 1, 1, 0, 1)
		for i, v := range row[1:] {
			if math.IsInf(float64(v), -1) != (c.want>>(i+1)&1 == 0) {
				t.Errorf("%v: position %d has the score %v", c.scores, i+1, v)
			}
		}
	}
}

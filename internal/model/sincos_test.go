package model

import (
	"math"
	"testing"
)

func TestPow(t *testing.T) {
	for _, base := range []float64{10000, 500000, 1e6, 1.5} {
		for i := range 64 {
			x := float32(2*i) / 128
			if got, want := pow(base, x), math.Pow(base, float64(x)); math.Abs(got-want) > 1e-14*want {
				t.Errorf("pow(%v, %v) = %v, want %v", base, x, got, want)
			}
		}
	}
}

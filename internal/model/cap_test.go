package model

import (
	"math"
	"testing"
)

// Caps follow the tangent of the library within a few units of the last place, at both ends, and keep signs.
func TestCapped(t *testing.T) {
	for i := -4000; i <= 4000; i++ {
		x := float32(i) / 37
		if i%3 == 0 {
			x /= 1024
		}
		for _, cap := range []float32{30, 50} {
			got := []float32{x}
			capped(got, cap)
			want := float64(cap) * math.Tanh(float64(x)/float64(cap))
			if math.Abs(float64(got[0])-want) > 4e-7*math.Abs(want) {
				t.Fatalf("%v capped at %v is %v, want %v", x, cap, got[0], want)
			}
		}
	}
	x := []float32{1e30, -1e30, 3}
	capped(x[:2], 30)
	capped(x[2:], 0)
	if x[0] != 30 || x[1] != -30 || x[2] != 3 {
		t.Errorf("%v", x)
	}
}

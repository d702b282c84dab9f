package arch

import (
	"math"
	"testing"
)

func TestSincos(t *testing.T) {
	check := func(x, tol float64) {
		s, c := Sincos(x)
		if ws, wc := math.Sincos(x); math.Abs(s-ws) > tol || math.Abs(c-wc) > tol {
			t.Errorf("Sincos(%v) = %v, %v, want %v, %v", x, s, c, ws, wc)
		}
	}
	for x := 0.0; x < 1<<20; x = x*1.0037 + 1e-3 {
		check(x, 3e-16)
	}
	for i := range 10000 { // where the reduction cancels most
		check(float64(i)*math.Pi/4, 3e-16)
	}
	for x := float64(1 << 20); x < 1<<30; x *= 1.037 {
		check(x, 2e-7)
	}
}

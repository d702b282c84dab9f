package model

import (
	"math"
	"testing"
)

// GELU against the standard library's error function, in rows of all lengths, and far from zero.
func TestGelu(t *testing.T) {
	w := &worker{}
	for n := 1; n < 3*geluRun; n += 97 {
		x := make([]float32, n)
		for at := -14.0; at < 14; at += 0.0013 * float64(n) {
			for i := range x {
				x[i] = float32(at + 0.0013*float64(i))
			}
			got := append([]float32(nil), x...)
			gelu(w, got)
			for i, v := range x {
				want := float64(v) * 0.5 * math.Erfc(-float64(v)/math.Sqrt2)
				if math.Abs(float64(got[i])-want) > 3e-7*math.Abs(want)+1e-38 {
					t.Fatalf("gelu(%g) = %g, want %g", v, got[i], want)
				}
			}
		}
	}
	far := []float32{0, 1e30, -1e30, float32(math.NaN())}
	gelu(w, far)
	if far[0] != 0 || far[1] != 1e30 || math.Abs(float64(far[2])) > 1e-10 || far[3] == far[3] {
		t.Errorf("gelu of 0, 1e30, -1e30 and NaN is %v", far)
	}
}

// What runtimes read from their table: the approximation of a number rounded to half precision, rounded to it; beyond 10 zero, or the number.
func TestGeluHalf(t *testing.T) {
	w := &worker{}
	for at := -12.0; at < 12; at += 0.00737 {
		x := float32(at)
		got := []float32{x}
		geluHalf(w, got)
		h := toHalf(float64(x))
		want := toHalf(h / 2 * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(h+0.044715*h*h*h))))
		switch {
		case x <= -10:
			want = 0
		case x >= 10:
			want = float64(x)
		}
		if math.Abs(float64(got[0])-want) > math.Abs(want)/1024+1e-7 {
			t.Fatalf("%g: %g, want %g", x, got[0], want)
		}
	}
}

package model

import (
	"math"
	"testing"
)

func TestSoftplus(t *testing.T) {
	for x := float32(-90); x < 30; x += 0.0137 {
		want := math.Log1p(math.Exp(float64(x)))
		if got := float64(softplus(x)); !(math.Abs(got-want) <= 3e-7*want) && want > 1e-37 {
			t.Fatalf("softplus(%v) is %v, want %v", x, got, want)
		}
	}
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	if x := softplus(nan); x == x || softplus(inf) != inf || softplus(-inf) != 0 {
		t.Error("numbers beyond numbers")
	}
}

func BenchmarkSoftplus(b *testing.B) {
	x := float32(-3)
	for b.Loop() {
		x = softplus(x) - 3.1
	}
}

package arch

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestNatural(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 10000 {
		x := math.Exp(rng.NormFloat64() * 20)
		if i < 100 {
			x = 1 + rng.NormFloat64()*1e-3
		}
		if got, want := Natural(x), math.Log(x); math.Abs(got-want) > 4e-16*max(1, math.Abs(want)) {
			t.Fatalf("Natural(%v) is %v, want %v", x, got, want)
		}
	}
	if Natural(1) != 0 {
		t.Error("Natural(1) is", Natural(1))
	}
}

func TestExponential(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 10000 {
		x := rng.NormFloat64() * 20
		if i < 100 {
			x = rng.NormFloat64() * 1e-3
		}
		if got, want := Exponential(x), math.Exp(x); math.Abs(got-want) > 6e-16*want {
			t.Fatalf("Exponential(%v) is %v, want %v", x, got, want)
		}
	}
	for x, want := range map[float64]float64{0: 1, 800: math.Inf(1), math.Inf(1): math.Inf(1), -800: 0, math.Inf(-1): 0} {
		if got := Exponential(x); got != want {
			t.Errorf("Exponential(%v) is %v, want %v", x, got, want)
		}
	}
	if got := Exponential(math.NaN()); got == got {
		t.Error("Exponential of NaN is", got)
	}
}

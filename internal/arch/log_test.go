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

package verify

import (
	"math"
	"testing"
)

func TestQuantileInterpolates(t *testing.T) {
	x := []float64{0, 10, 20, 40}
	for f, want := range map[float64]float64{0: 0, 1: 40, .5: 15, 1. / 3: 10, .9: 34} {
		if got := quantile(x, f); math.Abs(got-want) > 1e-9 {
			t.Errorf("quantile(%g) = %g, want %g", f, got, want)
		}
	}
}

func TestMeanError(t *testing.T) {
	// Four samples with mean 2.5 and population variance 1.25: error sqrt(1.25/3).
	got := mean([]float64{1, 2, 3, 4})
	if got.Value != 2.5 || math.Abs(got.Error-math.Sqrt(1.25/3)) > 1e-12 {
		t.Errorf("mean = %v", got)
	}
}

func TestDifferenceUsesCovariance(t *testing.T) {
	a := []float64{1, 2, 3, 2.5}
	if d := difference(a, a); d.Value != 0 || d.Error > 1e-7 {
		t.Errorf("a model differs from itself by %v", d)
	}
}
func TestCut(t *testing.T) {
	p := Protocol{Ctx: 8, BOS: 99}
	tokens := make([]int32, 20)
	for i := range tokens {
		tokens[i] = int32(i)
	}
	in, text, err := p.Cut(tokens)
	if err != nil || len(in) != 2 || in[1][0] != 99 || in[1][1] != 9 || text[1][0] != 8 {
		t.Fatalf("chunks %v of %v: %v", in, text, err)
	}
	if tokens[0] != 0 || tokens[8] != 8 {
		t.Error("the text itself was changed")
	}
	scored := 0
	for pos := range 8 {
		if p.Scored(pos) {
			scored++
		}
	}
	if scored != p.PerChunk() || (Protocol{}).PerChunk() != 255 {
		t.Errorf("%d positions scored, %d promised; 512 tokens score %d, llama-perplexity 255", scored, p.PerChunk(), Protocol{}.PerChunk())
	}
}

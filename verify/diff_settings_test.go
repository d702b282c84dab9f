package verify

import (
	"slices"
	"testing"

	"quern/internal/arch"
)

// Hyper-parameters that lie in others are compared one by one.
func TestDiffParams(t *testing.T) {
	a, b := &arch.Bound{Arch: arch.Llama}, &arch.Bound{Arch: arch.Llama}
	a.Params.Mix.Count, b.Params.Mix.Count = 8, 4
	a.Params.RopeBase, b.Params.RopeBase = 1e4, 1e4*(1+1e-7)
	a.Params.Vision.Mean, b.Params.Vision.Mean = []float32{0.5}, []float32{0.25}
	want := []Setting{{"Mix.Count", "8", "4"}, {"Vision.Mean", "[0.5]", "[0.25]"}}
	if got := diffParams(a, b); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

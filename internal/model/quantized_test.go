package model

import (
	"os"
	"testing"
)

// Checkpoints of GPTQ and AWQ codes give the logits of transformers with the decoded weights.
func TestQuantizedEqualsTransformers(t *testing.T) {
	var batch []int32
	readTokens(t, shared(t, "golden", "arch", "llama", "tokens.json"), &batch)
	dirs, err := os.ReadDir(shared(t, "golden", "gptq"))
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no reference: %v", err)
	}
	for _, d := range dirs {
		dir := shared(t, "golden", "gptq", d.Name())
		want := readFloats(t, dir+"/logits.f32")
		for _, mode := range []Mode{Exact, Deploy} {
			got, _ := logits(t, open(t, dir), [][]int32{batch}, nil, Options{Mode: mode})
			if len(got) != len(want) {
				t.Fatalf("%s: %d logits, want %d", d.Name(), len(got), len(want))
			}
			far := distance(got, widened(want))
			t.Logf("%s: %d tokens, mode %d: %.1e of the spread", d.Name(), len(batch), mode, far)
			if !(far < 2e-4) && mode == Exact || !(far < 0.05) {
				t.Errorf("%s: mode %d differs by %.2g of the spread", d.Name(), mode, far)
			}
		}
	}
}

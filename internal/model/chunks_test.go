package model

import (
	"math"
	"testing"
)

// Llama 4's chunks and the growth of its queries are too long for a tiny model: here both are shorter, as in the model that transformers computed
// these logits with (attention_chunk_size 16, floor_scale 8). The last token is the 40th.
func TestChunksAndGrowth(t *testing.T) {
	want := []float64{-0.154078, -1.033192, -0.032632, 0.752984, 1.161801, 0.069339, -0.150163, 0.099984, -0.917073, 0.110754, 0.662732, -1.119557}
	for _, f := range families(t) {
		if f.Name != "llama4" {
			continue
		}
		b := bindFamily(t, &f)
		b.Params.Window, b.Params.RopeContext = 16, 8
		m, err := Of(b)
		if err != nil {
			t.Fatal(err)
		}
		got, _ := logits(t, m, [][]int32{familyTokens()}, nil, Options{})
		for i, w := range want {
			if d := math.Abs(float64(got[39*m.params.Vocab+i]) - w); d > 2e-5 {
				t.Errorf("logit %d differs by %.2g", i, d)
			}
		}
		return
	}
	t.Fatal("no llama4")
}

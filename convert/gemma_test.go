package convert

import (
	"slices"
	"strings"
	"testing"

	"quern/formats"
)

// The reference converts no Gemma without a SentencePiece file, so there is no file to compare with: the keys are those that its
// source names, norms are stored one larger, and the output head is the embedding.
func TestConvertGemma(t *testing.T) {
	dir := shared(t, "golden", "arch", "gemma", "hf")
	ours, hf := converted(t, dir, "F32"), open(t, dir)
	var keys []string
	for _, k := range ours.Meta.Keys() {
		if rest, ok := strings.CutPrefix(k, "gemma."); ok {
			keys = append(keys, rest)
		}
	}
	want := []string{"context_length", "embedding_length", "block_count", "feed_forward_length", "attention.head_count",
		"attention.head_count_kv", "attention.layer_norm_rms_epsilon", "attention.key_length", "attention.value_length"}
	if !slices.Equal(keys, want) {
		t.Errorf("keys %v, want %v", keys, want)
	}
	if ours.Tensor("output.weight") != nil {
		t.Error("the head is stored")
	}
	for name, add := range map[string]float32{"model.norm.weight output_norm.weight": 1, "model.layers.1.input_layernorm.weight blk.1.attn_norm.weight": 1,
		"model.layers.0.post_attention_layernorm.weight blk.0.ffn_norm.weight": 1, "model.embed_tokens.weight token_embd.weight": 0} {
		from, to, _ := strings.Cut(name, " ")
		in, out := values(t, hf, from), values(t, ours, to)
		for i, x := range in {
			if out[i] != x+add {
				t.Fatalf("%s[%d] is %v, want %v", to, i, out[i], x+add)
			}
		}
	}
}

func values(t *testing.T, src *formats.Source, name string) []float32 {
	t.Helper()
	x := src.Tensor(name)
	if x == nil {
		t.Fatalf("%s is missing", name)
	}
	v := make([]float32, x.Elems())
	if err := x.Rows.ReadRows(v, 0); err != nil {
		t.Fatal(err)
	}
	return v
}

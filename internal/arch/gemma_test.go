package arch

import (
	"errors"
	"slices"
	"testing"

	"quern/formats"
)

// Gemma's head is the embedding whatever else is stored, and config.json need not say so.
func TestGemmaHead(t *testing.T) {
	gemma := func(change map[string]any) (*Bound, error) {
		c := tiny(nil)
		c.config["architectures"], c.config["model_type"], c.config["head_dim"] = []string{"GemmaForCausalLM"}, "gemma", 4
		for k, v := range change {
			c.config[k] = v
		}
		return Bind(c.source())
	}
	b, err := gemma(nil)
	if err != nil {
		t.Fatal(err)
	}
	if !b.Params.Tied || !slices.Equal(b.Dropped, []string{"lm_head.weight"}) || b.Arch != Gemma {
		t.Errorf("tied %v, dropped %v", b.Params.Tied, b.Dropped)
	}
	if _, err := gemma(map[string]any{"tie_word_embeddings": false}); !errors.Is(err, formats.ErrUnsupported) {
		t.Errorf("a head of its own: %v", err)
	}
	if _, err := gemma(map[string]any{"hidden_activation": "relu"}); !errors.Is(err, formats.ErrUnsupported) {
		t.Errorf("another activation: %v", err)
	}
}

// What files do not tell, runtimes guess: a Gemma 2 or 3 of which they would guess wrongly is refused.
func TestGemmaIsAsGuessed(t *testing.T) {
	bind := func(typ, class string, change map[string]any) error {
		c := tiny(nil)
		c.config["architectures"], c.config["model_type"] = []string{class}, typ
		c.config["head_dim"], c.config["query_pre_attn_scalar"], c.config["hidden_activation"] = 4, 4, "gelu_pytorch_tanh"
		for k, v := range change {
			c.config[k] = v
		}
		_, err := Bind(c.source())
		return err
	}
	for _, x := range []struct {
		typ, class string
		change     map[string]any
	}{
		{"gemma2", "Gemma2ForCausalLM", map[string]any{"query_pre_attn_scalar": 7}},
		{"gemma2", "Gemma2ForCausalLM", map[string]any{"final_logit_softcapping": nil}},
		{"gemma2", "Gemma2ForCausalLM", map[string]any{"layer_types": []string{"full_attention", "sliding_attention"}}},
		{"gemma3_text", "Gemma3ForCausalLM", map[string]any{"query_pre_attn_scalar": 7}},
		{"gemma3_text", "Gemma3ForCausalLM", map[string]any{"attn_logit_softcapping": 50.0}},
		{"gemma3_text", "Gemma3ForCausalLM", map[string]any{"_sliding_window_pattern": 3}},
	} {
		if err := bind(x.typ, x.class, x.change); !errors.Is(err, formats.ErrUnsupported) {
			t.Errorf("%s with %v: %v", x.typ, x.change, err)
		}
	}
}

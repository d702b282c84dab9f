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

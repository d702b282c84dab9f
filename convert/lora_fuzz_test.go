package convert

import (
	"testing"

	"quern/internal/arch"
)

// FuzzLoraSpec: whatever an adapter_config.json says is a specification or an error.
func FuzzLoraSpec(f *testing.F) {
	f.Add([]byte(`{"peft_type": "LORA", "r": 4, "lora_alpha": 6, "rank_pattern": {".*q_proj": 2}, "target_modules": ["q_proj"], "trainable_token_indices": {"embed_tokens": [1, 2]}}`))
	f.Add([]byte(`{"r": -1, "alpha_pattern": {"(": 1}, "init_lora_weights": null, "modules_to_save": "lm_head", "alora_invocation_tokens": [1e99]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := arch.ParseConfig("adapter_config.json", text)
		if err != nil {
			return
		}
		s, err := readLoraSpec(c)
		if err != nil {
			return
		}
		if s.r < 1 {
			t.Errorf("rank %d", s.r)
		}
		for _, name := range append([]string{"model.layers.0.self_attn.q_proj"}, s.targets...) {
			_, _ = s.rank(name), s.scale(name, 4)
			if at, ok := s.tokensOf(name); ok {
				for _, i := range at {
					if i < 0 {
						t.Errorf("token %d", i)
					}
				}
			}
		}
	})
}

package arch

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"
)

// What a config.json of RWKV 6 and of its relatives does not say has the size that the published code takes, and what contradicts is refused.
func TestRecurrentConfigs(t *testing.T) {
	base := map[string]any{"vocab_size": 10, "hidden_size": 128, "num_hidden_layers": 2, "tie_word_embeddings": false}
	six := map[string]any{"architectures": []string{"Rwkv6ForCausalLM"}, "model_type": "rwkv6", "rescale_every": 6, "intermediate_size": nil}
	qwen := map[string]any{"architectures": []string{"RWKV6Qwen2ForCausalLM"}, "model_type": "rwkv6qwen2", "num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 96}
	hybrid := map[string]any{"architectures": []string{"RwkvHybridForCausalLM"}, "model_type": "rwkv_hybrid", "head_size": 64, "intermediate_size": 96, "wkv_has_gate": true, "wkv_version": 7}
	for _, c := range []struct {
		name   string
		of     map[string]any
		change map[string]any
		want   string // in the error
		tensor string
		shape  []int
	}{
		{"ranks", six, nil, "", "rwkv.blocks.1.attention.time_maa_w2", []int{5, 32, 128}},
		{"width", six, nil, "", "rwkv.blocks.1.feed_forward.key.weight", []int{448, 128}},
		{"divisor", six, map[string]any{"head_size_divisor": 4}, "another epsilon", "", nil},
		{"tied", six, map[string]any{"tie_word_embeddings": true}, "output head", "", nil},
		{"shared", qwen, nil, "", "model.layers.0.self_attn.k_proj.bias", []int{64}},
		{"without biases", qwen, map[string]any{"attention_bias": false}, "", "model.layers.0.self_attn.k_proj.bias", nil},
		{"uneven", qwen, map[string]any{"num_key_value_heads": 3}, "evenly", "", nil},
		{"gates", hybrid, nil, "", "model.layers.0.self_attn.time_mixer.g1", []int{128, 128}},
		{"no gates", hybrid, map[string]any{"wkv_has_gate": false}, "", "model.layers.0.self_attn.time_mixer.x_g", nil},
		{"norms", hybrid, map[string]any{"wkv_has_norm": true}, "", "model.layers.0.self_attn.time_mixer.ln_x.bias", []int{128}},
		{"unsaid", hybrid, map[string]any{"wkv_has_gate": nil}, "wkv_has_gate", "", nil},
		{"version", hybrid, map[string]any{"wkv_version": 6}, "another version", "", nil},
	} {
		text := maps.Clone(base)
		maps.Copy(text, c.of)
		maps.Copy(text, c.change)
		config, err := ParseConfig("config.json", must(json.Marshal(text)))
		if err != nil {
			t.Fatal(err)
		}
		list, err := Expected(config, false)
		if a, v, _, found := findClass(config); err == nil && found == nil {
			err = a.refuse(config, v)
		}
		if c.want != "" {
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v, not %q", c.name, err, c.want)
			}
			continue
		}
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		var shape []int
		for _, x := range list {
			if x.Name == c.tensor {
				shape = x.Shape
			}
		}
		if !equal(shape, c.shape) {
			t.Errorf("%s: %s has shape %v, not %v", c.name, c.tensor, shape, c.shape)
		}
	}
}

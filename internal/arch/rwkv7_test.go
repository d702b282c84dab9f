package arch

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"
)

// rwkv7Config is a tiny one, with whatever is changed.
func rwkv7Config(change map[string]any) map[string]any {
	c := map[string]any{"architectures": []string{"RWKV7ForCausalLM"}, "model_type": "rwkv7", "vocab_size": 10, "hidden_size": 128, "num_hidden_layers": 2, "head_dim": 64, "hidden_ratio": 4.0,
		"intermediate_size": nil, "norm_eps": 1e-5, "norm_first": true, "norm_bias": true, "hidden_act": "sqrelu", "attn": nil, "decay_low_rank_dim": nil, "gate_low_rank_dim": 96}
	maps.Copy(c, change)
	return c
}

func TestRWKV7Config(t *testing.T) {
	for _, c := range []struct {
		change map[string]any
		want   string // in the error
	}{
		{nil, ""}, {map[string]any{"norm_eps": 1e-6}, "built in"}, {map[string]any{"attn": map[string]any{"layers": []int{1}}}, "layers with attention"}, {map[string]any{"tie_word_embeddings": true}, "output head"},
		{map[string]any{"norm_first": false}, "without a norm"}, {map[string]any{"head_dim": 48}, "in heads of 48"}, {map[string]any{"head_dim": 0}, "in heads of 0"}, {map[string]any{"hidden_act": "silu"}, "squared rectifier"},
		{map[string]any{"num_hidden_layers": 1 << 20}, "layers"}, {map[string]any{"gate_low_rank_dim": -1}, "whole number"},
	} {
		config, err := ParseConfig("config.json", must(json.Marshal(rwkv7Config(c.change))))
		if err != nil {
			t.Fatal(err)
		}
		list, err := Expected(config, false)
		if err == nil {
			err = RWKV7.refuse(config, &RWKV7.Variants[0])
		}
		if c.want != "" {
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v: %v, not %q", c.change, err, c.want)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		shapes := map[string][]int{}
		for _, x := range list {
			shapes[x.Name] = x.Shape
		}
		for name, want := range map[string][]int{ // ranks and widths that nothing says are the library's
			"model.layers.1.attn.w_lora.lora.0.weight": {32, 128}, "model.layers.1.attn.v_lora.lora.2.weight": {128, 32}, "model.layers.0.attn.g_lora.lora.0.weight": {96, 128},
			"model.layers.0.ffn.key.weight": {512, 128}, "model.layers.0.attn.x_w": {1, 1, 128}, "model.layers.0.attn.r_k": {2, 64}, "model.layers.0.pre_norm.bias": {128},
		} {
			if !equal(shapes[name], want) {
				t.Errorf("%s has shape %v, not %v", name, shapes[name], want)
			}
		}
		if shapes["model.layers.0.attn.v_lora.lora.0.weight"] != nil {
			t.Error("the first layer takes another's values")
		}
	}
}

package arch

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"
)

// What runtimes do not compute in Kimi K3 is refused; a language model alone has the class of Kimi-Linear, and is told apart.
func TestKimiK3Configs(t *testing.T) {
	var whole map[string]any
	if json.Unmarshal(tinyFamilies(t)["kimi_k3"], &whole) != nil {
		t.Fatal("no configuration")
	}
	base := whole["text_config"].(map[string]any)
	base["architectures"] = []string{"KimiLinearForCausalLM"}
	for _, c := range []struct {
		key  string
		val  any
		want string // in the error
	}{
		{"q_lora_rank", nil, ""}, {"mla_use_nope", false, "rotated"}, {"num_expert_group", 2, "groups"}, {"moe_renormalize", false, ""}, {"hidden_act", "silu", "situ"}, {"mla_use_output_gate", false, "without gates"},
		{"attn_res_block_size", 0, "without attention residuals"}, {"activation_situ_beta", 0, "situ_beta"}, {"routed_expert_hidden_size", nil, ""}, {"tie_word_embeddings", true, "output head"},
		{"full_attn_layers", []int{6}, "layer 6 of 5"}, {"use_full_rank_gate", false, "matrices of low rank"}, {"gate_lower_bound", 1, "e to the power of 1"}, {"attn_res_block_size", nil, "silu"},
	} {
		text, inner := maps.Clone(base), maps.Clone(base["linear_attn_config"].(map[string]any))
		if _, in := inner[c.key]; in {
			inner[c.key] = c.val
		} else {
			text[c.key] = c.val
		}
		text["linear_attn_config"] = inner
		config, err := ParseConfig("config.json", must(json.Marshal(text)))
		if err != nil {
			t.Fatal(err)
		}
		a, v, _, err := findClass(config)
		if err == nil {
			err = a.refuse(config, v)
		}
		if err == nil {
			_, err = Expected(config, false)
		}
		if c.want == "" && (err != nil || a != KimiK3) || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s %v: %v, not %q", c.key, c.val, err, c.want)
		}
	}
}

// The stream is banked by the first layer of each block, before its attention.
func TestBanked(t *testing.T) {
	p := Params{Layers: 5, BankEvery: 2}
	for layer, want := range []int{0, 1, 1, 2, 2, 3} {
		if p.Banked(layer) != want || p.Banks(layer) != (layer%2 == 0) {
			t.Errorf("layer %d: %d streams were banked, and it does so: %v", layer, p.Banked(layer), p.Banks(layer))
		}
	}
}

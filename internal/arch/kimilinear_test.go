package arch

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"
)

// What runtimes do not compute in Kimi-Linear is refused, as is a list of layers that contradicts their number.
func TestKimiLinearConfigs(t *testing.T) {
	base := tinyFamilies(t)["kimi_linear"]
	for _, c := range []struct {
		key  string
		val  any
		want string // in the error
	}{
		{"q_lora_rank", nil, ""}, {"q_lora_rank", 16, "compressed queries"}, {"mla_use_nope", false, "rotated"}, {"num_expert_group", 2, "groups"}, {"moe_renormalize", false, "sum to one"},
		{"tie_word_embeddings", true, "output head"}, {"full_attn_layers", []int{5}, "layer 5 of 4"}, {"full_attn_layers", []int{}, "no layer has attention"}, {"full_attn_layers", nil, "missing"},
		{"full_attn_layers", []int{1, 2, 3, 4}, ""}, {"num_heads", 2, "runtimes take the two to be equal"}, {"short_conv_kernel_size", 1, "a convolution over 1"}, {"head_dim", 0, "states of 0"},
	} {
		var text, inner map[string]any
		if json.Unmarshal(base, &text) != nil {
			t.Fatal("no configuration")
		}
		inner = maps.Clone(text["linear_attn_config"].(map[string]any))
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
		_, err = Expected(config, false)
		if err == nil {
			err = KimiLinear.refuse(config, &KimiLinear.Variants[0])
		}
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s %v: %v, not %q", c.key, c.val, err, c.want)
		}
	}
}

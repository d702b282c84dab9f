package arch

import (
	"encoding/json"
	"strings"
	"testing"
)

// What files do not tell of MiniMax-Text-01 is refused, and another order of layers is told.
func TestMiniMax01Configs(t *testing.T) {
	base := tinyFamilies(t)["minimax01"]
	for _, c := range []struct {
		key  string
		val  any
		want string // in the error
	}{
		{"postnorm", false, "norms do not change"}, {"shared_intermediate_size", 64, "every token"}, {"layernorm_mlp_alpha", 1.0, "one number for all parts"}, {"layernorm_mlp_beta", 0.5, "multiplied"},
		{"num_attention_heads", 6, "power of two"}, {"attn_type_list", []int{0, 1}, "for each layer"}, {"attn_type_list", []int{0, 0, 0, 0, 0, 0, 0, 0}, "softmax"}, {"attn_type_list", []int{0, 1, 2, 0, 0, 0, 0, 1}, "kind 2"},
		{"attn_type_list", nil, "for each layer"}, {"attn_type_list", []int{1, 0, 0, 1, 0, 0, 0, 0}, ""},
	} {
		var text map[string]any
		if json.Unmarshal(base, &text) != nil {
			t.Fatal("no configuration")
		}
		text[c.key] = c.val
		config, err := ParseConfig("config.json", must(json.Marshal(text)))
		if err != nil {
			t.Fatal(err)
		}
		var p Params
		if err = MiniMax01.refuse(config, &MiniMax01.Variants[0]); err == nil {
			err = MiniMax01.readConfig(config, &MiniMax01.Variants[0], &p)
		}
		if c.want == "" && (err != nil || len(p.State.Told) != 8 || p.Keeps(0) || !p.Keeps(7)) || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s %v: %v, not %q", c.key, c.val, err, c.want)
		}
	}
}

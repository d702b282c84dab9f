package arch

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// What runtimes do not compute in Ling 3 is refused, as are lists that contradict the number of layers; the names that the library writes are read.
func TestLing3Configs(t *testing.T) {
	base := tinyFamilies(t)["bailing_hybrid"]
	for _, c := range []struct {
		key  string
		val  any
		want string // in the error
	}{
		{"no_kda_lora", false, "matrices of low rank"}, {"kda_safe_gate", false, "without a floor"}, {"kda_lower_bound", 0, "without a floor"}, {"gated_attention_proj_granularity_type", "element_wise", "gate for each head"},
		{"use_qkv_bias", true, "biases"}, {"layer_types", []string{"full_attention"}, "a list of 4 words"}, {"layer_types", []string{"full_attention", "full_attention", "conv", "conv"}, "layer 2 is"},
		{"layer_types", slices.Repeat([]string{"linear_attention"}, 4), "no layer has attention"}, {"layer_group_size", 0, "groups of 0"}, {"layer_group_size", 3, ""}, {"expert_swiglu_limit_list", []any{1}, "a list of 4"},
		{"vision_config", map[string]any{"depth": 1}, "mrope_section"}, {"mrope_section", []int{3, 3, 3}, "mrope_section"}, {"short_conv_kernel_size", 1, "a convolution over 1"}, {"linear_head_dim", 0, "states of 0"},
		{"rope_scaling", map[string]any{"type": "yarn", "factor": 4}, "yarn"},
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
		_, err = Expected(config, false)
		if err == nil {
			err = BailingMoe3.refuse(config, &BailingMoe3.Variants[0])
		}
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s %v: %v, not %q", c.key, c.val, err, c.want)
		}
	}
}

// What is left behind the last whole group of layers has attention, as in the published code.
func TestLing3Layers(t *testing.T) {
	for layers, want := range map[int]string{6: "dda dda", 7: "dda dda a", 8: "dda dda aa"} {
		got := ""
		for i := range layers {
			got += map[bool]string{true: "a", false: "d"}[lingAttends(i, layers, 3)]
		}
		if got != strings.ReplaceAll(want, " ", "") {
			t.Errorf("%d layers in groups of 3: %s, not %s", layers, got, want)
		}
	}
}

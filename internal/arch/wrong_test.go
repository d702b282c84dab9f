package arch

import (
	"encoding/json"
	"slices"
	"testing"
)

// The masks that published GPT-2 files carry are left out, whatever their shape; the reference converter stops at them.
func TestMasksOfGPT2(t *testing.T) {
	c := tinyOf(t, tinyFamilies(t)["gpt2"], false)
	masks := []string{"transformer.h.0.attn.bias", "transformer.h.1.attn.masked_bias"}
	c.tensors = append(c.tensors, numbers(masks[0], 1, 1, 8, 8), numbers(masks[1]))
	b, err := Bind(c.source())
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(b.Dropped)
	if !slices.Equal(b.Dropped, masks) {
		t.Errorf("left out: %v", b.Dropped)
	}
}

// Files do not tell whether the weights of a token's experts are divided by their sum, and runtimes have one way built in for each family: the
// other one is refused, where the reference converter converts it.
func TestSumsOfExperts(t *testing.T) {
	for _, c := range []struct {
		name  string
		right bool
	}{{"qwen3_moe fused", true}, {"olmoe", false}} {
		for _, says := range []bool{false, true} {
			var config map[string]any
			if err := json.Unmarshal(tinyFamilies(t)[c.name], &config); err != nil {
				t.Fatal(err)
			}
			config["norm_topk_prob"] = c.right
			x := tinyOf(t, must(json.Marshal(config)), true)
			x.config["norm_topk_prob"] = says
			if _, err := Bind(x.source()); (err == nil) != (says == c.right) {
				t.Errorf("%s, norm_topk_prob %v: %v", c.name, says, err)
			}
		}
	}
}

// Numbers are allowed however they are written; words and lists as they are.
func TestRefusalsCompareNumbers(t *testing.T) {
	r := Refusal{Unless: []string{"10000", "1e-06", "gelu", "[2 2]", "false"}}
	for _, v := range []any{json.Number("1e4"), json.Number("10000.0"), 10000, float32(1e-6), json.Number("0.000001"), "gelu", []any{2, 2}, false} {
		if !r.allows(v) {
			t.Errorf("%v is refused", v)
		}
	}
	for _, v := range []any{json.Number("1e5"), 0, float32(1e-5), "silu", []any{2}, true} {
		if r.allows(v) {
			t.Errorf("%v is allowed", v)
		}
	}
}

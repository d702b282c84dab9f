package arch

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"quern/formats"
)

// A DeepSeek-V4 that sees has numbers of its own for images in every router, also where a table chooses the experts of words: there those for words are left out.
func TestV4ThatSees(t *testing.T) {
	config := maps.Clone(sees(t)["deepseek4v"])
	maps.Copy(config, map[string]any{"num_hidden_layers": 2, "compress_ratios": []int{0, 0}, "num_hash_layers": 1})
	made := tinyOf(t, must(json.Marshal(config)), false)
	unused := numbers("layers.0.ffn.gate.bias", 4)
	made.tensors = append(made.tensors, unused)
	b, err := Bind(made.source())
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(b.Dropped, []string{unused.Name}) {
		t.Errorf("left out are %v", b.Dropped)
	}
	const images = "layers.0.ffn.gate.bias_vl"
	i := slices.IndexFunc(made.tensors, func(x *formats.Tensor) bool { return x.Name == images })
	if i < 0 {
		t.Fatal("no numbers for images")
	}
	made.tensors = slices.Delete(made.tensors, i, i+1)
	if _, err := Bind(made.source()); err == nil || !strings.Contains(err.Error(), images) {
		t.Errorf("without numbers for images: %v", err)
	}
	delete(config, "vision_n_layers")
	made.config = config
	if _, err := BindTower(made.source()); err == nil || !strings.Contains(err.Error(), "this one has no tower") {
		t.Errorf("the tower of a model without one: %v", err)
	}
}

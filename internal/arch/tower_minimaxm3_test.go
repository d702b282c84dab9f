package arch

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"quern/formats"
)

// What runtimes have built in of two towers is refused where config.json has it otherwise.
func TestRefusalsOfBuiltIn(t *testing.T) {
	for name, keys := range map[string]map[string][]any{
		"minimax_m3": {"vision_config.hidden_act": {"gelu_pytorch_tanh", "silu"}, "projector_hidden_act": {"relu"}, "multimodal_projector_bias": {false}, "vision_config.num_attention_heads": {4, 5},
			"vision_config.img_token_compression_config": {map[string]any{"spatial_merge_size": 4}, map[string]any{"temporal_patch_size": 1}, map[string]any{"image_token_compression_method": "mean"}},
			"vision_config.spatial_merge_size":           {3}, "vision_config.rope_theta": {100.0}, "vision_config.rope_parameters": {map[string]any{"rope_theta": 5e3}}, "vision_config.rope_mode": {"2d"}},
		"youtuvl": {"vision_config.hidden_act": {"gelu", "relu"}, "vision_config.window_size": {nil, 4, 1 << 20}, "vision_config.fullatt_block_indexes": {nil, []int{}, []int{3}, []int{-1}},
			"vision_config.spatial_merge_size": {4}, "vision_config.num_attention_heads": {4}},
	} {
		for key, list := range keys {
			for _, v := range list {
				c := towerOfConfig(t, sees(t)[name])
				if part, last, inner := strings.Cut(key, "."); inner {
					c.config = with(c.config, map[string]any{part: with(c.config[part].(map[string]any), map[string]any{last: v})})
				} else {
					c.config = with(c.config, map[string]any{key: v})
				}
				if _, err := BindTower(c.source()); !errors.Is(err, formats.ErrUnsupported) && !errors.Is(err, formats.ErrCorrupt) {
					t.Errorf("%s with %s %v: %v", name, key, v, err)
				}
			}
		}
	}
}

// The names that the library gives MiniMax-M3's tower make the same file.
func TestBothNamesOfMiniMax(t *testing.T) {
	published := towerOfConfig(t, sees(t)["minimax_m3"])
	library := &checkpoint{config: published.config}
	names := strings.NewReplacer("vision_model.embeddings.patch_embedding.", "embeddings.proj.", "vision_model.encoder.", "", "vision_model.", "", "patch_merge_mlp.", "multi_modal_projector.merge_")
	for _, x := range published.tensors {
		y := *x
		y.Name = "model." + names.Replace(x.Name)
		library.tensors = append(library.tensors, &y)
	}
	a, b := must(BindTower(published.source())), must(BindTower(library.source()))
	if len(a.Tensors) != len(b.Tensors) {
		t.Fatalf("%d tensors, %d under the library's names", len(a.Tensors), len(b.Tensors))
	}
	for _, x := range a.Tensors {
		i := slices.IndexFunc(b.Tensors, func(y *formats.Tensor) bool { return y.Name == x.Name })
		if i < 0 || !slices.Equal(floatsOf(t, x), floatsOf(t, b.Tensors[i])) {
			t.Errorf("%s differs under the library's name", x.Name)
		}
	}
}

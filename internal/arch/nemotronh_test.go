package arch

import (
	"errors"
	"maps"
	"slices"
	"testing"

	"quern/formats"
)

// Layers of Puzzle differ in experts, as block_configs say.
func TestBlocksOfPuzzle(t *testing.T) {
	block := func(kind any, ff, used any) map[string]any {
		return map[string]any{"block_type": kind, "moe_intermediate_size": ff, "num_experts_per_tok": used}
	}
	for _, c := range []struct {
		odd any
		ok  bool
	}{
		{block("moe", 64, 3), true}, {block("moe", 64, 9), false}, {block("moe", nil, 3), false}, {block("moe", 64, nil), false}, {block("moe", 64, 0.5), false}, {block("moe", -1, 3), false},
		{block("mlp", nil, nil), false}, {block(5, 64, 3), false}, {"moe", false}, {map[string]any{"block_type": "moe", "moe_intermediate_size": 64, "num_experts_per_tok": 3, "n_routed_experts": 4}, false},
	} {
		x := tinyOf(t, tinyFamilies(t)["nemotron_h puzzle"], false)
		x.config["block_configs"].([]any)[3] = c.odd
		b, err := Bind(x.source())
		if (err == nil) != c.ok || err != nil && !errors.Is(err, formats.ErrUnsupported) && !errors.Is(err, formats.ErrCorrupt) {
			t.Errorf("%v: %v", c.odd, err)
			continue
		}
		if err != nil {
			continue
		}
		if p := b.Params.At(3); p.Mix.FF != 64 || p.Mix.Used != 3 || b.Params.At(5).Mix.FF != 96 || b.Params.Mix.FF != 96 {
			t.Errorf("%v", b.Params.Mix)
		}
		for _, list := range [][]int32{{0, 2, 0, 0, 0, 1}, {0, 2, 0, 3, 0}, {0, 2, 0, 9, 0, 1}} {
			file := &formats.Source{Path: "m.gguf", Format: &formats.Format{Name: "gguf"}, Tensors: b.Tensors}
			file.Meta.Set("general.architecture", b.Arch.Name)
			b.Arch.WriteKeys(&file.Meta, &b.Params, func(string) {})
			file.Meta.Set("nemotron_h_moe.expert_used_count", list)
			if _, err := Bind(file); !errors.Is(err, formats.ErrCorrupt) {
				t.Errorf("%v: %v", list, err)
			}
		}
	}
}

// Layers have one part each, which letters or words tell; what no file tells is refused.
func TestLayersOfNemotronH(t *testing.T) {
	for _, c := range []struct {
		name string
		set  map[string]any
		want []bool // keeps a state; nil: refused
	}{
		{"nemotron_h", nil, []bool{true, false, false, false, true}},
		{"nemotron_h moe", nil, []bool{true, false, false, true, false}},
		{"nemotron_h", map[string]any{"layers_block_type": []string{"mamba", "mlp", "attention", "mlp", "mamba"}}, []bool{true, false, false, false, true}},
		{"nemotron_h", map[string]any{"hybrid_override_pattern": "M-*-M", "num_hidden_layers": 5}, []bool{true, false, false, false, true}},
		{"nemotron_h", map[string]any{"hybrid_override_pattern": "M-*-M", "num_hidden_layers": 4}, nil}, {"nemotron_h", map[string]any{"hybrid_override_pattern": "M-*EM"}, nil},
		{"nemotron_h moe", map[string]any{"hybrid_override_pattern": "M-*ME"}, nil}, {"nemotron_h", map[string]any{"hybrid_override_pattern": 5}, nil},
		{"nemotron_h", map[string]any{"layers_block_type": []string{"mamba", "mlp", "attention", "odd", "mamba"}}, nil}, {"nemotron_h", map[string]any{"layers_block_type": nil}, nil},
		{"nemotron_h", map[string]any{"mlp_hidden_act": "silu"}, nil}, {"nemotron_h", map[string]any{"use_conv_bias": false}, nil}, {"nemotron_h", map[string]any{"use_bias": true}, nil},
		{"nemotron_h", map[string]any{"sliding_window": 8}, nil}, {"nemotron_h", map[string]any{"time_step_limit": []float64{0, 1}}, nil}, {"nemotron_h", map[string]any{"mamba_head_dim": 0.5}, nil},
		{"nemotron_h super", map[string]any{"n_group": 3}, nil}, {"nemotron_h super", map[string]any{"moe_latent_size": -1}, nil}, {"nemotron_h", map[string]any{"n_groups": 3}, nil},
	} {
		x := tinyOf(t, tinyFamilies(t)[c.name], true)
		maps.Copy(x.config, c.set)
		b, err := Bind(x.source())
		if (err == nil) != (c.want != nil) || err != nil && !errors.Is(err, formats.ErrUnsupported) && !errors.Is(err, formats.ErrCorrupt) {
			t.Errorf("%s %v: %v", c.name, c.set, err)
			continue
		}
		if err == nil && !slices.Equal(b.Params.State.In, c.want) {
			t.Errorf("%s %v: %v", c.name, c.set, b.Params.State.In)
		}
	}
}

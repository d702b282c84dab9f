package arch

import (
	"errors"
	"maps"
	"slices"
	"testing"

	"quern/formats"
)

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
		{"nemotron_h moe", map[string]any{"moe_latent_size": 16}, nil}, {"nemotron_h moe", map[string]any{"n_group": 2}, nil}, {"nemotron_h", map[string]any{"n_groups": 3}, nil},
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

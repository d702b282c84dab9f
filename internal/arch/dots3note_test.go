package arch

import (
	"errors"
	"maps"
	"testing"

	"quern/formats"
)

// Layers of dots3-note have two geometries, told as published files or as the library tell them; what runtimes have one number of is refused where there are two.
func TestGeometriesOfDots3(t *testing.T) {
	near := map[string]any{"num_attention_heads": 2, "kv_lora_rank": 48, "head_dim": 40, "qk_nope_head_dim": 24, "v_head_dim": 24}
	for _, c := range []struct {
		set map[string]any
		ok  bool
	}{
		{nil, true},
		{map[string]any{"layer_types": []string{"indexed_attention", "indexed_attention", "sliding_attention", "sliding_attention", "indexed_attention"},
			"per_layer_config": map[string]any{"2": near, "3": near}, "swa_kv_lora_rank": 8}, true},
		{map[string]any{"swa_q_lora_rank": 16}, false}, {map[string]any{"swa_qk_rope_head_dim": 8}, false}, {map[string]any{"swa_head_dim": 48}, false}, {map[string]any{"swa_kv_lora_rank": 0}, false},
		{map[string]any{"swa_num_attention_heads": -1}, false}, {map[string]any{"swa_v_head_dim": 0.5}, false}, {map[string]any{"layer_types": []string{"full_attention"}}, false},
		{map[string]any{"layer_types": []string{"full_attention", "odd", "", "", ""}}, false}, {map[string]any{"moe_shared_expert_intermediate_size": 64}, false},
		{map[string]any{"use_dsa": false}, false}, {map[string]any{"n_group": 2}, false}, {map[string]any{"attention_gate_type": "elementwise"}, false}, {map[string]any{"moe_layer_freq": 2}, false},
	} {
		x := tinyOf(t, tinyFamilies(t)["dots3_note"], false)
		maps.Copy(x.config, c.set)
		b, err := Bind(x.source())
		if (err == nil) != c.ok || err != nil && !errors.Is(err, formats.ErrUnsupported) && !errors.Is(err, formats.ErrCorrupt) {
			t.Errorf("%v: %v", c.set, err)
			continue
		}
		if err != nil {
			continue
		}
		far, close := b.Params.At(0), b.Params.At(2)
		if far.Heads != 4 || far.MLA.KV != 32 || far.HeadDim != 32 || far.MLA.Nope != 16 || close.Heads != 2 || close.MLA.KV != 48 || close.HeadDim != 40 || close.MLA.Nope != 24 || close.ValueDim != 24 {
			t.Errorf("%v: %d heads of %d, rank %d; %d of %d, rank %d", c.set, far.Heads, far.HeadDim, far.MLA.KV, close.Heads, close.HeadDim, close.MLA.KV)
		}
	}
}

package arch

import (
	"errors"
	"slices"
	"testing"

	"quern/formats"
)

// Which layers keep a state is told in words or follows from an interval; sizes that runtimes have built in are refused where they are otherwise.
func TestLayersOfQwen35(t *testing.T) {
	for _, name := range []string{"qwen35", "qwen35moe", "qwen3next"} {
		for key, v := range map[string]any{"attn_output_gate": false, "output_gate_type": "sigmoid", "attention_bias": true, "hidden_act": "gelu", "linear_value_head_dim": 32, "linear_num_value_heads": 3,
			"linear_conv_kernel_dim": 1, "linear_key_head_dim": 0, "layer_types": []string{"linear_attention"}, "full_attention_interval": -1} {
			refusesIn(t, name, key, v)
		}
		refusesIn(t, name, "layer_types", []string{"linear_attention", "full_attention", "sliding_attention", "full_attention"})
		refusesIn(t, name, "layer_types", "linear_attention")
	}
	for _, key := range []string{"norm_topk_prob", "mlp_only_layers", "decoder_sparse_step"} {
		refusesIn(t, "qwen3next", key, map[string]any{"norm_topk_prob": false, "mlp_only_layers": []int{1}, "decoder_sparse_step": 2}[key])
	}
	refusesIn(t, "qwen35", "rope_parameters", map[string]any{"rope_type": "default", "rope_theta": 1e7, "partial_rotary_factor": 0.5, "mrope_section": []int{3, 3, 3}})
	for _, c := range []struct {
		set  map[string]any
		want []bool
	}{
		{map[string]any{}, []bool{true, true, true, false}},
		{map[string]any{"layer_types": nil}, []bool{true, true, true, false}},
		{map[string]any{"layer_types": nil, "full_attention_interval": 2}, []bool{true, false, true, false}},
		{map[string]any{"layer_types": []string{"full_attention", "linear_attention", "linear_attention", "full_attention"}, "full_attention_interval": 2}, []bool{false, true, true, false}},
	} {
		p, err := lfm2Params(t, Qwen35, "qwen35", c.set)
		if err != nil || !slices.Equal(p.State.In, c.want) {
			t.Errorf("%v: %v, %v", c.set, p.State.In, err)
		}
		for l, state := range c.want {
			if q := p.At(l); state != (q.Heads == 0) || state != (q.KVHeads == 0) {
				t.Errorf("%v: layer %d has %d heads", c.set, l, q.Heads)
			}
		}
	}
}

// Files may hold a layer behind the others that guesses further tokens, and need not tell which layers keep a state.
func TestFilesOfQwen35(t *testing.T) {
	b := must(Bind(tinyOf(t, tinyFamilies(t)["qwen35"], false).source()))
	for _, c := range []struct {
		set  map[string]any
		fine bool
	}{
		{nil, true},
		{map[string]any{"qwen35.block_count": uint32(5), "qwen35.nextn_predict_layers": uint32(1), "qwen35.attention.recurrent_layers": []bool{true, true, true, false, false}}, true},
		{map[string]any{"qwen35.attention.recurrent_layers": []bool{true, true, false}}, false},
		{map[string]any{"qwen35.attention.recurrent_layers": []bool{true, true, false, true}}, false}, // other tensors
		{map[string]any{"qwen35.ssm.inner_size": uint32(63)}, false}, {map[string]any{"qwen35.ssm.group_count": uint32(0)}, false},
		{map[string]any{"qwen35.ssm.state_size": uint32(1 << 30)}, false}, {map[string]any{"qwen35.ssm.conv_kernel": uint32(0)}, false},
	} {
		file := &formats.Source{Path: "m.gguf", Format: &formats.Format{Name: "gguf"}, Tensors: b.Tensors}
		file.Meta.Set("general.architecture", b.Arch.Name)
		b.Arch.WriteKeys(&file.Meta, &b.Params, func(string) {})
		for k, v := range c.set {
			file.Meta.Set(k, v)
		}
		again, err := Bind(file)
		if c.fine && (err != nil || !slices.Equal(again.Params.State.In, b.Params.State.In)) {
			t.Errorf("%v: %v", c.set, err)
		}
		if !c.fine && !errors.Is(err, formats.ErrUnsupported) && !errors.Is(err, formats.ErrCorrupt) {
			t.Errorf("%v: %v", c.set, err)
		}
	}
}

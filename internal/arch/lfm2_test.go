package arch

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"testing"

	"quern/formats"
)

// The width of LFM2's feed-forward network follows from numbers of config.json: those published for 350 and 700 million weights, and for 1.2 billion.
func TestWidthOfLFM2(t *testing.T) {
	for _, c := range []struct {
		set  map[string]any
		want int
	}{
		{map[string]any{"block_ff_dim": 6656}, 4608}, {map[string]any{"block_ff_dim": 10240, "intermediate_size": 1}, 6912}, {map[string]any{"intermediate_size": 12288}, 8192},
		{map[string]any{"intermediate_size": 100, "block_auto_adjust_ff_dim": false}, 100}, {map[string]any{"intermediate_size": 100, "block_ffn_dim_multiplier": nil}, 66},
		{map[string]any{"intermediate_size": 100, "block_ffn_dim_multiplier": 1.5, "block_multiple_of": 10}, 100},
		{map[string]any{"block_multiple_of": 0}, -1}, {map[string]any{"block_ffn_dim_multiplier": -1.0}, -1}, {map[string]any{"block_auto_adjust_ff_dim": "no"}, -1},
	} {
		p, err := lfm2Params(t, LFM2, "lfm2", c.set)
		if (err != nil) != (c.want < 0) || err == nil && p.FF != c.want {
			t.Errorf("%v: %d, %v", c.set, p.FF, err)
		}
	}
}

// Which layers have attention is told in words or in numbers; anything else is refused.
func TestLayersOfLFM2(t *testing.T) {
	for _, c := range []struct {
		set  map[string]any
		want []bool // keeps a state; nil: refused
	}{
		{map[string]any{}, []bool{true, false, true, false}},
		{map[string]any{"layer_types": nil, "full_attn_idxs": []int{0, 2}}, []bool{false, true, false, true}},
		{map[string]any{"layer_types": nil, "full_attn_idxs": []int{4}}, nil}, {map[string]any{"layer_types": nil, "full_attn_idxs": []float64{0.5}}, nil},
		{map[string]any{"layer_types": nil}, nil}, {map[string]any{"layer_types": []string{"conv", "full_attention"}}, nil}, {map[string]any{"layer_types": "conv"}, nil},
		{map[string]any{"layer_types": []string{"conv", "full_attention", "sliding_attention", "conv"}}, nil},
		{map[string]any{"layer_types": []string{"conv", "conv", "conv", "conv"}}, nil}, {map[string]any{"conv_L_cache": 1}, nil}, {map[string]any{"conv_L_cache": 1 << 20}, nil},
	} {
		p, err := lfm2Params(t, LFM2, "lfm2", c.set)
		if (err != nil) != (c.want == nil) || err == nil && !slices.Equal(p.State.In, c.want) {
			t.Errorf("%v: %v, %v", c.set, p.State.In, err)
		}
		for l, state := range c.want {
			if q := p.At(l); state != (q.Heads == 0) || state != (q.KVHeads == 0) {
				t.Errorf("%v: layer %d has %d heads", c.set, l, q.Heads)
			}
		}
	}
}

// What runtimes have built in is refused where it is otherwise, in config.json and in files.
func TestLFM2IsPlain(t *testing.T) {
	for key, v := range map[string]any{"conv_bias": true, "block_use_swiglu": false, "use_pos_enc": false} {
		refusesIn(t, "lfm2", key, v)
	}
	for key, v := range map[string]any{"use_expert_bias": false, "norm_topk_prob": false, "routed_scaling_factor": 2.5, "conv_bias": true} {
		refusesIn(t, "lfm2 moe", key, v)
	}
	b := must(Bind(tinyOf(t, tinyFamilies(t)["lfm2"], false).source()))
	for key, v := range map[string]any{"lfm2.attention.sliding_window": uint32(8), "lfm2.attention.causal": false, "lfm2.shortconv.l_cache": uint32(4), "lfm2.attention.head_count_kv": []int32{0, 2}} {
		file := &formats.Source{Path: "m.gguf", Format: &formats.Format{Name: "gguf"}, Tensors: b.Tensors}
		file.Meta.Set("general.architecture", b.Arch.Name)
		b.Arch.WriteKeys(&file.Meta, &b.Params, func(string) {})
		if _, err := Bind(file); err != nil {
			t.Fatal(err)
		}
		file.Meta.Set(key, v)
		if _, err := Bind(file); !errors.Is(err, formats.ErrUnsupported) && !errors.Is(err, formats.ErrCorrupt) {
			t.Errorf("%s %v: %v", key, v, err)
		}
	}
}

// refusesIn sees that a family's checkpoint is refused with another value of a key.
func refusesIn(t *testing.T, name, key string, v any) {
	t.Helper()
	x := tinyOf(t, tinyFamilies(t)[name], true)
	if _, err := Bind(x.source()); err != nil {
		t.Fatal(err)
	}
	x.config[key] = v
	if _, err := Bind(x.source()); !errors.Is(err, formats.ErrUnsupported) && !errors.Is(err, formats.ErrCorrupt) {
		t.Errorf("%s with %s %v: %v", name, key, v, err)
	}
}

// lfm2Params are those of a tiny family with some keys set otherwise.
func lfm2Params(t *testing.T, a *Arch, name string, set map[string]any) (p Params, err error) {
	var config map[string]any
	if err := json.Unmarshal(tinyFamilies(t)[name], &config); err != nil {
		t.Fatal(err)
	}
	if _, ok := set["block_multiple_of"]; !ok {
		delete(config, "block_multiple_of")
	}
	maps.Copy(config, set)
	return p, a.readConfig(must(ParseConfig("config.json", must(json.Marshal(config)))), &a.Variants[0], &p)
}

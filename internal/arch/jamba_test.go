package arch

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"quern/formats"
)

// Which layers have attention and which have experts follows from two numbers each; what runtimes have built in is refused where it is otherwise.
func TestLayersOfJamba(t *testing.T) {
	for _, c := range []struct {
		set    map[string]any
		states []bool // nil: refused
		mixed  []bool
	}{
		{nil, []bool{true, true, false, true, true, true}, []bool{false, true, false, true, false, true}},
		{map[string]any{"attn_layer_offset": 4}, nil, nil}, {map[string]any{"attn_layer_period": 0}, nil, nil}, {map[string]any{"expert_layer_offset": "one"}, nil, nil},
		{map[string]any{"mamba_expand": 3}, nil, nil}, {map[string]any{"mamba_conv_bias": false}, nil, nil}, {map[string]any{"mamba_proj_bias": true}, nil, nil}, {map[string]any{"hidden_act": "gelu"}, nil, nil},
		{map[string]any{"mamba_dt_rank": 0.5}, nil, nil}, {map[string]any{"num_experts_per_tok": 9}, nil, nil},
	} {
		x := tinyOf(t, tinyFamilies(t)["jamba"], false)
		maps.Copy(x.config, c.set)
		b, err := Bind(x.source())
		if (err == nil) != (c.states != nil) || err != nil && !errors.Is(err, formats.ErrUnsupported) && !errors.Is(err, formats.ErrCorrupt) {
			t.Errorf("%v: %v", c.set, err)
			continue
		}
		if err == nil && (!slices.Equal(b.Params.State.In, c.states) || !slices.Equal(b.Params.Mix.In, c.mixed)) {
			t.Errorf("%v: %v, %v", c.set, b.Params.State.In, b.Params.Mix.In)
		}
	}
}

// The two numbers are found again, whatever layers there are.
func TestEverySoManyLayers(t *testing.T) {
	for _, in := range [][]bool{{false, true, false, true}, {true}, {false, false}, {false, false, true, false}, {true, false, false}, {false, true, true, true}} {
		out := map[string]any{}
		tellEvery(out, "layer", in)
		n, ok := out["layer_period"].(int)
		if !ok {
			if !slices.Equal(in, []bool{false, true, true, true}) {
				t.Errorf("%v: nothing told", in)
			}
			continue
		}
		for l, is := range in {
			if is != (l%n == out["layer_offset"]) || out["layer_offset"].(int) >= n {
				t.Errorf("%v: %v", in, out)
			}
		}
	}
}

// Mini-Jamba's names are the same tensors.
func TestMiniJamba(t *testing.T) {
	x := tinyOf(t, tinyFamilies(t)["jamba"], false)
	want := must(Bind(x.source()))
	for _, tensor := range x.tensors {
		for old, name := range map[string]string{
			"feed_forward.router": "moe.router", "feed_forward.experts": "moe.experts", "feed_forward.gate": "moe.experts.0.gate", "feed_forward.up": "moe.experts.0.up",
			"feed_forward.down": "moe.experts.0.down", "pre_ff_layernorm": "pre_moe_layernorm", "mamba.b_layernorm": "mamba.B_layernorm", "mamba.c_layernorm": "mamba.C_layernorm",
		} {
			if strings.Contains(tensor.Name, old) {
				tensor.Name = strings.Replace(tensor.Name, old, name, 1)
				break
			}
		}
	}
	got := must(Bind(x.source()))
	a, b := namesOf(want), namesOf(got)
	slices.Sort(a)
	slices.Sort(b)
	if !slices.Equal(a, b) {
		t.Errorf("%v, want %v", b, a)
	}
}

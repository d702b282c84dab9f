package arch

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"quern/formats"
)

// The table of layers' inputs has rows for the tokens of texts; a GGUF has one for every token, and what came from there goes back as it is.
func TestGemma3nPads(t *testing.T) {
	c := tinyOf(t, gemma4Of(t, "gemma3n", map[string]any{"vocab_size_per_layer_input": 90}), false)
	b, err := Bind(c.source())
	if err != nil {
		t.Fatal(err)
	}
	const name = "per_layer_token_embd.weight"
	own, padded := floatsOf(t, c.tensors[slices.IndexFunc(c.tensors, func(x *formats.Tensor) bool { return x.Name == "model.embed_tokens_per_layer.weight" })]), find(b, name)
	got := floatsOf(t, padded)
	if !equal(padded.Shape, []int{96, 128}) || !slices.Equal(got[:len(own)], own) || slices.ContainsFunc(got[len(own):], func(x float32) bool { return x != 0 }) {
		t.Errorf("%v", padded.Shape)
	}
	if raw := bytesOf(t, padded); !slices.Equal(raw, bytesOf(t, Floats("", got))) {
		t.Error("bytes and rows differ")
	}
	part := make([]byte, 1000)
	if n, err := padded.Raw.ReadAt(part, int64(4*len(own)-400)); n != 1000 || err != nil || slices.ContainsFunc(part[400:], func(b byte) bool { return b != 0 }) {
		t.Errorf("%d bytes across the end: %v", n, err)
	}
	back, err := b.Unbind()
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range back {
		if x.Name == "model.embed_tokens_per_layer.weight" && !slices.Equal(floatsOf(t, x), own) {
			t.Errorf("%v came back", x.Shape)
		}
	}
}

// What files do not tell, or runtimes take to be otherwise, stops.
func TestGemma3nRefuses(t *testing.T) {
	const sliding, full = "sliding_attention", "full_attention"
	for _, x := range []struct {
		change map[string]any
		says   string
	}{
		{map[string]any{"layer_types": []string{full, sliding, sliding, full}}, "num_kv_shared_layers"},
		{map[string]any{"altup_num_inputs": 3}, "altup_num_inputs"},
		{map[string]any{"altup_active_idx": 1}, "altup_active_idx"},
		{map[string]any{"altup_correct_scale": false}, "altup_correct_scale"},
		{map[string]any{"activation_sparsity_pattern": []float64{0.9, 0, 0, 0}}, "activation_sparsity_pattern"},
		{map[string]any{"activation_sparsity_pattern": []float64{0.95, 0}}, "sparse gates"},
		{map[string]any{"intermediate_size": []int{96, 96}}, "2 layers"},
		{map[string]any{"intermediate_size": []int{}}, "intermediate_size"},
		{map[string]any{"vocab_size_per_layer_input": 97}, "vocab_size_per_layer_input"},
		{map[string]any{"hidden_size_per_layer_input": 0}, "hidden_size_per_layer_input"},
		{map[string]any{"laurel_rank": 1 << 21}, "past attention"},
		{map[string]any{"rope_parameters": map[string]any{full: map[string]any{"rope_type": "linear", "factor": 2.0, "rope_theta": 1e6}}}, "rope_type"},
	} {
		c, err := ParseConfig("config.json", gemma4Of(t, "gemma3n", x.change))
		if err != nil {
			t.Fatal(err)
		}
		err = Gemma3n.refuse(c, &Gemma3n.Variants[0])
		var p Params
		if err == nil {
			err = Gemma3n.readConfig(c, &Gemma3n.Variants[0], &p)
		}
		if known := errors.Is(err, formats.ErrUnsupported) || errors.Is(err, formats.ErrCorrupt); !known || !strings.Contains(err.Error(), x.says) {
			t.Errorf("%v: %v", x.change, err)
		}
	}
}

// Published models say less: one width, and neither gates nor windows; and runtimes take every other model for one of those.
func TestGemma3nIsAsBuiltIn(t *testing.T) {
	text := gemma4Of(t, "gemma3n", map[string]any{"intermediate_size": 96, "activation_sparsity_pattern": nil, "layer_types": nil, "num_hidden_layers": 30, "num_kv_shared_layers": 10,
		"laurel_rank": nil, "hidden_size_per_layer_input": nil})
	c := tinyOf(t, text, false)
	b, err := Bind(c.source())
	if err != nil {
		t.Fatal(err)
	}
	p := &b.Params
	if !slices.Equal(p.FFIn, slices.Repeat([]int32{96}, 30)) || p.Sparsity[9] != sparseScale || !math.IsInf(float64(p.Sparsity[10]), -1) || p.WindowIn[4] || !p.WindowIn[5] || p.Side != 256 || p.AltUp.Laurel != 64 {
		t.Errorf("%+v", p)
	}
	if said := mistakenGemma3n(b); !strings.Contains(said, "in every layer") {
		t.Errorf("without idle tensors: %q", said)
	}
	for l := 20; l < 30; l++ {
		for name, shape := range map[string][]int{"k_proj": {32, 64}, "v_proj": {32, 64}, "k_norm": {8}} {
			c.tensors = append(c.tensors, numbers(layerName("model.layers.{}.self_attn.", l)+name+".weight", shape...))
		}
	}
	if b = must(Bind(c.source())); mistakenGemma3n(b) != "" {
		t.Errorf("as published: %q", mistakenGemma3n(b))
	}
	for want, change := range map[string]func(p *Params){"20 layers": func(p *Params) { p.Borrow = 5 }, "10 layers": func(p *Params) { p.Sparsity[12] = sparseScale },
		"will not load": func(p *Params) { p.AltUp.Laurel = 16 }, "one width": func(p *Params) { p.FFIn[3] = 64 }} {
		b := must(Bind(c.source()))
		if change(&b.Params); !strings.Contains(mistakenGemma3n(b), want) {
			t.Errorf("%s: %q", want, mistakenGemma3n(b))
		}
	}
}

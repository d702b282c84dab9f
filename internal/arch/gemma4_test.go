package arch

import (
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"quern/formats"
)

// gemma4Of is the configuration of a tiny Gemma 4 with changes; nil takes a key out.
func gemma4Of(t *testing.T, name string, change map[string]any) []byte {
	t.Helper()
	var config map[string]any
	if err := json.Unmarshal(tinyFamilies(t)[name], &config); err != nil {
		t.Fatal(err)
	}
	maps.Copy(config, change)
	maps.DeleteFunc(config, func(_ string, v any) bool { return v == nil })
	return must(json.Marshal(config))
}

// The library tells sizes of single layers in one of two ways, and of a model that sees in a part of its own.
func TestGemma4Layouts(t *testing.T) {
	const name = "gemma4, keys are values"
	want := must(Bind(tinyOf(t, gemma4Of(t, name, nil), false).source()))
	full := map[string]any{"head_dim": 16, "num_key_value_heads": 2}
	newer := gemma4Of(t, name, map[string]any{"global_head_dim": nil, "num_global_key_value_heads": nil, "per_layer_config": map[string]any{"1": full, "3": full}})
	var inner map[string]any
	if err := json.Unmarshal(newer, &inner); err != nil {
		t.Fatal(err)
	}
	seeing := must(json.Marshal(map[string]any{"architectures": []string{"Gemma4ForConditionalGeneration"}, "model_type": "gemma4", "text_config": inner}))
	for _, text := range [][]byte{newer, seeing} {
		c := tinyOf(t, text, false)
		if strings.Contains(string(text), "text_config") {
			for _, x := range c.tensors {
				x.Name = strings.Replace(x.Name, "model.", "model.language_model.", 1)
			}
			c.tensors = append(c.tensors, numbers("model.vision_tower.encoder.layers.0.self_attn.q_proj.linear.weight", 4, 4), numbers("model.embed_audio.embedding_projection.weight", 4, 4))
		}
		got, err := Bind(c.source())
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if !reflect.DeepEqual(got.Params, want.Params) || !slices.Equal(names(got), names(want)) {
			t.Errorf("%s: %+v, want %+v", text, got.Params, want.Params)
		}
	}
	if p := &want.Params; !slices.Equal(p.KVHeadsIn, []int32{4, 2, 4, 2}) || p.At(0).HeadDim != 8 || p.At(3).HeadDim != 16 || p.At(3).KVHeads != 2 {
		t.Errorf("%+v", want.Params)
	}
}

// Files of layers that borrow keys hold some of their own all the same: they stay, and are nobody's.
func TestGemma4KeepsWhatIsIdle(t *testing.T) {
	c := tinyOf(t, gemma4Of(t, "gemma4", nil), false)
	before := len(c.tensors)
	for _, name := range []string{"k_proj", "v_proj", "k_norm"} {
		shape := []int{32, 64}
		if name == "k_norm" {
			shape = []int{8}
		}
		c.tensors = append(c.tensors, numbers("model.layers.2.self_attn."+name+".weight", shape...))
	}
	b, err := Bind(c.source())
	if err != nil {
		t.Fatal(err)
	}
	idle := 0
	for _, o := range b.Origins {
		if o.Rule.Idle {
			idle++
		}
	}
	back, err := inGGUF(t, "gemma4", b).Unbind()
	if err != nil || idle != 3 || len(back) != before+3 {
		t.Errorf("%d are idle, %d of %d come back: %v", idle, len(back), before+3, err)
	}
}

// What files do not tell, or runtimes take to be otherwise, stops.
func TestGemma4Refuses(t *testing.T) {
	const sliding, full = "sliding_attention", "full_attention"
	rope := func(kind string, more ...any) map[string]any {
		f := map[string]any{"rope_type": kind, "partial_rotary_factor": 0.25, "rope_theta": 1e6}
		for i := 0; i < len(more); i += 2 {
			f[more[i].(string)] = more[i+1]
		}
		return map[string]any{"rope_parameters": map[string]any{full: f, sliding: map[string]any{"rope_type": "default", "rope_theta": 1e4}}}
	}
	layers := func(own map[string]any) map[string]any {
		return map[string]any{"per_layer_config": map[string]any{"1": own, "3": map[string]any{"head_dim": 16}}}
	}
	for _, x := range []struct {
		change map[string]any
		says   string
	}{
		{map[string]any{"layer_types": []string{full, sliding, sliding, full}}, "num_kv_shared_layers"},
		{map[string]any{"num_kv_shared_layers": 3}, "num_kv_shared_layers"},
		{map[string]any{"use_bidirectional_attention": "all"}, "use_bidirectional_attention"},
		{map[string]any{"hidden_activation": "silu"}, "hidden_activation"},
		{map[string]any{"vocab_size_per_layer_input": 90}, "vocab_size_per_layer_input"},
		{rope("default"), "rope_type"},
		{rope("yarn", "factor", 4), "rope"},
		{rope("proportional", "factor", 2), "factor"},
		{rope("proportional", "partial_rotary_factor", 1.5), "partial_rotary_factor"},
		{layers(map[string]any{"head_dim": 32}), "per_layer_config"},
		{layers(map[string]any{"head_dim": 16, "sliding_window": 3}), "per_layer_config"},
		{map[string]any{"per_layer_config": map[string]any{"0": map[string]any{"head_dim": 16}}}, "per_layer_config.0"},
		{map[string]any{"num_global_key_value_heads": 3, "attention_k_eq_v": true}, "heads of queries"},
		{map[string]any{"hidden_size_per_layer_input": 1 << 21}, "of their own"},
	} {
		c, err := ParseConfig("config.json", gemma4Of(t, "gemma4", x.change))
		if err != nil {
			t.Fatal(err)
		}
		err = Gemma4.refuse(c, &Gemma4.Variants[0])
		var p Params
		if err == nil {
			err = Gemma4.readConfig(c, &Gemma4.Variants[0], &p)
		}
		if known := errors.Is(err, formats.ErrUnsupported) || errors.Is(err, formats.ErrCorrupt); !known || !strings.Contains(err.Error(), x.says) {
			t.Errorf("%v: %v", x.change, err)
		}
	}
}

// A file that does not tell the cap of logits is one of runtimes' usual cap; a model without one says so.
func TestGemma4Cap(t *testing.T) {
	b := must(Bind(tinyOf(t, gemma4Of(t, "gemma4 experts", nil), false).source()))
	file := &formats.Source{Path: "m.gguf", Format: &formats.Format{Name: "gguf"}, Tensors: b.Tensors}
	file.Meta.Set("general.architecture", "gemma4")
	b.Arch.WriteKeys(&file.Meta, &b.Params, func(string) {})
	const key = "gemma4.final_logit_softcapping"
	if again := must(Bind(file)); file.Meta.Value(key) != float32(0) || again.Params.Caps.Logits != 0 {
		t.Errorf("%v becomes %v", file.Meta.Value(key), again.Params.Caps.Logits)
	}
	file.Meta.Delete(key)
	if again := must(Bind(file)); again.Params.Caps.Logits != 30 {
		t.Errorf("silence is %v", again.Params.Caps.Logits)
	}
}

package arch

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"quern/formats"
)

// Which layers have attention follows from a number; a window is told in files, with one position more than config.json says, and found again.
func TestLayersOfPLaMo2(t *testing.T) {
	for _, c := range []struct {
		key    string
		v      any
		states []bool // nil: refused
	}{
		{"mamba_step", 2, []bool{true, false, true, false, true, false}}, {"mamba_step", 12, []bool{true, true, true, true, true, false}}, {"mamba_step", 4, []bool{true, true, false, true, true, true}},
		{"mamba_step", 1, nil}, {"mamba_step", 2.5, nil}, {"mamba_enabled", false, nil}, {"rms_norm_eps", 1e-5, nil}, {"full_attention_idx", []any{9}, nil}, {"full_attention_idx", "all", nil},
		{"attention_window_size", 0, nil}, {"linear_type", "fp8", nil}, {"rope_scaling", map[string]any{"type": "linear", "factor": 2.0}, nil}, {"mamba_num_heads", 1 << 20, nil},
	} {
		x := tinyOf(t, tinyFamilies(t)["plamo2 window"], false)
		x.config[c.key] = c.v
		if c.key == "mamba_step" { // only the layers are looked at
			p, err := plamo2Params(x)
			if (err == nil) != (c.states != nil) || err == nil && !slices.Equal(p.State.In, c.states) {
				t.Errorf("%s %v: %v, %v", c.key, c.v, p.State.In, err)
			}
			continue
		}
		if _, err := Bind(x.source()); !errors.Is(err, formats.ErrUnsupported) && !errors.Is(err, formats.ErrCorrupt) {
			t.Errorf("%s %v: %v", c.key, c.v, err)
		}
	}
	p, err := plamo2Params(tinyOf(t, tinyFamilies(t)["plamo2 window"], false))
	if err != nil || p.Window != 12 || !slices.Equal(p.WindowIn, []bool{true, true, true, true, false, true}) || tellPLaMo2(&p)["attention_window_size"] != 11 || tellPLaMo2(&p)["mamba_step"] != 3 {
		t.Errorf("%+v, %v", p, err)
	}
}

func plamo2Params(x *checkpoint) (p Params, err error) {
	err = PLaMo2.readConfig(must(ParseConfig("config.json", must(json.Marshal(x.config)))), &PLaMo2.Variants[0], &p)
	return p, err
}

// Files may tell heads of queries for each layer, as the reference's do.
func TestHeadsOfPLaMo2(t *testing.T) {
	b := must(Bind(tinyOf(t, tinyFamilies(t)["plamo2"], false).source()))
	for _, heads := range []any{uint32(4), []int32{0, 4, 0, 4}} {
		file := &formats.Source{Path: "m.gguf", Format: &formats.Format{Name: "gguf"}, Tensors: b.Tensors}
		file.Meta.Set("general.architecture", "plamo2")
		b.Arch.WriteKeys(&file.Meta, &b.Params, func(string) {})
		file.Meta.Set("plamo2.attention.head_count", heads)
		again, err := Bind(file)
		if err != nil || again.Params.Heads != 4 || !slices.Equal(again.Params.HeadsIn, b.Params.HeadsIn) || again.Params.State.Inner != 128 || again.Params.State.Rank != 64 {
			t.Errorf("%v: %v", heads, err)
		}
	}
}

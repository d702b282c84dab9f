package arch

import (
	"errors"
	"slices"
	"testing"

	"quern/formats"
)

// Bamba's layers with attention are listed, and a half of each head is rotated; what runtimes have built in is refused where it is otherwise.
func TestBamba(t *testing.T) {
	for _, c := range []struct {
		key  string
		v    any
		want []bool // nil: refused
	}{
		{"attn_layer_indices", []any{1}, []bool{true, false, true, true}}, {"attn_rotary_emb", nil, []bool{true, false, true, true}},
		{"attn_layer_indices", []any{}, nil}, {"attn_layer_indices", nil, nil}, {"attn_layer_indices", []any{4}, nil}, {"attn_layer_indices", []any{0.5}, nil}, {"attn_rotary_emb", 32, nil},
		{"mamba_expand", 3, nil}, {"mamba_d_head", 8, nil}, {"mamba_conv_bias", false, nil}, {"attention_bias", true, nil}, {"time_step_limit", []any{0, 1}, nil}, {"hidden_act", "gelu", nil},
	} {
		x := tinyOf(t, tinyFamilies(t)["bamba"], true)
		x.config[c.key] = c.v
		b, err := Bind(x.source())
		if (err == nil) != (c.want != nil) || err != nil && !errors.Is(err, formats.ErrUnsupported) && !errors.Is(err, formats.ErrCorrupt) {
			t.Errorf("%s %v: %v", c.key, c.v, err)
			continue
		}
		if err != nil {
			continue
		}
		if p := &b.Params; !slices.Equal(p.State.In, c.want) || p.RopeDim != p.HeadDim/2 || !p.Rotates {
			t.Errorf("%s %v: %+v", c.key, c.v, p)
		}
	}
}

// Rows of heads move within what is rotated only.
func TestPairHalves(t *testing.T) {
	p := &Params{HeadDim: 6, RopeDim: 4}
	got := floatsOf(t, PairHalves.Forward(Floats("x", []float32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}), p))
	if want := []float32{0, 2, 1, 3, 4, 5, 6, 8, 7, 9, 10, 11}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

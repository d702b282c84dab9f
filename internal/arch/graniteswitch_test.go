package arch

import (
	"errors"
	"slices"
	"testing"

	"quern/formats"
)

// What files cannot tell of a model with adapters inside, or what contradicts itself there, is refused.
func TestGraniteSwitchIsPlain(t *testing.T) {
	for key, v := range map[string]any{
		"num_adapters": 2, "max_lora_rank": 0, "adapter_token_ids": []any{1, 2, 96}, "adapter_substitute_token_ids": []any{1}, "num_local_experts": 4, "position_embedding_type": "nope",
		"layer_types": []any{"attention", "mamba", "attention", "attention"}, "attention_bias": true,
	} {
		refusesIn(t, "granite_switch", key, v)
	}
	x := tinyOf(t, tinyFamilies(t)["granite_switch"], false)
	x.config["layer_types"] = []any{"attention", "attention", "attention", "attention"}
	b := must(Bind(x.source()))
	if p := b.Params; p.Layers != 3 || p.FF != 96 || p.Switch.Count != 3 || !slices.Equal(p.Switch.Tokens, []int32{63, 90, 59}) || tellSwitch(&p)["num_hidden_layers"] != 4 || b.Arch.Folds(&p) != nil {
		t.Errorf("%+v", p.Switch)
	}
	b.Params.Switch.Count = 5000
	if err := b.Params.checkSwitch(); !errors.Is(err, formats.ErrCorrupt) {
		t.Error(err)
	}
}

// The first matrix of a file is zero; the rows of those behind it that make queries are in pairs, adapter by adapter.
func TestSlots(t *testing.T) {
	p := &Params{HeadDim: 4}
	turned := slotted("", func(p *Params, inverse bool) func(int) int { return permutation{p.HeadDim, inverse}.from })
	was := numbers("x", 2, 1, 8, 3)
	n := turned.Forward(was, p)
	got, want := floatsOf(t, n), floatsOf(t, was)
	if !slices.Equal(n.Shape, []int{3, 8, 3}) || slices.Max(got[:24]) != 0 || got[24] != want[0] || !slices.Equal(got[24+3:][:3], want[6:9]) || !slices.Equal(got[48+12:][:3], want[24+12:][:3]) {
		t.Errorf("%v of %v", got, want)
	}
	if back := turned.Inverse(n, p); !slices.Equal(back.Shape, was.Shape) || !slices.Equal(floatsOf(t, back), want) {
		t.Errorf("%v", back.Shape)
	}
}

package arch

import (
	"errors"
	"slices"
	"testing"

	"quern/formats"
)

// Rows of queries, keys and values that were cut for processors come together again; heads that so many cannot share are refused.
func TestPartsOfProcessors(t *testing.T) {
	p := &Params{Heads: 4, KVHeads: 2, HeadDim: 3, ValueDim: 2}
	const ranks, cols = 2, 1
	var cut, whole []float32
	parts := [3][]float32{}
	for r := range ranks {
		for i, n := range []int{6, 3, 2} { // of each
			for j := range n {
				v := float32(100*i + n*r + j)
				cut, parts[i] = append(cut, v), append(parts[i], v)
			}
		}
	}
	whole = slices.Concat(parts[:]...)
	in := numbers("x", len(cut), cols)
	in.Rows, in.Raw, in.Ranks = flatRows(cut), nil, ranks
	if got := floatsOf(t, FromRanks.Forward(in, p)); !slices.Equal(got, whole) {
		t.Errorf("%v, want %v", got, whole)
	}
	for ranks, ok := range map[int]bool{0: true, 4: true, 8: false} {
		x := tinyOf(t, tinyFamilies(t)["mimo2 joined"], false)
		src := x.source()
		src.Tensor("model.layers.0.self_attn.qkv_proj.weight").Ranks = ranks
		if _, err := Bind(src); (err == nil) != ok || err != nil && !errors.Is(err, formats.ErrCorrupt) {
			t.Errorf("%d: %v", ranks, err)
		}
	}
	for layout, ok := range map[any]bool{"fused_qkv": true, "other": false, 5: false} {
		x := tinyOf(t, tinyFamilies(t)["mimo2 joined"], false)
		x.config["attention_projection_layout"] = layout
		if _, err := Bind(x.source()); (err == nil) != ok {
			t.Errorf("%v: %v", layout, err)
		}
	}
}

// flatRows are rows of one number.
type flatRows []float32

func (f flatRows) ReadRows(dst []float32, row int) error { copy(dst, f[row:]); return nil }

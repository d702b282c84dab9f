package model

import (
	"slices"
	"strings"
	"testing"

	"quern/formats"
	"quern/internal/arch"
)

// Files of the time before keys and values were split hold one matrix for both, and tell the sizes of heads by other keys. They
// are the same model.
func TestUnsplitLatentAttention(t *testing.T) {
	for _, f := range families(t) {
		if !strings.HasPrefix(f.Name, "deepseek") {
			continue
		}
		src := f.source(t)
		b, err := arch.Bind(src)
		if err != nil {
			t.Fatal(err)
		}
		split, err := Of(b)
		if err != nil {
			t.Fatal(err)
		}
		old, err := arch.Bind(unsplit(b, src))
		if err != nil {
			t.Fatal(err)
		}
		joined, err := Of(old)
		if err != nil {
			t.Fatal(err)
		}
		if joined.layers[0].mla.kvb.t == nil || joined.layers[0].mla.kb.t != nil {
			t.Fatal("the matrices of keys and values are split")
		}
		want, _ := logits(t, split, [][]int32{familyTokens()}, nil, Options{})
		got, _ := logits(t, joined, [][]int32{familyTokens()}, nil, Options{Threads: 2})
		if d := distance(got, widened(want)); !(d < 1e-5) {
			t.Errorf("%s: differs by %.2g of the spread", f.Name, d)
		}
	}
}

// unsplit is a GGUF of the older layout.
func unsplit(b *arch.Bound, hf *formats.Source) *formats.Source {
	src := &formats.Source{Path: "old.gguf", Format: &formats.Format{Name: "gguf"}}
	src.Meta.Set("general.architecture", b.Arch.Name)
	b.Arch.WriteKeys(&src.Meta, &b.Params, func(string) {})
	p := &b.Params
	for _, key := range []string{"key_length_mla", "value_length_mla"} {
		src.Meta.Delete("deepseek2.attention." + key)
	}
	src.Meta.Set("deepseek2.attention.head_count_kv", uint32(p.Heads))
	src.Meta.Set("deepseek2.attention.key_length", uint32(p.HeadDim))
	src.Meta.Set("deepseek2.attention.value_length", uint32(p.ValueDim))
	for i, x := range b.Tensors {
		switch o := b.Origins[i]; o.Rule.Role {
		case arch.RoleKB:
			whole := *hf.Tensor(o.Source)
			whole.Name = strings.Replace(x.Name, "attn_k_b", "attn_kv_b", 1)
			src.Tensors = append(src.Tensors, &whole)
		case arch.RoleVB:
		default:
			src.Tensors = append(src.Tensors, x)
		}
	}
	return src
}

// A layer of experts hands out its tensors of several matrices, and takes others of the same shape.
func TestLayersReplaceExperts(t *testing.T) {
	list := families(t)
	f := &list[slices.IndexFunc(list, func(f family) bool { return f.Name == "olmoe" })]
	b := bindFamily(t, f)
	m, err := Of(b)
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	observe := func(int, arch.Role, int, []float32, int, int) { seen++ }
	err = m.Layers(t.Context(), [][]int32{familyTokens()}, Options{ObserveExpert: observe}, nil, func(l *Layer) error {
		x := l.Tensor(arch.RoleUpExps)
		if (x == nil) != (l.Index < 0) {
			t.Errorf("layer %d has %v", l.Index, x)
		}
		if x == nil {
			return nil
		}
		if flat := *x; l.Replace(arch.RoleUpExps, (&formats.Tensor{Shape: []int{x.NumRows(), x.Cols()}, Rows: x.Rows}).Part(0, 8)) == nil {
			t.Errorf("%v was replaced by 8 rows", flat.Shape)
		}
		return l.Replace(arch.RoleUpExps, x)
	})
	if err != nil || seen == 0 {
		t.Errorf("%d, %v", seen, err)
	}
}

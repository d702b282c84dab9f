package arch

import (
	"errors"
	"slices"
	"testing"

	"quern/formats"
	"quern/quantize"
)

const tinyGrams = "qwen4exp, n-grams"

// What no runtime has room for, and what leads out of the table, is refused.
func TestRefusalsOfGrams(t *testing.T) {
	for key, list := range map[string][]any{
		"ple_layer_ids": {[]int{1, 3}, []int{2}, []int{0}, []int{5}, "all"}, "ngram_size": {1, 9}, "heads_per_ngram": {0, 3, 64}, "ple_embed_dim": {128, 6}, "ple_conv_kernel_size": {0},
		"split_ngram_parts": {3, 0}, "eos_token_id": {nil, "x"}, "ngram_vocab_size_base": {0, 1 << 30}, "make_ngram_vocab_size_divisible_by": {0}, "vocab_size": {0},
	} {
		for _, v := range list {
			refusesIn(t, tinyGrams, key, v)
		}
	}
}

// What tokens are hashed by is read from the checkpoint exactly, or computed as the library does it; a file has it, and a folder made of that.
func TestHashesOfGrams(t *testing.T) {
	const at = "model.layers.2.ple.ple_embedding."
	x := tinyOf(t, tinyFamilies(t)[tinyGrams], false)
	b, err := Bind(x.source())
	if err != nil {
		t.Fatal(err)
	}
	// As transformers' buffers are for this configuration.
	if n := b.Params.NGrams; !slices.Equal(n.Multipliers, []uint64{47649606098304421, 42058795021143793, 60622874201084891}) || !slices.Equal(n.Sizes, []uint64{29, 31, 37, 41}) ||
		!slices.Equal(n.Offsets, []uint64{0, 29, 60, 97}) || n.Rows != 140 || n.End != 5 {
		t.Errorf("computed: %+v", n)
	}
	own := []uint64{1<<53 + 1, 3, 1<<56 - 1}
	x.tensors = append(x.tensors, wholes(at+"layer_multipliers", own), wholes(at+"ngram_heads_offsets", []uint64{100, 0, 32, 70}), wholes(at+"ngram_heads_vocab_sizes", []uint64{40, 32, 38, 30}))
	if b, err = Bind(x.source()); err != nil {
		t.Fatal(err)
	}
	if n := b.Params.NGrams; !slices.Equal(n.Multipliers, own) || n.Offsets[0] != 100 || n.Sizes[3] != 30 {
		t.Errorf("read: %+v", n)
	}
	back, err := b.Unbind()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(back, func(t *formats.Tensor) bool { return t.Name == at+"layer_multipliers" })
	if i < 0 || back[i].Type != quantize.I64 || string(bytesOf(t, back[i])) != string(bytesOf(t, wholes("", own))) {
		t.Error("what tokens are multiplied by does not come back")
	}
	for _, wrong := range []*formats.Tensor{wholes(at+"ngram_heads_offsets", []uint64{101, 0, 32, 70}), wholes(at+"layer_multipliers", []uint64{1, 2, 1 << 57}), wholes(at+"layer_multipliers", []uint64{1, 2}),
		wholes(at+"ngram_heads_vocab_sizes", []uint64{40, 0, 38, 30}), numbers(at+"layer_multipliers", 3)} {
		y := &checkpoint{x.config, slices.Clone(x.tensors)}
		y.tensors[slices.IndexFunc(y.tensors, func(t *formats.Tensor) bool { return t.Name == wrong.Name })] = wrong
		if _, err := Bind(y.source()); !errors.Is(err, formats.ErrCorrupt) && !errors.Is(err, formats.ErrUnsupported) {
			t.Errorf("%s: %v", wrong.Name, err)
		}
	}
}

// Parts that are multiplied by a number each make a matrix without one, and a file that does not say where n-grams end is none.
func TestTableOfGrams(t *testing.T) {
	part := numbers("x", 2, 3)
	part.Scale = []float32{2}
	if whole := asOne(stacked([]*formats.Tensor{part, part}), []int{4, 3}); whole.Scale != nil || whole.Raw != nil || len(floatsOf(t, whole)) != 12 {
		t.Errorf("%+v", whole)
	}
	b := must(Bind(tinyOf(t, tinyFamilies(t)[tinyGrams], false).source()))
	file := &formats.Source{Path: "m.gguf", Format: &formats.Format{Name: "gguf"}, Tensors: b.Tensors}
	file.Meta.Set("general.architecture", "qwen4exp")
	b.Arch.WriteKeys(&file.Meta, &b.Params, func(string) {})
	file.Meta.Set("tokenizer.ggml.tokens", make([]string, b.Params.Vocab))
	if _, err := Bind(file); err != nil {
		t.Fatal(err)
	}
	for key, v := range map[string]any{"ple.eos_token_id": nil, "ple.layers": []int32{1}, "ple.ngram_size": uint32(9), "ple.head_offsets": []uint64{0}, "ple.head_vocab_sizes": []uint64{29, 31, 37, 1 << 40},
		"ple.layer_multipliers": []uint64{1, 1, 1 << 63}, "embedding_length_per_layer_input": uint32(8), "ple.conv_kernel": uint32(0)} {
		other := *file
		other.Meta = formats.Meta{}
		for _, k := range file.Meta.Keys() {
			other.Meta.Set(k, file.Meta.Value(k))
		}
		if other.Meta.Delete("qwen4exp." + key); v != nil {
			other.Meta.Set("qwen4exp."+key, v)
		}
		if _, err := Bind(&other); !errors.Is(err, formats.ErrCorrupt) && !errors.Is(err, formats.ErrUnsupported) {
			t.Errorf("%s of %v: %v", key, v, err)
		}
	}
}

// A list of tokens that end a text counts by its first, as the library has it.
func TestEndOfGrams(t *testing.T) {
	p, err := lfm2Params(t, Qwen4Exp, tinyGrams, map[string]any{"eos_token_id": []int{7, 9}, "image_token_id": 11})
	if err != nil || p.NGrams.End != 7 || p.NGrams.Image != 11 {
		t.Errorf("%+v, %v", p.NGrams, err)
	}
	out := map[string]any{}
	p.NGrams.Rows, p.NGrams.Parts = 128*3, 128
	p.NGrams.tell(out, p.Embd)
	if out["image_token_id"] != 11 || out["make_ngram_vocab_size_divisible_by"] != 384 {
		t.Errorf("told: %v", out)
	}
}

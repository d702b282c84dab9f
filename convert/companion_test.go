package convert

import (
	"io/fs"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"quern/formats"
	"quern/internal/arch"
	"quern/quantize"
)

// Weights too small for the scales of NVFP4 keep their error where a number stands beside them; llama-quantize's way they do not.
func TestCompanions(t *testing.T) {
	src := madeUp(t, func(_ string, w []float32) {
		for i := range w {
			w[i] /= 32
		}
	})
	ours, theirs := plan(t, src, "NVFP4", Options{}), plan(t, src, "NVFP4", Options{Ggml: true})
	also := plan(t, src, "Q4_0", Options{}) // another plan of the same pass has no such tensors
	if err := Run(t.Context(), []*Plan{ours, theirs, also}, RunOptions{Threads: 2}); err != nil {
		t.Fatal(err)
	}
	const name = "blk.1.ffn_up.weight"
	file := open(t, ours.Out)
	if size, n := ours.Size, fileSize(t, ours.Out); size != n {
		t.Errorf("planned %d bytes, the file has %d", size, n)
	}
	if i := slices.IndexFunc(file.Tensors, func(x *formats.Tensor) bool { return x.Name == "blk.1.ffn_up.scale" }); i < 0 {
		t.Error("no number beside the weight")
	}
	if !strings.Contains(ours.String(), "times 0.0078125 in blk.1.ffn_up.scale") {
		t.Error("the printed plan does not say so")
	}
	want := floatsOf(t, src, "model.layers.1.mlp.up_proj.weight")
	got, plain := floatsOf(t, file, name), floatsOf(t, open(t, theirs.Out), name)
	if e := distant(got, want); e > 0.1 {
		t.Errorf("relative error %g", e)
	}
	if e := distant(plain, want); e < 0.15 {
		t.Errorf("llama-quantize's error is only %g: this test shows nothing", e)
	}
	// Copied, the number goes with the weight; rounded to another type, it is in the weights.
	again := plan(t, file, "NVFP4", Options{})
	other := plan(t, file, "Q8_0", Options{})
	if err := Run(t.Context(), []*Plan{again, other}, RunOptions{Threads: 1}); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(floatsOf(t, open(t, again.Out), name), got) {
		t.Error("a copy decodes to something else")
	}
	if e := distant(floatsOf(t, open(t, other.Out), name), got); e > 0.01 {
		t.Errorf("as Q8_0 it has a relative error of %g", e)
	}
}

func fileSize(t *testing.T, path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// floatsOf decodes a tensor, of a GGUF file as the model sees it.
func floatsOf(t *testing.T, src *formats.Source, name string) []float32 {
	t.Helper()
	list := src.Tensors
	if isGGUF(src) {
		b, err := arch.Bind(src)
		if err != nil {
			t.Fatal(err)
		}
		list = b.Tensors
	}
	for _, x := range list {
		if x.Name == name {
			w := make([]float32, x.Elems())
			if err := x.Rows.ReadRows(w, 0); err != nil {
				t.Fatal(err)
			}
			return w
		}
	}
	t.Fatalf("no tensor %s", name)
	return nil
}

func distant(a, b []float32) float64 {
	var d, s float64
	for i := range a {
		e := float64(a[i]) - float64(b[i])
		d += e * e
		s += float64(b[i]) * float64(b[i])
	}
	return math.Sqrt(d / s)
}

// A number for another count of matrices, or none at all, is refused.
func TestCompanionsRefused(t *testing.T) {
	src := madeUp(t, nil)
	p := plan(t, src, "NVFP4", Options{})
	if err := Run(t.Context(), []*Plan{p}, RunOptions{Threads: 2}); err != nil {
		t.Fatal(err)
	}
	file := open(t, p.Out)
	for _, x := range file.Tensors {
		if x.Name == "blk.0.attn_q.scale" {
			x.Shape = []int{2}
		}
	}
	if _, err := arch.Bind(file); err == nil || !strings.Contains(err.Error(), "a number for each of 1 matrices") {
		t.Errorf("two numbers for one matrix: %v", err)
	}
	if quantize.NVFP4.Factor != 1./128 {
		t.Error("the factor is not the one that files have")
	}
}

// What experts' outputs are multiplied by has the name that a type's factor would have in Gemma 4: those weights get no factor.
func TestCompanionThatIsTaken(t *testing.T) {
	config := map[string]any{"architectures": []string{"Gemma4ForCausalLM"}, "model_type": "gemma4_text", "vocab_size": 260, "hidden_size": 64, "intermediate_size": 64,
		"num_hidden_layers": 1, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16, "global_head_dim": 16, "hidden_size_per_layer_input": 0,
		"enable_moe_block": true, "num_experts": 2, "top_k_experts": 1, "moe_intermediate_size": 64}
	src := madeUp(t, func(string, []float32) {})
	files := map[string][]byte{"config.json": marshal(t, config), "tokenizer.json": byteTokenizer(t, 260)}
	src.File = func(name string) ([]byte, error) {
		if f, ok := files[name]; ok {
			return f, nil
		}
		return nil, fs.ErrNotExist
	}
	c, err := arch.ParseConfig("config.json", files["config.json"])
	if err != nil {
		t.Fatal(err)
	}
	if src.Tensors, err = arch.Expected(c, false); err != nil {
		t.Fatal(err)
	}
	seed := uint32(1)
	for i, x := range src.Tensors {
		src.Tensors[i] = random(x.Name, x.Shape, &seed, func(string, []float32) {})
	}
	p := plan(t, src, "NVFP4", Options{})
	seen := map[string]int{}
	for _, s := range p.entries() {
		seen[s.Name]++
	}
	if seen["blk.0.ffn_down_exps.scale"] != 1 || seen["blk.0.attn_q.scale"] != 1 {
		t.Errorf("%v", seen)
	}
	if err := Run(t.Context(), []*Plan{p}, RunOptions{Threads: 1}); err != nil {
		t.Fatal(err)
	}
	got, want := values(t, open(t, p.Out), "blk.0.ffn_down_exps.scale"), values(t, src, "model.layers.0.router.per_expert_scale")
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

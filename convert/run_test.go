package convert

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quern/formats"
	"quern/internal/arch"
	"quern/quantize"
)

// madeUp is a Llama checkpoint of two layers in memory, with a tokenizer of its own; weights come from a fixed sequence.
func madeUp(t *testing.T, change func(name string, w []float32)) *formats.Source {
	const hidden, ff, vocab = 256, 512, 260
	config := map[string]any{"architectures": []string{"LlamaForCausalLM"}, "model_type": "llama", "vocab_size": vocab, "hidden_size": hidden,
		"intermediate_size": ff, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "rms_norm_eps": 1e-5, "max_position_embeddings": 64}
	src := &formats.Source{Path: filepath.Join(t.TempDir(), "made-up"), Format: &formats.Format{Name: "hf"}, Close: func() error { return nil }}
	files := map[string][]byte{"config.json": marshal(t, config), "tokenizer.json": byteTokenizer(t, vocab)}
	src.File = func(name string) ([]byte, error) {
		if f, ok := files[name]; ok {
			return f, nil
		}
		return nil, fs.ErrNotExist
	}
	seed := uint32(1)
	p := arch.Params{Vocab: vocab, Embd: hidden, FF: ff, Layers: 2, Heads: 4, KVHeads: 2, HeadDim: 64, RopeDim: 64}
	for i := range arch.Llama.Tensors {
		r := &arch.Llama.Tensors[i]
		for l := 0; r.HF != "" && r.Flag == "" && (r.When == nil || r.When(&p, l)) && l < 2; l++ {
			name := strings.Replace(r.HF, "{}", fmt.Sprint(l), 1)
			if name == r.HF && l > 0 {
				break
			}
			src.Tensors = append(src.Tensors, random(name, r.Dims(&p), &seed, change))
		}
	}
	return src
}

func random(name string, shape []int, seed *uint32, change func(string, []float32)) *formats.Tensor {
	n := 1
	for _, d := range shape {
		n *= d
	}
	w := make([]float32, n)
	for i := range w {
		*seed = *seed*1664525 + 1013904223
		w[i] = float32(int32(*seed)) / (1 << 34)
	}
	if change != nil {
		change(name, w)
	}
	t := arch.Floats(name, w)
	t.Shape, t.Rows = shape, matrix{w, shape[len(shape)-1]}
	return t
}

type matrix struct {
	w    []float32
	cols int
}

func (m matrix) ReadRows(dst []float32, row int) error {
	copy(dst, m.w[row*m.cols:])
	return nil
}

func marshal(t *testing.T, v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// byteTokenizer is a byte-level BPE tokenizer with one merge.
func byteTokenizer(t *testing.T, n int) []byte {
	vocab := map[string]int{}
	for i := range n {
		vocab[fmt.Sprintf("t%d", i)] = i
	}
	delete(vocab, "t0")
	vocab["t1t2"] = 0
	level := map[string]any{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true}
	return marshal(t, map[string]any{"version": "1.0", "added_tokens": []any{}, "normalizer": nil, "pre_tokenizer": level, "decoder": level, "post_processor": nil,
		"model": map[string]any{"type": "BPE", "vocab": vocab, "merges": []string{"t1 t2"}}})
}

func plan(t *testing.T, src *formats.Source, typ string, opt Options) *Plan {
	t.Helper()
	r, err := RecipeByName(typ)
	if err != nil {
		t.Fatal(err)
	}
	if opt.Pre == "" {
		opt.Pre = "gpt-2"
	}
	p, err := NewPlan(src, r, opt)
	if err != nil {
		t.Fatal(err)
	}
	p.Out = filepath.Join(t.TempDir(), typ+".gguf")
	return p
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Many outputs of one pass equal those of a pass each, for any number of workers and any block size; the plan foretold
// their size.
func TestRunIsDeterministic(t *testing.T) {
	src := madeUp(t, nil)
	types := []string{"Q4_K_M", "Q4_K_S", "Q8_0", "F16", "BF16", "F32", "Q3_K_L"}
	var together []*Plan
	for _, typ := range types {
		together = append(together, plan(t, src, typ, Options{}))
	}
	var last int64
	progress := func(done, total int64) {
		if done <= last || done > total {
			t.Errorf("progress %d after %d of %d", done, last, total)
		}
		last = done
	}
	if err := Run(t.Context(), together, RunOptions{Threads: 5, Progress: progress}); err != nil {
		t.Fatal(err)
	}
	if last != together[0].Read {
		t.Errorf("progress ended at %d of %d", last, together[0].Read)
	}
	for i, typ := range types {
		alone := plan(t, src, typ, Options{})
		if err := Run(t.Context(), []*Plan{alone}, RunOptions{Threads: 1, MaxRAM: 33 << 20}); err != nil {
			t.Fatal(err)
		}
		a, b := read(t, together[i].Out), read(t, alone.Out)
		if !bytes.Equal(a, b) {
			t.Errorf("%s: the number of workers changes the file", typ)
		}
		if int64(len(a)) != alone.FileBytes() {
			t.Errorf("%s: %d bytes, the plan said %d", typ, len(a), alone.FileBytes())
		}
	}
}

// A GGUF file converted again to its own type is copied, keys and tensors.
func TestRunAgainCopies(t *testing.T) {
	first := plan(t, madeUp(t, nil), "Q4_K_M", Options{})
	if err := Run(t.Context(), []*Plan{first}, RunOptions{}); err != nil {
		t.Fatal(err)
	}
	src, err := formats.Open(first.Out)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	again := plan(t, src, "Q4_K_M", Options{})
	for _, s := range again.Steps {
		if !s.Copy {
			t.Errorf("%s is not copied: %s to %s", s.Name, s.Stored, s.Type)
		}
	}
	if err := Run(t.Context(), []*Plan{again}, RunOptions{}); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(read(t, first.Out), read(t, again.Out)) {
		t.Error("the copy differs")
	}
	self := plan(t, src, "Q8_0", Options{})
	self.Out = first.Out
	if err := Run(t.Context(), []*Plan{self}, RunOptions{Force: true}); err == nil {
		t.Error("a file was replaced by what is made from it")
	}
}

func TestRunRefuses(t *testing.T) {
	at := func(x float32) func(string, []float32) {
		return func(name string, w []float32) {
			if name == "model.layers.1.mlp.up_proj.weight" {
				w[3*256+7] = x
			}
		}
	}
	nan, inf := float32(math.NaN()), float32(math.Inf(-1))
	for _, test := range []struct {
		typ  string
		x    float32
		says string
	}{{"F32", nan, "row 3"}, {"Q4_K_M", nan, "row 3"}, {"F16", inf, "row 3"}, {"F16", 65520, "65520"}, {"F16", 65519, ""}, {"BF16", 70000, ""}, {"Q8_0", 1e9, "Q8_0"}} {
		p := plan(t, madeUp(t, at(test.x)), test.typ, Options{})
		err := Run(t.Context(), []*Plan{p}, RunOptions{Threads: 2})
		if test.says == "" {
			if err != nil {
				t.Errorf("%s %v: %v", test.typ, test.x, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), test.says) || !strings.Contains(err.Error(), "up_proj") {
			t.Errorf("%s %v: %v", test.typ, test.x, err)
		}
		empty(t, filepath.Dir(p.Out))
	}
	p := plan(t, madeUp(t, nil), "Q4_0", Options{})
	if err := Run(t.Context(), []*Plan{p}, RunOptions{MaxRAM: 1 << 20}); !errors.Is(err, ErrMemory) {
		t.Errorf("no memory: %v", err)
	}
	if err := Run(t.Context(), []*Plan{p, p}, RunOptions{}); err == nil {
		t.Error("two plans write one file")
	}
}

// Cancelled at any moment, a run leaves nothing behind.
func TestRunCancelled(t *testing.T) {
	src := madeUp(t, nil)
	for stop := range 5 {
		p := plan(t, src, "Q4_0", Options{})
		ctx, cancel := context.WithCancel(t.Context())
		n := 0
		err := Run(ctx, []*Plan{p}, RunOptions{Threads: 2, Progress: func(int64, int64) {
			if n++; n > 3*stop {
				cancel()
			}
		}})
		cancel()
		if !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled after %d blocks: %v", 3*stop, err)
		}
		empty(t, filepath.Dir(p.Out))
	}
}

func empty(t *testing.T, dir string) {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil || len(list) > 0 {
		t.Errorf("%s holds %v, %v", dir, list, err)
	}
}

func TestOptions(t *testing.T) {
	src := madeUp(t, nil)
	types := func(opt Options) map[string]string {
		m := map[string]string{}
		for _, s := range plan(t, src, "Q4_K_S", opt).Steps {
			m[s.Name] = s.Type
		}
		return m
	}
	for _, test := range []struct {
		opt          Options
		tensor, want string
	}{
		{Options{}, "output.weight", "Q6_K"},
		{Options{}, "token_embd.weight", "Q4_K"},
		{Options{}, "blk.0.attn_norm.weight", "F32"},
		{Options{}, "blk.1.attn_v.weight", "Q5_K"},
		{Options{Pure: true}, "blk.1.attn_v.weight", "Q4_K"},
		{Options{Pure: true}, "output.weight", "Q4_K"},
		{Options{OutputTensorType: "q8_0"}, "output.weight", "Q8_0"},
		{Options{OutputTensorType: "q8_0"}, "token_embd.weight", "Q4_K"},
		{Options{TokenEmbeddingType: "F16"}, "token_embd.weight", "F16"},
		{Options{TensorTypes: []string{`attn_v=Q2_K`, `blk\.\D=F16`}}, "blk.1.attn_v.weight", "Q2_K"},
		{Options{TensorTypes: []string{`blk\.1\.=F16`, `attn_v=Q2_K`}}, "blk.1.attn_v.weight", "F16"},
		{Options{TensorTypes: []string{`.*=Q2_K`}}, "blk.1.attn_norm.weight", "F32"},
		{Options{LeaveOutputTensor: true}, "output.weight", "F32"},
	} {
		if got := types(test.opt)[test.tensor]; got != test.want {
			t.Errorf("%+v: %s is %s, want %s", test.opt, test.tensor, got, test.want)
		}
	}
	p := plan(t, src, "Q4_0", Options{TensorTypes: []string{"attn_vv=Q8_0"}, OverrideKV: []string{"general.name=str:a=b:c", "llama.context_length=int:128", "new.key=int:-5", "x.f=float:0.5", "x.b=bool:true"}})
	if len(p.Warnings) != 1 || !strings.Contains(p.Warnings[0], "attn_vv") {
		t.Errorf("warnings %q", p.Warnings)
	}
	for k, want := range map[string]any{"general.name": "a=b:c", "llama.context_length": uint32(128), "new.key": int64(-5), "x.f": float32(0.5), "x.b": true} {
		if got := p.Meta.Value(k); got != want {
			t.Errorf("%s is %v (%T)", k, got, got)
		}
	}
	for _, bad := range []Options{{TensorTypes: []string{"a"}}, {TensorTypes: []string{"(=Q4_0"}}, {TensorTypes: []string{"a=Q9"}}, {OutputTensorType: "Q9"},
		{TokenEmbeddingType: "I32"}, {OverrideKV: []string{"a"}}, {OverrideKV: []string{"a=int:x"}}, {OverrideKV: []string{"a=list:1"}}} {
		if _, err := NewPlan(src, Q4_0, bad); err == nil {
			t.Errorf("%+v passes", bad)
		}
	}
}

func TestFallback(t *testing.T) {
	for _, test := range []struct {
		want      string
		cols      int
		ggml, got string
	}{{"Q4_K", 512, "Q4_K", "Q4_K"}, {"Q4_K", 576, "Q5_0", "Q5_0"}, {"Q5_K", 96, "Q5_1", "Q5_1"}, {"Q6_K", 32, "Q8_0", "Q8_0"}, {"Q2_K", 64, "Q4_0", "IQ4_NL"},
		{"Q3_K", 64, "Q4_0", "IQ4_NL"}, {"Q4_K", 100, "F16", "F16"}, {"Q8_0", 31, "F16", "F16"}} {
		for _, ggml := range []bool{false, true} {
			want := test.got
			if ggml {
				want = test.ggml
			}
			got, why := fit(quantize.ByName(test.want), test.cols, ggml)
			if got.Name != want || (why == "") != (test.want == want) {
				t.Errorf("%s with %d columns, ggml %v: %s (%s), want %s", test.want, test.cols, ggml, got, why, want)
			}
		}
	}
}

func TestPlanPrints(t *testing.T) {
	p := plan(t, madeUp(t, nil), "Q4_K_M", Options{})
	text := p.String()
	for _, want := range []string{"blk.1.ffn_down.weight", "256×512", "permute q", "copied", "bits per weight", "peak memory"} {
		if !strings.Contains(text, want) {
			t.Errorf("the plan does not say %q:\n%s", want, text)
		}
	}
	if b := marshal(t, p); !bytes.Contains(b, []byte(`"bits_per_weight"`)) || !bytes.Contains(b, []byte(`"name":"output.weight"`)) {
		t.Errorf("JSON: %.300s", b)
	}
}

// A plan says what fallbacks cost: rows of 64 in IQ4_NL instead of Q2_K take 4.5 bits instead of 2.625.
func TestFallbackCost(t *testing.T) {
	p := plan(t, open(t, shared(t, "golden", "arch", "mixtral", "hf")), "Q2_K", Options{})
	var cost int64
	for _, s := range p.Steps {
		if s.Fallback == "" && s.Cost != 0 {
			t.Errorf("%s costs %d without a fallback", s.Name, s.Cost)
		}
		if strings.HasPrefix(s.Fallback, "IQ4_NL instead of Q2_K") && s.Cost != s.Bytes*(72-42)/72 {
			t.Errorf("%s of %d bytes costs %d", s.Name, s.Bytes, s.Cost)
		}
		cost += s.Cost
	}
	if text := p.String(); cost == 0 || !strings.Contains(text, ", for "+bytesText(cost)+" more (") {
		t.Errorf("the plan does not say that fallbacks cost %d bytes:\n%s", cost, text)
	}
}

// Options.Strict refuses the first fallback with its tensor, both types and what helps; where nothing falls back it changes nothing.
func TestStrict(t *testing.T) {
	src := open(t, shared(t, "golden", "arch", "mixtral", "hf"))
	_, err := NewPlan(src, Q2_K, Options{Strict: true, Pre: "gpt-2"})
	if !errors.Is(err, formats.ErrUnsupported) || !strings.Contains(err.Error(), "IQ4_NL instead of Q2_K: rows of 64") || formats.Hint(err) == "" {
		t.Errorf("%v (hint %q)", err, formats.Hint(err))
	}
	plan(t, src, "Q8_0", Options{Strict: true})
}

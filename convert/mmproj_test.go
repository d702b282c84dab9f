package convert

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"quern/formats"
	"quern/internal/arch"
	"quern/internal/golden"
)

// A seeing is a tiny model that sees, and the files that the reference converter makes of it, less their tokenizers
// (testdata/mmproj.py).
type seeing struct {
	Name         string
	Config       map[string]any
	Preprocessor map[string]any
	Tensors      map[string][]int
	Files        map[string]struct {
		Keys    [][]json.RawMessage // name, kind, value
		Tensors [][]json.RawMessage // name, type, shape, the first half of SHA-256
	}
}

func seeings(t *testing.T) (list []*seeing) {
	t.Helper()
	text, err := os.ReadFile("testdata/mmproj.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	return list
}

func seeingOf(t *testing.T, name string) *seeing {
	list := seeings(t)
	return list[slices.IndexFunc(list, func(s *seeing) bool { return s.Name == name })]
}

// source is the checkpoint, with tensors under other names if rename says so; "" leaves one out.
func (s *seeing) source(t *testing.T, rename func(string) string) *formats.Source {
	if len(s.Config) == 0 {
		return s.wordless(t)
	}
	files := map[string][]byte{"config.json": marshal(t, s.Config), "tokenizer.json": byteTokenizer(t, 512)}
	if s.Preprocessor != nil {
		files["preprocessor_config.json"] = marshal(t, s.Preprocessor)
	}
	if s.Name == "mistral3" || s.Name == "pixtral" { // the last token ends a row of an image
		files["tokenizer.json"] = []byte(strings.NewReplacer(`"added_tokens":[]`, `"added_tokens":[{"id":511,"content":"[IMG_BREAK]","special":true}]`, `"t511":511,`, ``).
			Replace(string(files["tokenizer.json"])))
	}
	src := &formats.Source{Path: filepath.Join(t.TempDir(), s.Name), Format: &formats.Format{Name: "hf"}, Close: func() error { return nil }}
	src.File = func(name string) ([]byte, error) {
		if f, ok := files[name]; ok {
			return f, nil
		}
		return nil, fs.ErrNotExist
	}
	for name, shape := range s.Tensors {
		w := namedWeights(name, shape)
		if rename != nil {
			name = rename(name)
		}
		if name == "" {
			continue
		}
		x := arch.Floats(name, w)
		x.Shape = shape
		x.Rows = matrix{w, x.Cols()}
		src.Tensors = append(src.Tensors, x)
	}
	slices.SortFunc(src.Tensors, func(a, b *formats.Tensor) int { return cmp.Compare(a.Name, b.Name) })
	return src
}

// namedWeights are those of testdata/mmproj.py.
func namedWeights(name string, shape []int) []float32 {
	w := golden.Hashed(name, shape)
	for i := range w {
		if len(shape) == 1 && strings.Contains(name, "norm") && strings.HasSuffix(name, "weight") {
			w[i]++
		}
		if strings.HasSuffix(name, "running_var") || strings.HasSuffix(name, "cluster_usage") { // how far, or how often, something was
			w[i]++
		}
		if strings.HasSuffix(name, "featurizer.fb") {
			w[i] += 0.5
		}
		if len(shape) == 0 { // the ends of a range
			w[i] += map[bool]float32{true: 1, false: -1}[strings.HasSuffix(name, "_max")]
		}
	}
	return w
}

// made writes one part of a checkpoint and opens it.
func made(t *testing.T, src *formats.Source, typ string, mmproj bool) *formats.Source {
	t.Helper()
	p := plan(t, src, typ, Options{Convert: true, Ggml: true, Mmproj: mmproj})
	if err := Run(t.Context(), []*Plan{p}, RunOptions{Threads: 2}); err != nil {
		t.Fatal(err)
	}
	return open(t, p.Out)
}

func TestSeeingEqualsReference(t *testing.T) {
	compared := 0
	for _, s := range seeings(t) {
		for file, want := range s.Files {
			part, typ, _ := strings.Cut(file, " ")
			compared++
			t.Run(s.Name+" "+file, func(t *testing.T) {
				got := made(t, s.source(t, nil), strings.ToUpper(typ), part == "mmproj")
				silent := s.Name == "cogvlm" || s.Name == "gemma4" || s.Name == "gemma4-hears" // of its activation function
				if silent && got.Meta.Value("clip.use_gelu") != true {
					t.Errorf("nothing tells runtimes of %s's activation function", s.Name)
				}
				if silent {
					got.Meta.Delete("clip.use_gelu") // docs/parity.md
				}
				if (s.Name == "mistral3" || s.Name == "pixtral") && part == "mmproj" {
					sameBreak(t, s, got)
				}
				if s.Name == "qwen3omni" {
					withoutStack(t, got)
				}
				var keys []string
				for _, k := range want.Keys {
					keys = append(keys, unquote(t, k[0]))
					sameValue(t, &got.Meta, k)
				}
				ours := slices.DeleteFunc(got.Meta.Keys(), func(k string) bool { return strings.HasPrefix(k, "tokenizer.") })
				if !slices.Equal(ours, keys) {
					t.Errorf("keys %v, want %v", ours, keys)
				}
				if s.Name == "llama4" && part == "mmproj" {
					for _, x := range got.Tensors { // the reference gives these Gemma 4's name for another norm
						x.Name = strings.Replace(x.Name, ".ln2.", ".attn_post_norm.", 1)
					}
				}
				if strings.HasPrefix(s.Name, "granitespeech") {
					for _, x := range got.Tensors { // the reference gives these Parakeet's name for something else, by which llama.cpp does not find them
						x.Name = strings.Replace(x.Name, ".conv_norm.", ".conv_norm_var.", 1)
					}
				}
				if s.Name == "kimivl" {
					pairsByTurns(t, got, 4)
				}
				if s.Name == "qwen3tts" || strings.HasPrefix(s.Name, "pockettts") {
					saidAlike(t, s, got, want.Tensors)
				}
				if s.Name == "gemma3n" {
					convolvable(t, want.Tensors, s.Files["mmproj f16"].Tensors)
				}
				sameTensors(t, got, softened(t, s, got, want.Tensors))
			})
		}
	}
	if compared < 12 {
		t.Errorf("only %d files were compared", compared)
	}
}

// softened compares the scales with which Gemma 4 hears with log(1+eˣ), and gives them the hashes that they have: the reference's differ in last bits, by machines.
func softened(t *testing.T, s *seeing, got *formats.Source, want [][]json.RawMessage) [][]json.RawMessage {
	for i, x := range got.Tensors {
		if x.Name == "a.position_embd.weight" && !slices.ContainsFunc(slices.Collect(maps.Keys(s.Tensors)), func(n string) bool {
			return strings.HasSuffix(n, ".embed_positions.weight") || n == "audio_embedding.embedding.weight"
		}) {
			sineful(t, x)
			sum := sha256.Sum256(body(t, x))
			want[i][3] = marshal(t, hex.EncodeToString(sum[:8]))
		}
		if strings.Contains(x.Name, ".conv_norm") && batchNormed(t, s, x) {
			sum := sha256.Sum256(body(t, x))
			want[i][3] = marshal(t, hex.EncodeToString(sum[:8]))
		}
		before, ok := strings.CutSuffix(x.Name, ".per_dim_scale.weight")
		if !ok {
			continue
		}
		name := "model.audio_tower.layers." + strings.TrimPrefix(before, "a.blk.") + ".self_attn.per_dim_scale"
		y := make([]float32, x.Cols())
		if err := x.Rows.ReadRows(y, 0); err != nil {
			t.Fatal(err)
		}
		for j, w := range namedWeights(name, s.Tensors[name]) {
			if soft := math.Log1p(math.Exp(float64(w))); math.Abs(float64(y[j])/soft-1) > 1e-7 {
				t.Errorf("%s: number %d is %v, want %v", x.Name, j, y[j], soft)
			}
		}
		sum := sha256.Sum256(body(t, x))
		want[i][3] = marshal(t, hex.EncodeToString(sum[:8]))
	}
	return want
}

// batchNormed compares what norms of batches are folded into with their formula, if that is what it is: the reference's square roots differ in last bits, by machines.
func batchNormed(t *testing.T, s *seeing, x *formats.Tensor) bool {
	layer := strings.Split(x.Name, ".")[2]
	at, parts := "", map[string][]float32{}
	for name := range s.Tensors {
		if norm, ok := strings.CutSuffix(name, "running_var"); ok && strings.Contains(name, ".layers."+layer+".") {
			at = norm
		}
	}
	if at == "" || s.Name == "nemotronomni" { // which has no such norm, or as it is
		return false
	}
	for _, part := range []string{"weight", "bias", "running_mean", "running_var"} {
		parts[part] = namedWeights(at+part, s.Tensors[at+part])
	}
	got := make([]float32, x.Cols())
	if err := x.Rows.ReadRows(got, 0); err != nil {
		t.Fatal(err)
	}
	for i, g := range got {
		want := float64(parts["weight"][i]) / math.Sqrt(float64(parts["running_var"][i])+1e-5)
		if strings.HasSuffix(x.Name, ".bias") {
			want = float64(parts["bias"][i]) - float64(parts["running_mean"][i])*want
		}
		if math.Abs(float64(g)-want) > 3e-7 {
			t.Fatalf("%s: number %d is %v, want %v", x.Name, i, g, want)
		}
	}
	return true
}

// sineful compares embeddings of instants that are computed with what they are made of: the reference's exponentials and sines differ in last bits, by machines.
func sineful(t *testing.T, x *formats.Tensor) {
	n := x.Cols() / 2
	row := make([]float32, 2*n)
	for r := range x.Shape[0] {
		if err := x.Rows.ReadRows(row, r); err != nil {
			t.Fatal(err)
		}
		for i := range n {
			sin, cos := math.Sincos(float64(r) * math.Pow(10000, -float64(i)/float64(n-1)))
			if math.Abs(float64(row[i])-sin) > 3e-4 || math.Abs(float64(row[n+i])-cos) > 3e-4 {
				t.Fatalf("%s: row %d has %v and %v, want %v and %v", x.Name, r, row[i], row[n+i], sin, cos)
			}
		}
	}
}

// convolvable gives the tensors of MobileNetV5 the forms with which runtimes compute: what multiplies channels as an image of one place, and convolutions in F16 where
// they are in BF16; the reference's files are loaded, and the first image aborts (docs/parity.md).
func convolvable(t *testing.T, want, half [][]json.RawMessage) {
	for i, w := range want {
		var shape []int
		if err := json.Unmarshal(w[2], &shape); err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(unquote(t, w[0]), ".layer_scale.gamma") {
			w[2] = marshal(t, []int{1, shape[0], 1, 1})
		}
		if len(shape) == 4 && unquote(t, w[1]) == "BF16" {
			want[i] = half[i]
		}
	}
}

// withoutStack takes from Qwen3-Omni's files what lets runtimes load both (docs/parity.md): the number of layers to which images add, which the reference says is none, and the zeros that
// embeddings of sounds have there.
func withoutStack(t *testing.T, got *formats.Source) {
	const key = "qwen3vlmoe.n_deepstack_layers"
	if got.Meta.Has(key) {
		if got.Meta.Value(key) != uint32(2) {
			t.Errorf("images add to %v layers, not 2", got.Meta.Value(key))
		}
		got.Meta.Set(key, uint32(0))
	}
	for _, x := range got.Tensors {
		if !strings.HasPrefix(x.Name, "mm.a.mlp.2.") {
			continue
		}
		got.Meta.Set("general.size_label", "241K") // without them
		raw := body(t, x)
		whole := len(raw)
		if x.Shape[0] /= 3; slices.ContainsFunc(raw[whole/3:], func(b byte) bool { return b != 0 }) {
			t.Errorf("%s: sounds add something to layers", x.Name)
		}
		x.Raw = bytes.NewReader(raw[:whole/3])
	}
}

// pairsByTurns gives heads of queries and keys the order that the reference leaves them in, though runtimes want the pairs of columns before those of
// rows (docs/parity.md).
func pairsByTurns(t *testing.T, got *formats.Source, heads int) {
	for _, x := range got.Tensors {
		if !strings.Contains(x.Name, ".attn_q.") && !strings.Contains(x.Name, ".attn_k.") {
			continue
		}
		raw := body(t, x)
		unit, size := len(raw)/x.Shape[0], x.Shape[0]/heads
		turned := make([]byte, 0, len(raw))
		for h := range heads {
			for pair := range size / 2 {
				from := h*size + pair/2*2 + pair%2*(size/2)
				turned = append(turned, raw[from*unit:(from+2)*unit]...)
			}
		}
		x.Raw = bytes.NewReader(turned)
	}
}

// sameBreak takes out of a tower's file the embedding of the token that ends a row, which the reference forgets and llama.cpp does not load a
// file without (docs/parity.md).
func sameBreak(t *testing.T, s *seeing, got *formats.Source) {
	const name, in = "v.token_embd.img_break", "language_model.model.embed_tokens.weight"
	x := got.Tensor(name)
	if x == nil || x.Type.Name != "F32" || !slices.Equal(x.Shape, []int{64}) {
		t.Fatalf("no embedding of the token that ends a row: %v", x)
	}
	row := make([]float32, 64)
	if err := x.Rows.ReadRows(row, 0); err != nil || !slices.Equal(row, namedWeights(in, s.Tensors[in])[511*64:]) {
		t.Errorf("another embedding of the token that ends a row: %v", err)
	}
	got.Tensors = slices.DeleteFunc(got.Tensors, func(t *formats.Tensor) bool { return t.Name == name })
}

func unquote(t *testing.T, raw json.RawMessage) (s string) {
	if err := json.Unmarshal(raw, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// goKinds are the kinds of GGUF's values.
var goKinds = map[string]string{"string": "string", "bool": "bool", "uint32": "uint32", "int32": "int32", "float32": "float32",
	"array float32": "[]float32", "array int32": "[]int32", "array bool": "[]bool"}

func sameValue(t *testing.T, meta *formats.Meta, want []json.RawMessage) {
	key, kind := unquote(t, want[0]), unquote(t, want[1])
	v := meta.Value(key)
	if goKinds[kind] == "" || fmt.Sprintf("%T", v) != goKinds[kind] {
		t.Errorf("%s is a %T, want %s", key, v, kind)
		return
	}
	ref := reflect.New(reflect.TypeOf(v))
	if err := json.Unmarshal(want[2], ref.Interface()); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(v, ref.Elem().Interface()) {
		t.Errorf("%s is %v, want %v", key, v, ref.Elem())
	}
}

func sameTensors(t *testing.T, got *formats.Source, want [][]json.RawMessage) {
	if len(got.Tensors) != len(want) {
		t.Fatalf("tensors %v", names(got))
	}
	for i, w := range want {
		var shape []int
		if err := json.Unmarshal(w[2], &shape); err != nil {
			t.Fatal(err)
		}
		x := got.Tensors[i]
		if x.Name != unquote(t, w[0]) || x.Type.Name != unquote(t, w[1]) || !slices.Equal(x.Shape, shape) {
			t.Errorf("tensor %d is %s %s %v, want %s %s %v", i, x.Name, x.Type, x.Shape, w[0], w[1], shape)
		} else if sum := sha256.Sum256(body(t, x)); hex.EncodeToString(sum[:8]) != unquote(t, w[3]) {
			t.Errorf("%s has other bytes", x.Name)
		}
	}
}

// The layouts of LLaVA: that of the authors, and what version 5 of the library stores, give the files of the usual one.
func TestLayoutsOfLlava(t *testing.T) {
	s := seeingOf(t, "llava-next")
	usual := [2]*formats.Source{made(t, s.source(t, nil), "F16", false), made(t, s.source(t, nil), "F16", true)}
	authors := *s
	authors.Config = maps.Clone(s.Config)
	maps.Copy(authors.Config, s.Config["text_config"].(map[string]any))
	delete(authors.Config, "text_config")
	delete(authors.Config, "vision_feature_layer")
	maps.Copy(authors.Config, map[string]any{"architectures": []string{"LlavaMistralForCausalLM"}, "model_type": "llava_mistral", "mm_projector_type": "mlp2x_gelu",
		"mm_vision_select_layer": -2, "mm_vision_select_feature": "patch", "mm_patch_merge_type": "spatial_unpad"})
	authors.Preprocessor = nil // the colours are CLIP's
	for _, l := range []struct {
		s     *seeing
		names []string // pairs of old and new
	}{
		{s, []string{"language_model.model.", "model.language_model.", "language_model.lm_head.", "lm_head.", "vision_tower.vision_model.", "model.vision_tower.",
			"multi_modal_projector.", "model.multi_modal_projector.", "image_newline", "model.image_newline"}},
		{&authors, []string{"language_model.model.", "model.", "language_model.lm_head.", "lm_head.", "vision_tower.", "model.vision_tower.vision_tower.",
			"multi_modal_projector.linear_1", "model.mm_projector.0", "multi_modal_projector.linear_2", "model.mm_projector.2", "image_newline", "model.image_newline"}},
	} {
		for part, want := range usual {
			got := made(t, l.s.source(t, strings.NewReplacer(l.names...).Replace), "F16", part == 1)
			if !slices.Equal(got.Meta.Keys(), want.Meta.Keys()) {
				t.Errorf("keys %v, want %v", got.Meta.Keys(), want.Meta.Keys())
			}
			for _, k := range want.Meta.Keys() {
				if !reflect.DeepEqual(got.Meta.Value(k), want.Meta.Value(k)) {
					t.Errorf("%s is %v, want %v", k, got.Meta.Value(k), want.Meta.Value(k))
				}
			}
			if len(got.Tensors) != len(want.Tensors) {
				t.Fatalf("tensors %v, want %v", names(got), names(want))
			}
			for _, w := range want.Tensors {
				if x := got.Tensor(w.Name); x == nil || x.Type != w.Type || !slices.Equal(body(t, x), body(t, w)) {
					t.Errorf("%s is missing or other", w.Name)
				}
			}
		}
	}
}

// DeepSeek-OCR's successors with the configuration that the library stores give the files of the published one.
func TestLayoutsOfDeepSeekOCR(t *testing.T) {
	for name, class := range map[string]string{"unlimitedocr": "UnlimitedOcrForConditionalGeneration", "deepseekocr2": "DeepseekOcr2ForConditionalGeneration"} {
		s := seeingOf(t, name)
		vision := s.Config["vision_config"].(map[string]any)
		width := vision["width"].(map[string]any)
		first := width["sam_vit_b"].(map[string]any)
		second := map[string]any{"num_key_value_heads": 2, "rms_norm_eps": 1e-6}
		if clip, ok := width["clip-l-14-224"].(map[string]any); ok {
			maps.Copy(second, map[string]any{"hidden_size": clip["width"], "num_hidden_layers": clip["layers"], "num_attention_heads": clip["heads"], "image_size": 224, "patch_size": 14, "layer_norm_eps": 1e-5})
		} else {
			maps.Copy(second, map[string]any{"hidden_size": width["qwen2-0-5b"].(map[string]any)["dim"], "num_hidden_layers": vision["layers"], "num_attention_heads": vision["num_attention_heads"],
				"intermediate_size": vision["intermediate_size"]})
		}
		text := maps.Clone(s.Config["language_config"].(map[string]any))
		delete(text, "first_k_dense_replace")
		text["mlp_layer_types"] = []string{"dense", "sparse"}
		stored := *s
		stored.Config = map[string]any{"architectures": []string{class}, "text_config": text, "vision_config": map[string]any{"encoder_config": second, "sam_config": map[string]any{
			"hidden_size": first["width"], "num_hidden_layers": first["layers"], "num_attention_heads": first["heads"], "downsample_channels": first["downsample_channels"],
			"global_attn_indexes": first["global_attn_indexes"], "image_size": 1024, "layer_norm_eps": 1e-6}}}
		for _, mmproj := range []bool{false, true} {
			want, got := made(t, s.source(t, nil), "F16", mmproj), made(t, stored.source(t, nil), "F16", mmproj)
			for _, k := range want.Meta.Keys() {
				if !reflect.DeepEqual(got.Meta.Value(k), want.Meta.Value(k)) {
					t.Errorf("%s: %s is %v, want %v", name, k, got.Meta.Value(k), want.Meta.Value(k))
				}
			}
			for _, w := range want.Tensors {
				if x := got.Tensor(w.Name); x == nil || x.Type != w.Type || !slices.Equal(body(t, x), body(t, w)) {
					t.Errorf("%s: %s is missing or other", name, w.Name)
				}
			}
		}
	}
}

// What the files of LLaVA's towers hold. The reference has no converter for them: the list is what llama.cpp loads, and what it makes
// of images are transformers' embeddings (docs/parity.md).
func TestLlavaTower(t *testing.T) {
	got := made(t, seeingOf(t, "llava-next").source(t, nil), "F16", true)
	var b strings.Builder
	for _, k := range got.Meta.Keys() {
		fmt.Fprintf(&b, "%s %T %v\n", k, got.Meta.Value(k), got.Meta.Value(k))
	}
	for _, x := range got.Tensors {
		fmt.Fprintf(&b, "%s %s %v\n", x.Name, x.Type, x.Shape)
	}
	want, err := os.ReadFile("testdata/llava-mmproj.txt")
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("%s", b.String())
	}
}

// A tower that is already a GGUF can be stored in another type, with the bytes that it would have had at once.
func TestTowerFromGGUF(t *testing.T) {
	for _, s := range seeings(t) {
		single, want := made(t, s.source(t, nil), "F32", true), made(t, s.source(t, nil), "Q8_0", true)
		got := made(t, single, "Q8_0", false)
		for i, w := range want.Tensors {
			x := got.Tensors[i]
			if w.Name == "mm.input_projection.weight" { // F16 in both
				continue
			}
			if x.Name != w.Name || x.Type != w.Type || !slices.Equal(body(t, x), body(t, w)) {
				t.Errorf("%s: %s %s is not %s %s", s.Name, x.Name, x.Type, w.Name, w.Type)
			}
		}
		if got.Meta.String("general.type") != "mmproj" || got.Meta.String("clip.projector_type") != want.Meta.String("clip.projector_type") {
			t.Errorf("%s: lost its keys: %v", s.Name, got.Meta.Keys())
		}
	}
}

// The language model says what is left out and how to get it; what cannot be converted rightly is refused.
func TestTowersRefuse(t *testing.T) {
	s := seeingOf(t, "llava")
	p := plan(t, s.source(t, nil), "F16", Options{Convert: true})
	if said := strings.Join(p.Warnings, "\n"); !strings.Contains(said, "59 tensors of what stands around the language model (multi_modal_projector.*, vision_tower.*)") ||
		!strings.Contains(said, "--mmproj writes them") || len(p.Dropped) != 59 {
		t.Errorf("said %q, dropped %d", said, len(p.Dropped))
	}
	other := seeingOf(t, "llava")
	other.Config["vision_config"].(map[string]any)["model_type"] = "siglip_vision_model"
	p = plan(t, other.source(t, nil), "F16", Options{Convert: true})
	if said := strings.Join(p.Warnings, "\n"); !strings.Contains(said, "--mmproj would refuse them") || !strings.Contains(said, "the tower is not CLIP's") {
		t.Errorf("said %q", said)
	}
	for _, c := range []struct {
		model string
		set   map[string]any
		drop  string
		want  string
	}{
		{"llava", map[string]any{"vision_feature_layer": -9}, "", "layer -9 of a tower of 3"},
		{"llava", map[string]any{"vision_feature_layer": []int{-1, -2}}, "", "ascending"},
		{"llava", map[string]any{"vision_feature_select_strategy": "full"}, "", "whole image"},
		{"llava", map[string]any{"projector_hidden_act": "relu"}, "", "gelu"},
		{"llava", nil, "vision_tower.", "not in this checkpoint"},
		{"llava", nil, "vision_tower.vision_model.encoder.layers.1.mlp.fc1.weight", "missing"},
		{"llava", map[string]any{"architectures": []string{"LlamaForCausalLM"}}, "", "not a class with a vision tower"},
		{"qwen2.5vl", map[string]any{"vision_config.fullatt_block_indexes": []int{1, 2}}, "", "one in so many"},
		{"qwen2.5vl", map[string]any{"vision_config.fullatt_block_indexes": []int{1}}, "", "one in so many"},
		{"qwen2.5vl", map[string]any{"vision_config.window_size": 56}, "", "112 pixels"},
		{"qwen2vl", map[string]any{"vision_config.temporal_patch_size": 1}, "", "two images deep"},
		{"internvl", map[string]any{"ps_version": "v1"}, "", "another order"},
		{"internvl", map[string]any{"downsample_ratio": 0.4}, "", "no whole side"},
		{"internvl", map[string]any{"vision_config.norm_type": "rms_norm"}, "", "runtimes know otherwise"},
		{"internvl-hf", map[string]any{"vision_config.image_size": []int{56, 28}}, "", "not the size of a square"},
		{"llama4", map[string]any{"vision_config.hidden_act": "silu"}, "", "not gelu"},
		{"pixtral", map[string]any{"vision_feature_select_strategy": "default"}, "", "first patch is left out"},
		{"kimivl", map[string]any{"vision_config.init_pos_emb_width": 32}, "", "no square"},
		{"kimik25", map[string]any{"vision_config.vt_num_attention_heads": 32}, "", "rotated in two halves"},
		{"glm5next", map[string]any{"vision_config.swiglu_limit": 0}, "", "cut nothing off"},
		{"glm5next", map[string]any{"vision_config.hidden_act": "gelu"}, "", "not silu"},
		{"granite4vision", map[string]any{"deepstack_layer_map": []any{[]int{-2, 2}, []int{-1, 1}}}, "", "first layer is given nothing"},
		{"granite4vision", map[string]any{"spatial_target_layers": []int{1, 4, 5, 6}}, "", "layer 1 twice"},
		{"granite4vision", map[string]any{"deepstack_layer_map": []any{[]int{-1, 0}, []int{-2, 1}}}, "", "no ascending order"},
		{"granite4vision", map[string]any{"downsample_rate": "3/8"}, "", "windows are not whole"},
		{"granite4vision", map[string]any{"qformer_config.layer_norm_eps": 1e-6}, "", "another epsilon"},
		{"mimo", map[string]any{"vision_config.use_sink": false}, "", "what is not seen"},
		{"mimo", map[string]any{"vision_config.fullatt_block_indexes": []int{0, 1}}, "", "see the whole image"},
		{"mimo", map[string]any{"audio_config.audio_channels": 4}, "", "takes them to be the same"},
		{"mimo", map[string]any{"audio_tokenizer.encoder_skip_layer_id": 2}, "", "another layer"},
		{"dots3note", map[string]any{"vision_config.adapter_type": "pixel_shuffle_mlp"}, "", "another projector"},
		{"dots3note", map[string]any{"vision_config.pyramid_num_routed": []int{-1, 2}}, "", "experts of 2 layers in a tower of 4"},
		{"dots3note", map[string]any{"audio_config.chunk_seconds": 30}, "", "a minute at once"},
		{"janus", map[string]any{"vision_config.depth": 3}, "", "not two matrices"},
		{"gemma4", map[string]any{"vision_config.num_key_value_heads": 1}, "", "runtimes take it to be 2"},
		{"gemma4", map[string]any{"vision_config.use_clipped_linears": false}, "", "does not say vision_config.use_clipped_linears"},
		{"gemma4-unified", map[string]any{"vision_config.model_patch_size": 48}, "", "3 patches of 4 pixels are joined"},
		{"gemma4-unified", map[string]any{"audio_config.audio_embed_dim": 320}, "", "other frames"},
		{"gemma3n", map[string]any{"vision_config.model_args": map[string]any{"block_args": []any{}}}, "", "built otherwise"},
		{"gemma3n", map[string]any{"vision_config.architecture": "mobilenetv5_base"}, "", "another tower"},
		{"gemma3n", map[string]any{"vision_config.model_args": map[string]any{"channel_multiplier": 0.5}}, "", "shape"},
		{"museglimmer", map[string]any{"vision_config.pos_emb_width": 4}, "", "places of 8×4 patches"},
		{"museglimmer", map[string]any{"vision_config.layer_types": slices.Repeat([]any{"full_attention"}, 6)}, "", "runtimes take it to be window_attention"},
		{"museglimmer", map[string]any{"vision_config.layer_norm_eps": 1e-6}, "", "another epsilon"},
		{"phi4v", map[string]any{"vision_config.patch_size": 14}, "", "16 in preprocessor_config.json"},
		{"phi4v", map[string]any{"vision_config.num_patches": 60}, "", "no square has"},
		{"phi4v", map[string]any{"mm_projector_type": "linear"}, "", "not two matrices"},
		{"deepseekocr", map[string]any{"vision_config.width": map[string]any{"sam_vit_b": map[string]any{"layers": 4, "global_attn_indexes": []int{2, 3}}}}, "", "layers 2, 5, 8 and 11"},
		{"deepseekocr2", map[string]any{"vision_config.image_size": 768}, "", "1024 pixels wide"},
		{"deepseek4v", map[string]any{"vision_max_n_token": 500}, "", "other than 384 embeddings"},
		{"deepseek4v", map[string]any{"vision_n_layers": 0}, "", "this one has no tower"},
		{"step3vl", map[string]any{"understand_projector_stride": 1}, "", "halve rows and columns"},
		{"step3vl", map[string]any{"vision_config.use_cls_token": true}, "", "the whole image"},
		{"step3vl", map[string]any{"vision_config.image_size": 140}, "", "140 in patches of 14"},
		{"step3vl", map[string]any{"vision_config.heads": 16}, "", "rotated in two halves"},
		{"gemma3", map[string]any{"mm_tokens_per_image": 5}, "", "embeddings of an image"},
		{"gemma3", map[string]any{"vision_config.num_attention_heads": 3}, "", "3 heads"},
	} {
		s := seeingOf(t, c.model)
		for k, v := range c.set {
			if in, key, ok := strings.Cut(k, "."); ok {
				s.Config[in].(map[string]any)[key] = v
			} else {
				s.Config[k] = v
			}
		}
		src := s.source(t, func(name string) string {
			if c.drop != "" && strings.HasPrefix(name, c.drop) {
				return ""
			}
			return name
		})
		_, err := NewPlan(src, F16, Options{Convert: true, Mmproj: true})
		var e *formats.Error
		if err == nil || !strings.Contains(err.Error(), c.want) || !errors.As(err, &e) {
			t.Errorf("%s with %v: %v, want %q", c.model, c.set, err, c.want)
		}
	}
}

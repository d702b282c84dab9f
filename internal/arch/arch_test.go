package arch

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"quern/formats"
	"quern/quantize"
)

// checkpoint is a checkpoint in memory: a config.json and tensors of the right shapes, counting up.
type checkpoint struct {
	config  map[string]any
	tensors []*formats.Tensor
}

func (c *checkpoint) source() *formats.Source {
	text, _ := json.Marshal(c.config)
	return &formats.Source{
		Path: "m", Format: &formats.Format{Name: "hf"}, Tensors: c.tensors,
		File: func(name string) ([]byte, error) {
			if name == "config.json" && c.config != nil {
				return text, nil
			}
			if pre, ok := c.config["preprocessor"]; ok && name == "preprocessor_config.json" {
				return json.Marshal(pre)
			}
			if name == "tokenizer.json" { // towers look for a token in it
				return []byte(`{"added_tokens": [{"id": 3, "content": "[IMG_BREAK]"}]}`), nil
			}
			return nil, fs.ErrNotExist
		},
		Close: func() error { return nil },
	}
}

type counting int

func (c counting) ReadRows(dst []float32, row int) error {
	for i := range dst {
		dst[i] = float32(row*int(c) + i)
	}
	return nil
}

// numbers is a tensor whose elements count up.
func numbers(name string, shape ...int) *formats.Tensor {
	t := &formats.Tensor{Name: name, Shape: shape, Type: quantize.ByName("F32")}
	t.Rows = counting(t.Cols())
	v := make([]float32, t.Elems())
	for i := range v {
		v[i] = float32(i)
	}
	t.Raw = Floats("", v).Raw
	return t
}

// tiny is a valid checkpoint of 2 layers, with whatever the configuration changes.
func tiny(change map[string]any) *checkpoint {
	c := &checkpoint{config: map[string]any{
		"architectures": []string{"LlamaForCausalLM"}, "model_type": "llama", "vocab_size": 10, "hidden_size": 8, "intermediate_size": 12,
		"num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1, "rms_norm_eps": 1e-5, "max_position_embeddings": 64,
	}}
	maps.Copy(c.config, change)
	parsed, err := ParseConfig("config.json", must(json.Marshal(c.config)))
	if err != nil {
		panic(err)
	}
	var p Params
	if err := Llama.readConfig(parsed, &Llama.Variants[0], &p); err != nil {
		p = Params{Vocab: 10, Embd: 8, FF: 12, Layers: 2, Heads: 2, KVHeads: 1, HeadDim: 4, RopeDim: 4}
	}
	for i := range Llama.Tensors {
		r := &Llama.Tensors[i]
		if r.Flag != "" && c.config[r.Flag] != true || r.Role == RoleOutput && c.config["tie_word_embeddings"] == true {
			continue
		}
		for _, name := range r.names(r.HF, &p) {
			c.tensors = append(c.tensors, numbers(name, r.Dims(&p)...))
		}
	}
	return c
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Every rule has shapes that mean something, names that occur once, and an operation that undoes itself.
func TestTablesAreTotal(t *testing.T) {
	p := Params{Vocab: 10, Embd: 8, FF: 12, Layers: 2, Heads: 4, KVHeads: 2, HeadDim: 6, RopeDim: 6, RopeFactors: []float32{1, 2, 3},
		ValueDim: 5, Context: 11, Side: 6, SideRows: 7, AltUp: AltUp{Inputs: 4, Laurel: 3},
		Types: 2, Buckets: 8, Vectors: 3, Spectrum: 9, Sound: Sound{Features: 5, Pos: 4, Conv: 4}, Draft: Draft{Reads: []int32{1, 2}, Width: 8, Rows: 6, Kernel: 3, Group: 4, Rank: 5, Markov: 2}, Labels: []string{"a", "b", "c"}, Speech: Speech{Codes: 4, Wide: 3},
		Mix: Mixture{Count: 3, Used: 2, FF: 4, SharedFF: 5, PerGroup: 1, GroupFF: 6}, MLA: Latent{Rescale: true, Q: 7, KV: 9, Nope: 3}, Index: Indexer{Heads: 2, Dim: 8, Top: 4, Pool: 2}, Hyper: Hyper{Streams: 3, Low: 2}, NGrams: NGrams{Layers: []int32{0}, Size: 3, Heads: 2, Kernel: 4, Dim: 2, Rows: 6, Parts: 2}, Pooled: Pooled{Ratios: []int32{4, 128}, Groups: 2, Rank: 3, Hashed: 1, Own: 4}, State: State{Halvings: 1, Conv: 3, Inner: 12, Size: 4, Heads: 4, Groups: 2, Rank: 3, Ranks: Ranks{Decay: 2, Rate: 3, Values: 4, Gate: 5, Mix: 6}}, Sections: []int32{1, 1, 1}}
	for _, a := range All() {
		seen, plain := map[string]*Rule{}, map[string]*Rule{}
		for i := range a.Tensors {
			r := &a.Tensors[i]
			if (seen[r.GGUF+" of "+r.HF] != nil && beside(r, seen[r.GGUF+" of "+r.HF], &p) || plain[r.HF] != nil && r.Do.Join == nil && beside(r, plain[r.HF], &p)) && !r.Optional {
				t.Errorf("%s %s: a name occurs twice", a.Name, r.GGUF)
			}
			if seen[r.GGUF+" of "+r.HF] = r; r.HF != "" && r.Do.Join == nil && !r.Do.Lent {
				plain[r.HF] = r
			}
			layered := func(name string) bool { return strings.Contains(name, "{}") || strings.Contains(name, "{n}") }
			if layered(r.GGUF) != layered(r.HF) && r.HF != "" {
				t.Errorf("%s %s: per layer on one side only", a.Name, r.GGUF)
			}
			for _, d := range r.Dims(&p) {
				if d == 0 {
					t.Errorf("%s %s: shape %q has a letter without a meaning", a.Name, r.GGUF, r.Shape)
				}
			}
			if (r.HF == "") != (r.Do.Make != nil || r.Stead != nil) || (r.Do.Forward == nil || r.Do.OneWay) != (r.Do.Inverse == nil && r.Do.Join == nil) {
				t.Errorf("%s %s: made and found, or one way only", a.Name, r.GGUF)
			}
			if r.Do.Join != nil {
				joinTrip(t, a, r, &p)
			} else if r.Do.Forward != nil && !r.Do.OneWay {
				roundTrip(t, r, &p)
			}
		}
		for _, k := range a.Keys {
			if k.Field == nil && strings.Contains(k.GGUF, "{a}") {
				t.Errorf("%s %s: no field", a.Name, k.GGUF)
			}
		}
		for _, v := range a.Variants {
			for _, b := range v.Bare {
				if !slices.Contains(v.HF, b) {
					t.Errorf("%s: %s is bare but not a class", a.Name, b)
				}
			}
		}
	}
}

// roundTrip undoes a rule's operation, reading rows and bytes, at odd offsets too.
func roundTrip(t *testing.T, r *Rule, p *Params) {
	dims := r.sourceDims(p)
	if strings.Contains(r.HF, "{q,k,v}") {
		dims = append([]int{3}, dims...)
	}
	in := numbers("x", dims...)
	forward := r.Do.Forward(in, p)
	if slices.Equal(floatsOf(t, forward), floatsOf(t, in)) && equal(forward.Shape, in.Shape) && forward.Type == in.Type {
		t.Errorf("%s: %s does nothing", r.GGUF, r.Do.Name)
	}
	same := func(a, b float32) bool {
		return a == b || r.Do.Rounds && math.Abs(float64(a-b)) <= 1e-6*math.Max(1, math.Abs(float64(b)))
	}
	back := r.Do.Inverse(forward, p)
	if r.Do.Near {
		if got := r.Do.Forward(back, p); !slices.Equal(floatsOf(t, got), floatsOf(t, forward)) {
			t.Errorf("%s: %s makes other numbers of what it comes back as", r.GGUF, r.Do.Name)
		}
	} else if got := floatsOf(t, back); !slices.EqualFunc(got, floatsOf(t, in), same) {
		t.Errorf("%s: %s is not undone", r.GGUF, r.Do.Name)
	}
	if forward.Raw == nil {
		return
	}
	raw := bytesOf(t, forward)
	want := bytesOf(t, Floats("", floatsOf(t, forward)))
	if forward.Type == quantize.I32 || forward.Type == quantize.I64 {
		want = want[:0]
		for _, x := range floatsOf(t, forward) {
			if want = binary.LittleEndian.AppendUint32(want, uint32(int32(x))); forward.Type == quantize.I64 {
				want = binary.LittleEndian.AppendUint32(want, uint32(int32(x)>>31))
			}
		}
	}
	if !bytes.Equal(raw, want) {
		t.Errorf("%s: bytes and rows of %s differ", r.GGUF, r.Do.Name)
	}
	for off := 0; off < len(raw); off += 7 {
		part := make([]byte, min(13, len(raw)-off))
		if _, err := forward.Raw.ReadAt(part, int64(off)); err != nil || !bytes.Equal(part, raw[off:off+len(part)]) {
			t.Fatalf("%s: bytes at %d: %v", r.GGUF, off, err)
		}
	}
	if n, err := forward.Raw.ReadAt(make([]byte, 9), int64(len(raw)-4)); n != 4 || err != io.EOF {
		t.Errorf("%s: reading past the end gives %d, %v", r.GGUF, n, err)
	}
}

func floatsOf(t *testing.T, x *formats.Tensor) []float32 {
	v := make([]float32, x.Elems())
	if err := x.Rows.ReadRows(v, 0); err != nil {
		t.Fatal(err)
	}
	return v
}

func bytesOf(t *testing.T, x *formats.Tensor) []byte {
	b := make([]byte, x.Bytes())
	if _, err := x.Raw.ReadAt(b, 0); err != nil {
		t.Fatal(err)
	}
	return b
}

// The permutation of a head of size 6: halves 0 1 2 | 3 4 5 become pairs 0 3 | 1 4 | 2 5.
func TestPermutation(t *testing.T) {
	m := permutation{size: 6}
	var got []int
	for i := range 12 {
		got = append(got, m.from(i))
	}
	if want := []int{0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestBind(t *testing.T) {
	tests := []struct {
		name   string
		change map[string]any
		check  func(b *Bound) string
	}{
		{"defaults", map[string]any{"num_key_value_heads": nil, "hidden_act": "silu"}, func(b *Bound) string {
			p := b.Params
			return fmt.Sprint(p.KVHeads, p.HeadDim, p.RopeBase, p.RopeScale, p.Window, p.Tied, p.Vocab)
		}},
		{"linear", map[string]any{"rope_scaling": map[string]any{"type": "linear", "factor": 4.0}, "rope_theta": 100000}, func(b *Bound) string {
			return fmt.Sprint(b.Params.RopeType, b.Params.RopeScale, b.Params.RopeBase)
		}},
		{"head size of its own", map[string]any{"head_dim": 6}, func(b *Bound) string { return fmt.Sprint(b.Params.HeadDim, b.Params.RopeDim) }},
		{"tied", map[string]any{"tie_word_embeddings": true}, func(b *Bound) string { return fmt.Sprint(b.Params.Tied, len(b.Notes)) }},
		{"biases", map[string]any{"attention_bias": true, "mlp_bias": true}, func(b *Bound) string { return fmt.Sprint(len(b.Tensors)) }},
		{"llama3", map[string]any{"rope_parameters": map[string]any{"rope_type": "llama3", "factor": 8, "rope_theta": 5e5, "original_max_position_embeddings": 64}}, func(b *Bound) string {
			return fmt.Sprint(b.Tensors[0].Name, b.Params.RopeFactors, b.Params.RopeBase)
		}},
		{"mistral", map[string]any{"architectures": []string{"MistralForCausalLM"}, "model_type": "mistral"}, func(b *Bound) string { return fmt.Sprint(b.Params.Window) }},
		{"mistral without window", map[string]any{"architectures": []string{"MistralForCausalLM"}, "model_type": "mistral", "sliding_window": nil}, func(b *Bound) string { return fmt.Sprint(b.Params.Window) }},
		{"llama ignores the window", map[string]any{"sliding_window": 7}, func(b *Bound) string { return fmt.Sprint(b.Params.Window) }},
	}
	want := []string{"2 4 10000 1 0 false 10", "linear4 100000", "6 6", "true 0", "35", "rope_freqs.weight[1 8] 500000", "4096", "0", "0"}
	for i, test := range tests {
		c := tiny(test.change)
		c.tensors = append(c.tensors, numbers("model.layers.0.self_attn.rotary_emb.inv_freq", 2))
		b, err := Bind(c.source())
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if got := test.check(b); got != want[i] {
			t.Errorf("%s: %s, want %s", test.name, got, want[i])
		}
		if len(b.Dropped) != 1 || len(b.Origins) != len(b.Tensors) {
			t.Errorf("%s: dropped %v", test.name, b.Dropped)
		}
	}
}

// What is not understood stops, with the kind of the error and the name of the culprit.
func TestBindRefuses(t *testing.T) {
	unsupported, corrupt := formats.ErrUnsupported, formats.ErrCorrupt
	for _, test := range []struct {
		name   string
		change map[string]any
		kind   error
		says   string
	}{
		{"class", map[string]any{"architectures": []string{"AlbertModel"}}, unsupported, "AlbertModel"},
		{"no class", map[string]any{"architectures": nil}, unsupported, "architectures"},
		{"quantized", map[string]any{"quantization_config": map[string]any{"quant_method": "gptq"}}, unsupported, "gptq"},
		{"scaling", map[string]any{"rope_scaling": map[string]any{"rope_type": "proportional", "factor": 4}}, unsupported, "proportional"},
		{"scaling", map[string]any{"rope_scaling": map[string]any{"type": "proportional", "factor": 4}}, unsupported, "proportional"},
		{"activation", map[string]any{"hidden_act": "gelu"}, unsupported, "hidden_act"},
		{"text for a number", map[string]any{"hidden_size": "8"}, corrupt, "hidden_size"},
		{"a fraction", map[string]any{"num_hidden_layers": 1.5}, corrupt, "num_hidden_layers"},
		{"a huge number", map[string]any{"num_hidden_layers": 1e9}, corrupt, "layers"},
		{"negative", map[string]any{"num_attention_heads": -2}, corrupt, "num_attention_heads"},
		{"missing", map[string]any{"intermediate_size": nil}, corrupt, "feed-forward"},
		{"uneven heads", map[string]any{"num_attention_heads": 4, "num_key_value_heads": 3}, corrupt, "evenly"},
		{"odd head", map[string]any{"head_dim": 5}, corrupt, "odd"},
		{"rope object", map[string]any{"rope_scaling": "linear"}, corrupt, "rope_scaling"},
		{"linear without factor", map[string]any{"rope_scaling": map[string]any{"type": "linear"}}, corrupt, "factor"},
		{"flag", map[string]any{"tie_word_embeddings": "yes"}, corrupt, "tie_word_embeddings"},
		{"window", map[string]any{"model_type": "mistral", "sliding_window": []int{1}}, corrupt, "sliding_window"},
	} {
		_, err := Bind(tiny(test.change).source())
		if !errors.Is(err, test.kind) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

func TestBindRefusesTensors(t *testing.T) {
	for _, test := range []struct {
		name string
		edit func(c *checkpoint)
		says string
	}{
		{"unknown", func(c *checkpoint) {
			c.tensors = append(c.tensors, numbers("model.layers.0.self_attn.q_norm.weight", 4))
		}, "q_norm"},
		{"layer too many", func(c *checkpoint) {
			c.tensors = append(c.tensors, numbers("model.layers.2.input_layernorm.weight", 8))
		}, "layers.2"},
		{"missing", func(c *checkpoint) { c.tensors = slices.Delete(c.tensors, 4, 5) }, "missing"},
		{"shape", func(c *checkpoint) { c.tensors[0] = numbers(c.tensors[0].Name, 11, 8) }, "[11 8]"},
		{"head missing", func(c *checkpoint) { c.tensors = c.tensors[:len(c.tensors)-1] }, "tie_word_embeddings"},
		{"unannounced bias", func(c *checkpoint) { c.tensors = append(c.tensors, numbers("model.layers.0.self_attn.o_proj.bias", 8)) }, "attention_bias"},
	} {
		c := tiny(nil)
		test.edit(c)
		_, err := Bind(c.source())
		if err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	if _, err := Bind((&checkpoint{}).source()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no config.json: %v", err)
	}
}

// A checkpoint's hyper-parameters survive the way through GGUF keys and back.
func TestKeysRoundTrip(t *testing.T) {
	for _, change := range []map[string]any{nil, {"rope_scaling": map[string]any{"type": "linear", "factor": 4.0}}, {"head_dim": 6},
		{"architectures": []string{"MistralForCausalLM"}, "model_type": "mistral"}, {"tie_word_embeddings": true},
		{"rope_scaling": map[string]any{"rope_type": "llama3", "factor": 8, "original_max_position_embeddings": 64}}} {
		b, err := Bind(tiny(change).source())
		if err != nil {
			t.Fatal(err)
		}
		src := &formats.Source{Path: "m.gguf", Format: &formats.Format{Name: "gguf"}, Tensors: b.Tensors}
		src.Meta.Set("general.architecture", b.Arch.Name)
		b.Arch.WriteKeys(&src.Meta, &b.Params, func(key string) { src.Meta.Set(key, uint32(1)) })
		back, err := Bind(src)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := fmt.Sprint(back.Params), fmt.Sprint(b.Params); got != want {
			t.Errorf("%v: %s, was %s", change, got, want)
		}
		if got, want := names(back), names(b); !slices.Equal(got, want) {
			t.Errorf("%v: tensors %v, were %v", change, got, want)
		}
	}
}

func names(b *Bound) (out []string) {
	for _, t := range b.Tensors {
		out = append(out, t.Name)
	}
	return out
}

func TestGGUFRefuses(t *testing.T) {
	b := must(Bind(tiny(nil).source()))
	for key, val := range map[string]any{"general.architecture": "mamba", "llama.block_count": "two", "llama.attention.head_count": []uint32{2, 2},
		"llama.rope.scaling.type": "longrope", "llama.expert_count": uint32(8), "llama.rope.dimension_count": uint32(2), "llama.attention.value_length": uint32(6),
		"llama.attention.layer_norm_rms_epsilon": float32(math.NaN()), "llama.embedding_length": uint64(1 << 40)} {
		src := &formats.Source{Path: "m.gguf", Format: &formats.Format{Name: "gguf"}, Tensors: b.Tensors}
		src.Meta.Set("general.architecture", "llama")
		b.Arch.WriteKeys(&src.Meta, &b.Params, func(string) {})
		src.Meta.Set(key, val)
		if _, err := Bind(src); !errors.Is(err, formats.ErrUnsupported) && !errors.Is(err, formats.ErrCorrupt) {
			t.Errorf("%s = %v: %v", key, val, err)
		}
	}
}

// The factors of Llama 3.2 with heads of 16, as the reference converter prints them.
func TestRopeFactors(t *testing.T) {
	got := llama3{32, 1, 4, 8192}.factors(&Params{RopeBase: 5e5, RopeDim: 16, HeadDim: 16})
	want := []float32{1, 1, 1, 1, 3.2922627925872803, 32, 32, 32}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	for _, test := range []struct {
		base float64
		x    float32
		want float32
	}{{10000, 0.5, 100}, {16, 0.75, 8}, {5e5, 0, 1}, {2, 0.1, 1.0717734625362931}} {
		if got := pow(test.base, test.x); got != test.want {
			t.Errorf("%v^%v = %v, want %v", test.base, test.x, got, test.want)
		}
	}
}

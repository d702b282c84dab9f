package convert

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"quern/formats"
	"quern/quantize"
)

// A peftMade is a PEFT folder of random numbers.
type peftMade struct {
	config  map[string]any
	tensors []*formats.Tensor
	rand    *rand.Rand
}

func newAdapter(config map[string]any) *peftMade {
	c := map[string]any{"peft_type": "LORA", "r": 4, "lora_alpha": 6}
	for k, v := range config {
		c[k] = v
	}
	return &peftMade{config: c, rand: rand.New(rand.NewPCG(1, 2))}
}

// add makes a tensor of the adapter, under the prefix that PEFT gives all names, and returns its numbers.
func (m *peftMade) add(name string, shape ...int) []float32 {
	n := 1
	for _, d := range shape {
		n *= d
	}
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(m.rand.NormFloat64()) * 0.1
	}
	t := &formats.Tensor{Name: "base_model.model." + name, Shape: shape, Type: quantize.F32, Rows: memoryRows{v, shape[len(shape)-1]}}
	m.tensors = append(m.tensors, t)
	return v
}

// linear makes both matrices of a module.
func (m *peftMade) linear(name string, out, in, rank int) (b, a []float32) {
	return m.add(name+".lora_B.weight", out, rank), m.add(name+".lora_A.weight", rank, in)
}

func (m *peftMade) write(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := writeTensors(filepath.Join(dir, "adapter_model.safetensors"), m.tensors); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(m.config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "adapter_config.json"), text, 0o666); err != nil {
		t.Fatal(err)
	}
	return dir
}

func (m *peftMade) open(t *testing.T) *Adapter {
	t.Helper()
	a, err := OpenAdapter(m.write(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

// merged adds adapters to reference data.
func merged(t *testing.T, base *formats.Source, factors []float64, adapters ...*Adapter) *formats.Source {
	t.Helper()
	out, _, err := Merge(base, adapters, factors)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// naive is w + scale·b·a in float64, rounded once.
func naive(w, b, a []float32, out, in, rank int, scale float64) []float64 {
	sum := make([]float64, out*in)
	for i := range out {
		for j := range in {
			s := 0.0
			for k := range rank {
				s += float64(b[i*rank+k]) * float64(a[k*in+j])
			}
			sum[i*in+j] = float64(w[i*in+j]) + float64(scale*s)
		}
	}
	return sum
}

// near says whether numbers are those of the naive sum, but for the rounding of float32 sums of a few products.
func near(got []float32, want []float64) bool {
	if len(got) != len(want) {
		return false
	}
	most := 0.0
	for _, x := range want {
		most = max(most, math.Abs(x))
	}
	for i, x := range want {
		if math.Abs(float64(got[i])-x) > 2e-7*most {
			return false
		}
	}
	return true
}

func narrow(v []float64) []float32 {
	out := make([]float32, len(v))
	for i, x := range v {
		out[i] = float32(x)
	}
	return out
}

func turnedOver(v []float32, rows, cols int) []float32 {
	out := make([]float32, len(v))
	for i := range rows {
		for j := range cols {
			out[j*rows+i] = v[i*cols+j]
		}
	}
	return out
}

const loraBase, qName, kName = "llama", "model.layers.0.self_attn.q_proj", "model.layers.1.self_attn.k_proj"

func weight(t *testing.T, src *formats.Source, name string) []float32 {
	t.Helper()
	return floatRows(t, src.Tensor(name+".weight"))
}

// Plain LoRA, rsLoRA, and patterns of rank and alpha: each matrix is the naive sum, everything else is as it was.
func TestMergeScales(t *testing.T) {
	base := open(t, shared(t, "golden", "arch", loraBase, "hf"))
	for _, c := range []struct {
		name   string
		config map[string]any
		q, k   float64 // scales
		rank   int     // of q
	}{
		{"plain", nil, 6.0 / 4, 6.0 / 4, 4},
		{"rslora", map[string]any{"use_rslora": true}, 6.0 / 2, 6.0 / 2, 4},
		{"patterns", map[string]any{"rank_pattern": map[string]int{"q_proj": 9}, "alpha_pattern": map[string]int{`layers\.\d+\.self_attn\.k_proj`: 10}}, 6.0 / 9, 10.0 / 4, 9},
	} {
		m := newAdapter(c.config)
		qb, qa := m.linear(qName, 256, 256, c.rank)
		kb, ka := m.linear(kName, 128, 256, 4)
		for _, factor := range []float64{1, 0.25} {
			out := merged(t, base, []float64{factor}, m.open(t))
			if !near(weight(t, out, qName), naive(weight(t, base, qName), qb, qa, 256, 256, c.rank, c.q*factor)) ||
				!near(weight(t, out, kName), naive(weight(t, base, kName), kb, ka, 128, 256, 4, c.k*factor)) {
				t.Errorf("%s, times %v: other numbers than the naive sum", c.name, factor)
			}
			for _, x := range base.Tensors {
				if y := out.Tensor(x.Name); x.Name != qName+".weight" && x.Name != kName+".weight" && (y.Raw == nil || !bytes.Equal(body(t, x), body(t, y))) {
					t.Errorf("%s: %s has changed", c.name, x.Name)
				}
			}
		}
	}
}

// Several adapters are added one after the other.
func TestMergeSeveral(t *testing.T) {
	base := open(t, shared(t, "golden", "arch", loraBase, "hf"))
	first, second := newAdapter(nil), newAdapter(map[string]any{"lora_alpha": 20})
	b1, a1 := first.linear(qName, 256, 256, 4)
	second.rand = rand.New(rand.NewPCG(3, 4))
	b2, a2 := second.linear(qName, 256, 256, 4)
	out := merged(t, base, []float64{1, 0.5}, first.open(t), second.open(t))
	want := naive(narrow(naive(weight(t, base, qName), b1, a1, 256, 256, 4, 6.0/4)), b2, a2, 256, 256, 4, 0.5*20/4)
	if !near(weight(t, out, qName), want) {
		t.Error("other numbers than two naive sums")
	}
}

// DoRA gives the weights of each output the length that was trained.
func TestMergeDora(t *testing.T) {
	base := open(t, shared(t, "golden", "arch", loraBase, "hf"))
	m := newAdapter(map[string]any{"use_dora": true})
	b, a := m.linear(qName, 256, 256, 4)
	mag := m.add(qName+".lora_magnitude_vector", 256)
	out := weight(t, merged(t, base, []float64{1}, m.open(t)), qName)
	want := naive(weight(t, base, qName), b, a, 256, 256, 4, 6.0/4)
	for i := range 256 {
		length := 0.0
		for _, x := range want[i*256 : (i+1)*256] {
			length += x * x
		}
		for j := range 256 {
			want[i*256+j] *= float64(mag[i]) / math.Sqrt(length)
		}
	}
	if !near(out, want) {
		t.Error("other numbers than the naive ones")
	}
	if _, _, err := Merge(base, []*Adapter{m.open(t)}, []float64{0.5}); err == nil {
		t.Error("half of a DoRA was added")
	}
}

// Where weights are stored with inputs first the product is turned, and lengths are those of columns.
func TestLowRankTurned(t *testing.T) {
	m := newAdapter(nil)
	w, b, a, mag := m.add("w", 6, 5), m.add("b", 5, 3), m.add("a", 3, 6), m.add("m", 5)
	want := naive(turnedOver(w, 6, 5), b, a, 5, 6, 3, 2)
	for i := range 5 {
		length := 0.0
		for _, x := range want[i*6 : (i+1)*6] {
			length += x * x
		}
		for j := range 6 {
			want[i*6+j] *= float64(mag[i]) / math.Sqrt(length)
		}
	}
	r := &lowRank{base: memoryRows{w, 5}, rows: 6, cols: 5, rank: 3, scale: 2, left: &thin{memory("", []int{3, 6}, a), true},
		right: &thin{memory("", []int{5, 3}, b), true}, magnitude: memory("", []int{1, 5}, mag), perColumn: true}
	for range 2 { // the second time after everything was let go
		got := make([]float32, 30)
		for row := 0; row < 6; row += 2 {
			if err := r.ReadRows(got[row*5:(row+2)*5], row); err != nil {
				t.Fatal(err)
			}
		}
		if !near(turnedOver(got, 6, 5), want) {
			t.Fatal("other numbers than the naive ones")
		}
		if r.held != nil {
			t.Error("the thin matrices are still held")
		}
	}
}

// The numbers do not depend on how many rows are asked for at a time.
func TestLowRankInParts(t *testing.T) {
	m := newAdapter(nil)
	w, b, a := m.add("w", 70, 40), m.add("b", 70, 3), m.add("a", 3, 40)
	r := &lowRank{base: memoryRows{w, 40}, rows: 70, cols: 40, rank: 3, scale: 2, left: &thin{memory("", []int{70, 3}, b), false}, right: &thin{memory("", []int{3, 40}, a), false}}
	whole, parts := make([]float32, 70*40), make([]float32, 70*40)
	if err := r.ReadRows(whole, 0); err != nil {
		t.Fatal(err)
	}
	for row := 0; row < 70; row += 7 {
		if err := r.ReadRows(parts[row*40:(row+7)*40], row); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(whole, parts) || !near(whole, naive(w, b, a, 70, 40, 3, 2)) {
		t.Error("other numbers")
	}
}

// Embeddings, whole tensors, a larger vocabulary and trained tokens.
func TestMergeEmbeddings(t *testing.T) {
	base := open(t, shared(t, "golden", "arch", loraBase, "hf"))
	const embed = "model.embed_tokens"
	m := newAdapter(map[string]any{"modules_to_save": []string{"lm_head"}, "target_modules": []string{"embed_tokens"}})
	head := m.add("lm_head.modules_to_save.weight", 520, 256)
	bigger := m.add(embed+".base_layer.weight", 520, 256)
	b, a := m.add(embed+".lora_embedding_B", 256, 4), m.add(embed+".lora_embedding_A", 4, 520)
	out := merged(t, base, []float64{1}, m.open(t))
	want := naive(turnedOver(bigger, 520, 256), b, a, 256, 520, 4, 6.0/4)
	if !near(turnedOver(weight(t, out, embed), 520, 256), want) || !slices.Equal(weight(t, out, "lm_head"), head) {
		t.Error("other numbers than the naive sum")
	}
	if text, err := out.File("config.json"); err != nil || !bytes.Contains(text, []byte(`"vocab_size": 520`)) {
		t.Errorf("%v, %s", err, text)
	}

	m = newAdapter(map[string]any{"trainable_token_indices": []int{3, 500}})
	rows := m.add(embed+".token_adapter.trainable_tokens_delta", 2, 256)
	got, was := weight(t, merged(t, base, []float64{1}, m.open(t)), embed), weight(t, base, embed)
	copy(was[3*256:], rows[:256])
	copy(was[500*256:], rows[256:])
	if !slices.Equal(got, was) {
		t.Error("not the trained rows alone have changed")
	}
}

// A head that is the embedding becomes one of its own when an adapter changes one of the two; when both change alike it stays.
func TestMergeTied(t *testing.T) {
	base := open(t, shared(t, "golden", "arch", "llama31", "hf"))
	m := newAdapter(nil)
	b, a := m.linear("lm_head", 512, 64, 4)
	out := merged(t, base, []float64{1}, m.open(t))
	embed := weight(t, base, "model.embed_tokens")
	if !near(weight(t, out, "lm_head"), naive(embed, b, a, 512, 64, 4, 6.0/4)) || !slices.Equal(weight(t, out, "model.embed_tokens"), embed) {
		t.Error("not the head alone has changed")
	}
	m = newAdapter(nil)
	v := m.add("lm_head.weight", 512, 64)
	m.tensors = append(m.tensors, &formats.Tensor{Name: "base_model.model.model.embed_tokens.weight", Shape: []int{512, 64}, Type: quantize.F32, Rows: memoryRows{v, 64}})
	if out := merged(t, base, []float64{1}, m.open(t)); out.Tensor("lm_head.weight") != nil || !slices.Equal(weight(t, out, "model.embed_tokens"), v) {
		t.Error("two equal tensors are stored")
	}
}

// What has no place, or contradicts itself, is an error that names it.
func TestMergeRefuses(t *testing.T) {
	base := open(t, shared(t, "golden", "arch", loraBase, "hf"))
	for name, c := range map[string]struct {
		config map[string]any
		make   func(m *peftMade)
		in     string
	}{
		"stranger":      {nil, func(m *peftMade) { m.linear("model.layers.7.self_attn.q_proj", 256, 256, 4) }, "layers.7"},
		"no target":     {map[string]any{"target_modules": []string{"q_proj", "z_proj"}}, func(m *peftMade) { m.linear(qName, 256, 256, 4) }, "z_proj"},
		"not saved":     {map[string]any{"modules_to_save": []string{"lm_head"}}, func(m *peftMade) { m.linear(qName, 256, 256, 4) }, "lm_head"},
		"half":          {nil, func(m *peftMade) { m.add(qName+".lora_A.weight", 4, 256) }, "q_proj"},
		"rank":          {nil, func(m *peftMade) { m.linear(qName, 256, 256, 5) }, "rank"},
		"shape":         {nil, func(m *peftMade) { m.linear(qName, 256, 128, 4) }, "shape"},
		"method":        {map[string]any{"peft_type": "LOHA"}, func(m *peftMade) { m.linear(qName, 256, 256, 4) }, "peft_type"},
		"no magnitudes": {map[string]any{"use_dora": true}, func(m *peftMade) { m.linear(qName, 256, 256, 4) }, "use_dora"},
		"part":          {nil, func(m *peftMade) { m.add(qName+".lora_C.weight", 4, 256) }, "lora_C"},
		"whole":         {nil, func(m *peftMade) { m.add("model.norm.weight", 128) }, "norm"},
		"initial":       {map[string]any{"init_lora_weights": "pissa"}, func(m *peftMade) { m.linear(qName, 256, 256, 4) }, "pissa"},
		"two patterns":  {map[string]any{"alpha_pattern": map[string]int{"q_proj": 1, ".*_proj": 2}}, func(m *peftMade) { m.linear(qName, 256, 256, 4) }, "alpha_pattern"},
		"empty":         {nil, func(*peftMade) {}, "nothing"},
		"activated":     {map[string]any{"alora_invocation_tokens": []int{1}}, func(m *peftMade) { m.linear(qName, 256, 256, 4) }, "alora"},
	} {
		m := newAdapter(c.config)
		c.make(m)
		a, err := OpenAdapter(m.write(t))
		if err == nil {
			_, _, err = Merge(base, []*Adapter{a}, []float64{1})
			a.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.in) {
			t.Errorf("%s: %v", name, err)
		} else if !errors.Is(err, formats.ErrCorrupt) && !errors.Is(err, formats.ErrUnsupported) {
			t.Errorf("%s: %v is of no kind", name, err)
		}
	}
}

// What a model rounds where it uses it has no sum with an adapter that would not be rounded, too.
func TestMergeRefusesWhatIsRounded(t *testing.T) {
	base := *open(t, shared(t, "golden", "arch", loraBase, "hf"))
	text, err := base.File("config.json")
	if err != nil {
		t.Fatal(err)
	}
	base.File = func(string) ([]byte, error) {
		return []byte(strings.Replace(string(text), "{", `{"quantization_config": {"quant_method": "bitnet", "quantization_mode": "online"},`, 1)), nil
	}
	if _, _, err := Merge(&base, nil, nil); err == nil || !strings.Contains(err.Error(), "rounded") {
		t.Errorf("%v", err)
	}
}

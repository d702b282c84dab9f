package arch

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"quern/formats"
)

// joinTrip takes the parts of a source tensor that rules share, and puts them together again.
func joinTrip(t *testing.T, a *Arch, first *Rule, p *Params) {
	in := numbers("x", first.sourceDims(p)...)
	var parts []*formats.Tensor
	for i := range a.Tensors {
		r := &a.Tensors[i]
		if r.HF != first.HF || !beside(r, first, p) {
			continue
		}
		part := r.Do.Forward(in, p)
		if !equal(part.Shape, r.Dims(p)) {
			t.Errorf("%s: %s makes %v, not %v", r.GGUF, r.Do.Name, part.Shape, r.Dims(p))
		}
		if part.Raw != nil && !bytes.Equal(bytesOf(t, part), bytesOf(t, Floats("", floatsOf(t, part)))) {
			t.Errorf("%s: bytes and rows of %s differ", r.GGUF, r.Do.Name)
		}
		parts = append(parts, part)
	}
	whole := first.Do.Join(parts, p)
	if !equal(whole.Shape, in.Shape) || !slices.Equal(floatsOf(t, whole), floatsOf(t, in)) {
		t.Errorf("%s: %s is not undone", first.GGUF, first.Do.Name)
	}
}

// beside says that a model may have both of two tensors: of those with experts, of those without, and of those with states in some layers.
func beside(r, other *Rule, p *Params) bool {
	plain := *p
	plain.Mix = Mixture{}
	mixed := *p
	mixed.MLA.Q, mixed.State.In, mixed.HeadsIn, mixed.KVHeadsIn = 0, []bool{true, false}, []int32{0, int32(p.Heads)}, []int32{0, int32(p.KVHeads)}
	told := false
	for _, q := range []*Params{p, &plain, &mixed} {
		for l := range q.Layers {
			has, too := r.When == nil || r.When(q, l), other.When == nil || other.When(q, l)
			if has && too {
				return true
			}
			told = told || has || too
		}
	}
	return !told
}

// tinyMixture is a Mixtral of 2 layers and 3 experts, in one of its layouts.
func tinyMixture(fusedLayout bool) *checkpoint {
	c := tiny(nil)
	maps.Copy(c.config, map[string]any{"architectures": []string{"MixtralForCausalLM"}, "model_type": "mixtral", "num_local_experts": 3})
	parsed, err := ParseConfig("config.json", must(json.Marshal(c.config)))
	if err != nil {
		panic(err)
	}
	var p Params
	if err := Llama.readConfig(parsed, &mixtralVariant, &p); err != nil {
		panic(err)
	}
	c.tensors = nil
	have := map[string]bool{}
	for i := range Llama.Tensors {
		r := &Llama.Tensors[i]
		if r.Flag != "" || mixture(r) && fusedLayout != (strings.Contains(r.HF, ".mlp.")) {
			continue
		}
		for _, name := range r.names(r.HF, &p) {
			for e, part := range r.parts(name, &p) {
				if !have[part] {
					c.tensors = append(c.tensors, shifted(numbers(part, r.sourceDims(&p)...), float32(e)/4))
				}
				have[part] = true
			}
		}
	}
	return c
}

func mixture(r *Rule) bool { return slices.Contains(strings.Fields(r.Shape), "X") }

// shifted is a tensor with something added, so that experts differ.
func shifted(t *formats.Tensor, x float32) *formats.Tensor {
	v := make([]float32, t.Elems())
	for i := range v {
		v[i] = float32(i) + x
	}
	t.Raw = Floats("", v).Raw
	t.Rows = flat{v, t.Cols()}
	return t
}

type flat struct {
	v    []float32
	cols int
}

func (f flat) ReadRows(dst []float32, row int) error { copy(dst, f.v[row*f.cols:]); return nil }

func find(b *Bound, name string) *formats.Tensor {
	for _, t := range b.Tensors {
		if t.Name == name {
			return t
		}
	}
	return nil
}

// The experts of a layer become one tensor, in any order of the source, read by rows and by bytes; both layouts do.
func TestExpertsAreStacked(t *testing.T) {
	for _, fusedLayout := range []bool{false, true} {
		b, err := Bind(tinyMixture(fusedLayout).source())
		if err != nil {
			t.Fatal(err)
		}
		gate := find(b, "blk.1.ffn_gate_exps.weight")
		if gate == nil || !slices.Equal(gate.Shape, []int{3, 12, 8}) {
			t.Fatalf("%+v", gate)
		}
		got := floatsOf(t, gate)
		for e := range 3 {
			want := float32(e) / 4 // the first number of expert e's gate
			if fusedLayout {
				want = float32(e * 2 * 12 * 8)
			}
			if got[e*12*8] != want {
				t.Errorf("expert %d begins with %v, want %v", e, got[e*12*8], want)
			}
		}
		raw := bytesOf(t, gate)
		if !bytes.Equal(raw, bytesOf(t, Floats("", got))) {
			t.Error("bytes and rows differ")
		}
		for off := 0; off < len(raw); off += 97 {
			p := make([]byte, 150)
			n, err := gate.Raw.ReadAt(p, int64(off))
			if !bytes.Equal(p[:n], raw[off:min(len(raw), off+150)]) || (err == io.EOF) != (n < 150) {
				t.Fatalf("%d bytes at %d: %v", n, off, err)
			}
		}
	}
}

// What is missing, doubled or beside the point in a mixture is an error that names it.
func TestExpertsRefuse(t *testing.T) {
	without := func(name string) *checkpoint {
		c := tinyMixture(false)
		c.tensors = slices.DeleteFunc(c.tensors, func(t *formats.Tensor) bool { return strings.HasSuffix(t.Name, name) })
		return c
	}
	change := func(key string, v any) *checkpoint {
		c := tinyMixture(false)
		c.config[key] = v
		return c
	}
	both := tinyMixture(false)
	for _, x := range tinyMixture(true).tensors {
		if strings.Contains(x.Name, ".mlp.experts") {
			both.tensors = append(both.tensors, x)
		}
	}
	for name, c := range map[string]struct {
		c    *checkpoint
		says string
	}{
		"one expert":   {without("layers.1.block_sparse_moe.experts.2.w2.weight"), "layers.1.block_sparse_moe.experts.2.w2.weight\": missing (1 "},
		"all experts":  {without(".w2.weight"), "layers.0.block_sparse_moe.experts.0.w2.weight\": missing (6 "},
		"the router":   {without("1.block_sparse_moe.gate.weight"), "layers.1.block_sparse_moe.gate.weight\": missing (1 "},
		"both layouts": {both, "two layouts"},
		"more experts": {change("num_local_experts", 2), "has shape [3 8]"},
		"no experts":   {change("num_local_experts", 0), "no rule"},
		"too many":     {change("num_local_experts", 1025), "1024"},
		"used":         {change("num_experts_per_tok", 4), "4 of 3 experts"},
	} {
		if _, err := Bind(c.c.source()); err == nil || !strings.Contains(fmt.Sprint(err), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}

// A GGUF of the first mixtures has a tensor for each expert.
func TestOldExperts(t *testing.T) {
	b, err := Bind(tinyMixture(false).source())
	if err != nil {
		t.Fatal(err)
	}
	src := &formats.Source{Path: "old.gguf", Format: &formats.Format{Name: "gguf"}}
	src.Meta.Set("general.architecture", "llama")
	Llama.WriteKeys(&src.Meta, &b.Params, func(string) {})
	want := map[string][]float32{}
	for i, x := range b.Tensors {
		want[x.Name] = floatsOf(t, x)
		if len(x.Shape) < 3 {
			src.Tensors = append(src.Tensors, x)
			continue
		}
		each := want[x.Name]
		for e := range x.Shape[0] {
			n := len(each) / x.Shape[0]
			v := flat{each[e*n:][:n], x.Cols()}
			src.Tensors = append(src.Tensors, &formats.Tensor{Shape: x.Shape[1:], Type: x.Type, Rows: v, Raw: Floats("", v.v).Raw,
				Name: strings.Replace(layerName(b.Origins[i].Rule.Old, b.Origins[i].Layer), "{e}", fmt.Sprint(e), 1)})
		}
	}
	old, err := Bind(src)
	if err != nil {
		t.Fatal(err)
	}
	if len(old.Tensors) != len(b.Tensors) {
		t.Errorf("%d tensors, want %d", len(old.Tensors), len(b.Tensors))
	}
	for _, x := range old.Tensors {
		if !slices.Equal(floatsOf(t, x), want[x.Name]) {
			t.Errorf("%s has other numbers", x.Name)
		}
	}
}

// Files tell how many of the first layers have no experts: a list that says anything else is refused, whatever first_k_dense_replace says.
func TestDenseLayersAreFirst(t *testing.T) {
	for _, c := range []struct {
		list  any
		dense int // -1: refused
	}{
		{nil, 1}, {[]string{"dense", "dense", "sparse", "sparse", "sparse"}, 2}, {[]string{"sparse", "sparse", "sparse", "sparse", "sparse"}, 0},
		{[]string{"dense", "sparse", "dense", "sparse", "sparse"}, -1}, {[]string{"dense", "sparse"}, -1}, {[]string{"dense", "odd", "sparse", "sparse", "sparse"}, -1}, {"dense", -1},
	} {
		var config map[string]any
		if err := json.Unmarshal(tinyFamilies(t)["exaone_moe"], &config); err != nil {
			t.Fatal(err)
		}
		config["mlp_layer_types"] = c.list
		parsed := must(ParseConfig("config.json", must(json.Marshal(config))))
		var p Params
		if err := ExaoneMoe.readConfig(parsed, &ExaoneMoe.Variants[0], &p); (err != nil) != (c.dense < 0) || err == nil && p.Mix.Dense != c.dense {
			t.Errorf("%v: %d dense layers, %v", c.list, p.Mix.Dense, err)
		}
	}
}

// A key that a file tells for each layer is read where it is the same for all.
func TestKeyOfEveryLayer(t *testing.T) {
	for _, c := range []struct {
		list []int32
		ok   bool
	}{{[]int32{2, 2}, true}, {[]int32{2, 1}, false}, {[]int32{}, false}, {[]int32{-1, -1}, false}} {
		b, err := Bind(tinyOf(t, tinyFamilies(t)["granitemoehybrid, dense"], true).source())
		if err != nil {
			t.Fatal(err)
		}
		file := &formats.Source{Path: "m.gguf", Format: &formats.Format{Name: "gguf"}, Tensors: b.Tensors}
		file.Meta.Set("general.architecture", b.Arch.Name)
		b.Arch.WriteKeys(&file.Meta, &b.Params, func(string) {})
		file.Meta.Set("granite.attention.head_count_kv", c.list)
		if got, err := Bind(file); (err == nil) != c.ok || c.ok && got.Params.KVHeads != 2 {
			t.Errorf("%v: %v", c.list, err)
		}
	}
}

// What makes Granite 4 another model than Granite 3 is refused, and what layers that keep a state make of it is another family.
func TestGranite4IsPlain(t *testing.T) {
	for key, v := range map[string]any{
		"num_local_experts": 4, "position_embedding_type": nil, "model_type": "granitemoehybrid",
	} {
		var config map[string]any
		if err := json.Unmarshal(tinyFamilies(t)["granitemoehybrid, dense"], &config); err != nil {
			t.Fatal(err)
		}
		config[key] = v
		var p Params
		err := Granite.readConfig(must(ParseConfig("config.json", must(json.Marshal(config)))), &Granite.Variants[1], &p)
		if (err == nil) != (key == "model_type") || err == nil && p.FF != 96 {
			t.Errorf("%s %v: width %d, %v", key, v, p.FF, err)
		}
	}
}

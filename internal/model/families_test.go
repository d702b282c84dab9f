package model

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quern/formats"
	"quern/internal/arch"
	"quern/internal/golden"
)

// A family is a tiny model whose weights follow from the names of its tensors, and some logits that transformers computed with
// these weights in float32.
type family struct {
	Name        string
	Fused       bool // experts are stored in two tensors for a layer
	Length      int  // of what the logits belong to; 0: 40 tokens
	Config      json.RawMessage
	Spread      float64   // of all logits
	First, Last []float64 // the first of the second position and of the last
	Classes     []float64 // of an encoder that sorts texts; its logits are states
}

func families(t testing.TB) (list []family) {
	files, _ := filepath.Glob("testdata/families*.json")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var more []family
		if err := json.Unmarshal(text, &more); err != nil {
			t.Fatal(file, err)
		}
		list = append(list, more...)
	}
	return list
}

// familyTokens are what those logits belong to.
func familyTokens() (tokens []int32) { return tokensOf(40) }

func tokensOf(n int) (tokens []int32) {
	for i := range int32(n) {
		tokens = append(tokens, (7*i*i+3*i+5)%96)
	}
	return tokens
}

// source makes the checkpoint.
func (f *family) source(t testing.TB) *formats.Source {
	t.Helper()
	c, err := arch.ParseConfig("config.json", f.Config)
	if err != nil {
		t.Fatal(err)
	}
	src := &formats.Source{Path: f.Name, Format: &formats.Format{Name: "hf"}, Close: func() error { return nil }}
	src.File = func(name string) ([]byte, error) {
		if name == "config.json" {
			return f.Config, nil
		}
		return nil, fs.ErrNotExist
	}
	if src.Tensors, err = arch.Expected(c, f.Fused); err != nil {
		t.Fatal(err)
	}
	for _, x := range src.Tensors {
		v := named(x.Name, x.Shape)
		raw := arch.Floats(x.Name, v)
		x.Type, x.Rows, x.Raw = raw.Type, memory{v, x.Cols()}, raw.Raw
	}
	return src
}

// named is the weights of a tensor, evenly distributed around zero, or around one for a norm or what a layer's outputs are multiplied by.
func named(name string, shape []int) []float32 {
	v := golden.Hashed(name, shape)
	for i, u := range v {
		switch {
		case strings.HasSuffix(name, "tid2eid"): // of four experts
			v[i] = float32(math.Floor(float64((u + 0.5) * 4)))
		case len(shape) > 1:
			v[i] = u * 0.375
		case strings.Contains(strings.ToLower(name), "norm"), strings.Contains(name, "layer_scalar"):
			v[i] = 1 + float32(u*0.5)
		default:
			v[i] = u * 0.5
		}
	}
	return v
}

func bindFamily(t testing.TB, f *family) *arch.Bound {
	t.Helper()
	b, err := arch.Bind(f.source(t))
	if err != nil {
		t.Fatalf("%s: %v", f.Name, err)
	}
	return b
}

func TestFamiliesEqualTransformers(t *testing.T) {
	for _, f := range families(t) {
		tokens := tokensOf(cmp.Or(f.Length, 40))
		m, err := Of(bindFamily(t, &f))
		if err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		got, _ := logits(t, m, [][]int32{tokens}, nil, Options{})
		worst, wide := 0.0, m.params.Vocab
		if m.Encoder() {
			wide = m.params.Embd
		}
		for at, want := range map[int][]float64{1: f.First, len(got)/wide - 1: f.Last} {
			for i, w := range want {
				worst = max(worst, math.Abs(float64(got[at*wide+i])-w)/f.Spread)
			}
		}
		if m.Classifies() != (f.Classes != nil) {
			t.Errorf("%s: it has an output for classes: %v", f.Name, m.Classifies())
		} else if m.Classifies() {
			classes, err := m.Classify(&States{H: got}, Options{})
			if err != nil || len(classes) != len(f.Classes) {
				t.Fatalf("%s: %d classes, %v", f.Name, len(classes), err)
			}
			for i, w := range f.Classes {
				worst = max(worst, math.Abs(float64(classes[i])-w)/f.Spread)
			}
		}
		t.Logf("%s: %.1e of the spread", f.Name, worst)
		if !(worst < 2e-5) || len(f.Last) < 8 {
			t.Errorf("%s: differs by %.2g of the spread", f.Name, worst)
		}
	}
}

// The same bits come out for any number of threads, size of batch and limit of memory, in both modes; and every way of holding weights
// is gone through.
func TestFamiliesAreDeterministic(t *testing.T) {
	seqs := [][]int32{familyTokens(), familyTokens()[5:22], {3}, {}, familyTokens()[9:]}
	for _, f := range families(t) {
		m, err := Of(bindFamily(t, &f))
		if err != nil {
			t.Fatal(err)
		}
		for _, mode := range []Mode{Exact, Deploy} {
			want, _ := logits(t, m, seqs, nil, Options{Mode: mode, Threads: 1})
			held := map[int]bool{}
			for _, opt := range []Options{{Threads: 3}, {Batch: 20}, {MaxRAM: 4 << 20}, {MaxRAM: 5 << 20}, {MaxRAM: 6 << 20}, {MaxRAM: 9 << 20}, {MaxRAM: 10 << 20}, {MaxRAM: 1 << 30}} {
				if opt.Mode = mode; opt.Threads == 0 {
					opt.Threads = 1
				}
				b, err := m.budget(longest(seqs), opt, opt.Threads)
				if err != nil {
					continue
				}
				held[b.ahead] = true
				got, _ := logits(t, m, seqs, nil, opt)
				if !bytes.Equal(bitsOf(got), bitsOf(want)) {
					t.Errorf("%s, mode %v: %+v gives other logits", f.Name, mode, opt)
				}
			}
			if deep := m.params.Layers > 8; !held[2] || !deep && !held[0] && !held[1] { // many layers are never too many
				t.Errorf("%s: layers were held in these ways only: %v", f.Name, held)
			}
		}
	}
}

func bitsOf(x []float32) []byte {
	var b bytes.Buffer
	for _, v := range x {
		u := math.Float32bits(v)
		b.Write([]byte{byte(u), byte(u >> 8), byte(u >> 16), byte(u >> 24)})
	}
	return b.Bytes()
}

// What the observer is shown of experts are the rows that they were chosen for: as many as there are tokens times choices.
func TestObserverSeesExperts(t *testing.T) {
	for _, f := range families(t) {
		m, err := Of(bindFamily(t, &f))
		if err != nil {
			t.Fatal(err)
		}
		mix := &m.params.Mix
		if mix.Count < 2 {
			continue
		}
		rows, experts := map[arch.Role]int{}, map[int]bool{}
		opt := Options{Threads: 2, Batch: 16, ObserveExpert: func(layer int, role arch.Role, expert int, x []float32, n, k int) {
			if layer == m.params.Layers-1 {
				rows[role] += n
				if role == arch.RoleDownExps {
					experts[expert] = true
				}
			}
			if len(x) != n*k {
				t.Errorf("%d numbers for %d rows of %d", len(x), n, k)
			}
		}}
		if _, err := m.States(context.Background(), [][]int32{familyTokens()}, nil, opt); err != nil {
			t.Fatal(err)
		}
		for _, role := range []arch.Role{arch.RoleGateExps, arch.RoleUpExps, arch.RoleDownExps} {
			if used := m.layers[m.params.Layers-1].mix.used; rows[role] != 40*used && !(role == arch.RoleGateExps && m.layers[0].ungated) {
				t.Errorf("%s: role %d is shown %d rows, want %d", f.Name, role, rows[role], 40*used)
			}
		}
		if len(experts) < mix.Count/2 {
			t.Errorf("%s: only %d experts were chosen", f.Name, len(experts))
		}
		if heads := rows[arch.RoleKB]; m.params.MLA.KV > 0 && heads != 40*m.params.Heads {
			t.Errorf("%s: heads are shown %d rows", f.Name, heads)
		}
	}
}

// A checkpoint and the GGUF that is made of it are the same model to the last bit.
func TestFamiliesSurviveConversion(t *testing.T) {
	for _, f := range families(t) {
		b := bindFamily(t, &f)
		file := &formats.Source{Path: "m.gguf", Format: &formats.Format{Name: "gguf"}, Tensors: b.Tensors}
		file.Meta.Set("general.architecture", b.Arch.Name)
		b.Arch.WriteKeys(&file.Meta, &b.Params, func(string) {})
		again, err := arch.Bind(file)
		if err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		var got [2][]float32
		for i, bound := range []*arch.Bound{b, again} {
			m, err := Of(bound)
			if err != nil {
				t.Fatal(err)
			}
			got[i], _ = logits(t, m, [][]int32{familyTokens()}, nil, Options{})
		}
		if !bytes.Equal(bitsOf(got[0]), bitsOf(got[1])) {
			t.Errorf("%s: the GGUF gives other logits", f.Name)
		}
	}
}

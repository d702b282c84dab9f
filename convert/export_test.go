package convert

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"quern/formats"
	"quern/quantize"
)

// exported writes the folder of a GGUF and opens it.
func exported(t *testing.T, gguf *formats.Source, float string) *formats.Source {
	t.Helper()
	p, err := NewExport(gguf, float, nil)
	if err != nil {
		t.Fatal(err)
	}
	p.Out = filepath.Join(t.TempDir(), "hf")
	if err := p.Run(t.Context(), RunOptions{Threads: 2}); err != nil {
		t.Fatal(err)
	}
	return open(t, p.Out)
}

// Every folder of reference data comes back from its GGUF: bit for bit in BF16, as it is stored, whatever type the file between has; and
// from the folder that came back the same GGUF is made again.
func TestExportThereAndBack(t *testing.T) {
	dirs, err := filepath.Glob(filepath.Join(shared(t, "golden", "arch"), "*", "hf"))
	if err != nil {
		t.Fatal(err)
	}
	done := 0
	for _, dir := range dirs {
		name := filepath.Base(filepath.Dir(dir))
		t.Run(name, func(t *testing.T) {
			in := open(t, dir)
			if _, err := NewPlan(in, Auto, Options{Convert: true}); errors.Is(err, formats.ErrUnsupported) {
				t.Skip(err)
			}
			done++
			gguf := converted(t, dir, "F32")
			sameWeights(t, exported(t, gguf, "BF16"), in)
			wide := exported(t, gguf, "")
			for _, x := range wide.Tensors {
				if x.Type != quantize.F32 {
					t.Errorf("%s came back as %s from a file of F32", x.Name, x.Type)
				}
			}
			again := converted(t, wide.Path, "F32")
			for i, x := range gguf.Tensors {
				if y := again.Tensors[i]; x.Name != y.Name || !bytes.Equal(body(t, x), body(t, y)) {
					t.Errorf("%s is not %s of the second file", x.Name, y.Name)
				}
			}
			for _, k := range gguf.Meta.Keys() {
				if x, y := gguf.Meta.Value(k), again.Meta.Value(k); !equalValues(x, y) && !slices.Contains(ofNames, k) {
					t.Errorf("%s is %.80v, and %.80v the second time", k, x, y)
				}
			}
		})
	}
	if done < 12 {
		t.Errorf("%d folders came back", done)
	}
}

// ofNames are keys made of the folder's name.
var ofNames = []string{"general.name", "general.basename", "general.size_label"}

func equalValues(a, b any) bool {
	x, err := jsonFile(a)
	y, err2 := jsonFile(b)
	return err == nil && err2 == nil && bytes.Equal(x, y)
}

// sameWeights compares names, shapes and stored bytes; of what is F32 in one, values.
func sameWeights(t *testing.T, got, want *formats.Source) {
	t.Helper()
	if len(got.Tensors) != len(want.Tensors) {
		t.Errorf("%d tensors, want %d", len(got.Tensors), len(want.Tensors))
	}
	for _, w := range want.Tensors {
		g := got.Tensor(w.Name)
		if g == nil || !slices.Equal(g.Shape, w.Shape) {
			t.Errorf("%s came back as %+v", w.Name, g)
		} else if g.Type == w.Type && !bytes.Equal(body(t, g), body(t, w)) || !slices.Equal(floatRows(t, g), floatRows(t, w)) {
			t.Errorf("%s has other numbers", w.Name)
		}
	}
}

func floatRows(t *testing.T, x *formats.Tensor) []float32 {
	t.Helper()
	out := make([]float32, x.Elems())
	if err := x.Rows.ReadRows(out, 0); err != nil {
		t.Fatal(err)
	}
	return out
}

// Quantized weights are decoded; the folder says what type its weights have.
func TestExportDecodes(t *testing.T) {
	gguf := converted(t, shared(t, "golden", "arch", "qwen2", "hf"), "Q8_0")
	hf := exported(t, gguf, "")
	q := gguf.Tensor("blk.0.ffn_up.weight")
	w := hf.Tensor("model.layers.0.mlp.up_proj.weight")
	if q.Type.Name != "Q8_0" || w.Type != quantize.BF16 {
		t.Fatalf("%s became %s", q.Type, w.Type)
	}
	round := quantize.RoundTo(quantize.BF16)
	want := floatRows(t, q)
	round(want)
	if !slices.Equal(floatRows(t, w), want) {
		t.Error("other numbers than the blocks hold")
	}
	config, err := os.ReadFile(filepath.Join(hf.Path, "config.json"))
	if err != nil || !bytes.Contains(config, []byte(`"torch_dtype": "bfloat16"`)) {
		t.Errorf("%v, %s", err, config)
	}
}

// What cannot be rebuilt is refused.
func TestExportRefuses(t *testing.T) {
	dir := shared(t, "golden", "arch", "qwen2", "hf")
	if _, err := NewExport(open(t, dir), "", nil); !errors.Is(err, formats.ErrUnsupported) {
		t.Errorf("a folder: %v", err)
	}
	gguf := converted(t, dir, "F32")
	gguf.Meta.Set("tokenizer.ggml.pre", "default")
	if _, err := NewExport(gguf, "", nil); err == nil {
		t.Error("a tokenizer whose splitting has no form in a tokenizer.json was written")
	}
	p, err := NewExport(gguf, "", formats.Folder(dir))
	if err != nil {
		t.Fatal(err)
	}
	own, _ := os.ReadFile(filepath.Join(dir, "tokenizer.json"))
	if text, err := p.src.File("tokenizer.json"); err != nil || !bytes.Equal(text, own) {
		t.Error("the named folder's tokenizer was not taken", err)
	}
}

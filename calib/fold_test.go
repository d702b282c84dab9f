package calib

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"quern/internal/model"
	"quern/quantize"
)

func foldRunOf(s *Subject, j *Journal) *FoldRun {
	return &FoldRun{Matrices: linears(s), Journal: j, Near: func() *quantize.Nearest {
		return &quantize.Nearest{Grid: quantize.Grid{Bits: 3, Group: 32}, Round: quantize.RoundTo(quantize.F16), Plain: true}
	}}
}

// logitsOf are those of a model for tokens.
func logitsOf(t *testing.T, m *model.Model, tokens []int32) []float32 {
	t.Helper()
	st, err := m.States(t.Context(), [][]int32{tokens}, nil, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if m.Encoder() { // what it makes of a text are its states
		return st.H
	}
	out := make([]float32, len(st.Pos)*m.Params().Vocab)
	if err := m.Logits(out, st, 0, len(st.Pos), model.Options{}); err != nil {
		t.Fatal(err)
	}
	return out
}

// farthest is the largest difference, as a part of the largest number.
func farthest(a, b []float32) float64 {
	most, top := 0.0, 0.0
	for i := range a {
		most, top = max(most, math.Abs(float64(a[i]-b[i]))), max(top, math.Abs(float64(a[i])))
	}
	return most / top
}

// uneven is a subject some of whose inputs are much larger than others, as those of trained models are. With floats all tensors are held as F32, so that
// factors round nothing.
func uneven(t *testing.T, s *Subject, floats bool) *Subject {
	t.Helper()
	src := *s.src
	src.Tensors = nil
	for _, x := range s.src.Tensors {
		n := *x
		if floats {
			n.Type, n.Raw = quantize.F32, nil
		}
		if strings.Contains(x.Name, "layernorm") && strings.Contains(x.Name, "layers.") {
			v := make([]float32, x.Elems())
			if err := x.Rows.ReadRows(v, 0); err != nil {
				t.Fatal(err)
			}
			for i := 3; i < len(v); i += 11 {
				v[i] = 8 * (v[i] + 1)
			}
			n = *stored(&n, v)
		}
		src.Tensors = append(src.Tensors, &n)
	}
	wide, err := Of(&src, "gpt-2")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { wide.Model.Close() })
	return wide
}

// A model with factors in its weights computes what it did, in every family: norms that are counted from one, norms behind matrices, biases, values that
// heads share, routers and experts, matrices that are joined. Only routers and biases that are stored in 16 bits are rounded once more, after which routers with
// random weights choose another expert now and then.
func TestFoldedModelsAreTheSame(t *testing.T) {
	for name, least := range map[string]int{"llama": 4, "qwen2": 4, "gemma": 4, "gemma3": 4, "phi3": 2, "qwen3": 4,
		"mixtral": 4, "qwen2moe": 4, "qwen3moe": 4, "deepseek2": 1} {
		stored, chunks := mixture(t, name)
		foldsExactly(t, name, uneven(t, stored, true), chunks, least, 2e-5)
		foldsExactly(t, name+" as stored", uneven(t, stored, false), chunks, least, 2e-2)
	}
}

func foldsExactly(t *testing.T, name string, s *Subject, chunks [][]int32, least int, within float64) {
	t.Helper()
	j, err := OpenJournal(filepath.Join(t.TempDir(), "factors"), "key", false)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	folded, err := s.Fold(t.Context(), chunks, foldRunOf(s, j))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if folded.Gained < least || !(folded.Loss < 1) {
		t.Errorf("%s: factors at %d of %d places, %.3f of the loss", name, folded.Gained, folded.Tried, folded.Loss)
	}
	again, err := Of(folded.Source, "gpt-2")
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	far := farthest(logitsOf(t, s.Model, chunks[0]), logitsOf(t, again.Model, chunks[0]))
	t.Logf("%s: %d of %d places, %.3f of the loss, logits within %.2g", name, folded.Gained, folded.Tried, folded.Loss, far)
	if far > within {
		t.Errorf("%s: logits differ by %g of the largest", name, far)
	}
	changed := 0
	for i, x := range folded.Source.Tensors {
		if x != s.src.Tensors[i] {
			changed++
		}
	}
	if changed == 0 {
		t.Errorf("%s: nothing has factors", name)
	}
	again.Model.Close()
}

// Runs that are cut off go on to the same factors; the number of threads does not matter.
func TestFoldResumes(t *testing.T) {
	run := func(dir string, resume bool, change func(*FoldRun)) (*Folded, error) {
		s, chunks := tiny(t, Cutting{Ctx: 64, Most: 2})
		j, err := OpenJournal(dir, "key", resume)
		if err != nil {
			return nil, err
		}
		t.Cleanup(func() { j.Close() })
		f := foldRunOf(s, j)
		change(f)
		return s.Fold(context.Background(), chunks, f)
	}
	rows := func(f *Folded) map[string][]float32 {
		got := map[string][]float32{}
		for _, x := range f.Source.Tensors {
			if strings.Contains(x.Name, "layers.") {
				got[x.Name] = make([]float32, x.Cols())
				if err := x.Rows.ReadRows(got[x.Name], 0); err != nil {
					t.Fatal(err)
				}
			}
		}
		return got
	}
	whole, err := run(t.TempDir(), false, func(f *FoldRun) { f.Threads = 1 })
	if err != nil {
		t.Fatal(err)
	}
	dir, stop := filepath.Join(t.TempDir(), "factors"), errors.New("enough")
	if _, err := run(dir, false, func(f *FoldRun) {
		f.Journal.encoded = func(layer int) error {
			if layer == 2 {
				return stop
			}
			return nil
		}
	}); !errors.Is(err, stop) {
		t.Fatal(err)
	}
	searched := 0
	got, err := run(dir, true, func(f *FoldRun) {
		f.Threads = 3
		f.Journal.encoded = func(int) error { searched++; return nil }
	})
	if err != nil || searched != 2 {
		t.Fatalf("%d layers were searched after the interruption: %v", searched, err)
	}
	a, b := rows(whole), rows(got)
	for name := range a {
		if !slices.Equal(a[name], b[name]) {
			t.Errorf("an interruption changes %s", name)
		}
	}
	if whole.Loss != got.Loss || whole.Gained != got.Gained || whole.Gained == 0 {
		t.Errorf("%+v and %+v", whole, got)
	}
}

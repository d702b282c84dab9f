package convert

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"quern/formats"
	"quern/quantize"
)

// imatrixFor has an entry for every matrix of the layers; columns weigh differently in each.
func imatrixFor(t *testing.T, src *formats.Source) *formats.Imatrix {
	t.Helper()
	p := plan(t, src, "Q4_K_M", Options{})
	m := &formats.Imatrix{Path: filepath.Join("some", "folder", "imatrix.gguf"), Datasets: []string{"a.txt", "b.txt"}, Chunks: 7, ChunkSize: 64}
	for i, s := range p.Steps {
		if len(s.Shape) < 2 || !strings.HasPrefix(s.Name, "blk.") {
			continue
		}
		e := formats.ImatrixEntry{Name: s.Name, Counts: []int64{448}}
		for c := range s.Shape[1] {
			e.Sums = append(e.Sums, float32(1+(c*7+i)%50*((c+i)%3)))
		}
		m.Entries = append(m.Entries, e)
	}
	return m
}

func TestPlanWeighs(t *testing.T) {
	src := madeUp(t, nil)
	im := imatrixFor(t, src)
	dir := t.TempDir()
	var plans []*Plan
	for i, opt := range []Options{{Imatrix: im}, {Imatrix: im, Ggml: true}, {}, {Imatrix: im}} {
		p := plan(t, src, "Q4_K_M", opt)
		p.Out = filepath.Join(dir, string(rune('a'+i))+".gguf")
		plans = append(plans, p)
	}
	if n := len(jobsOf(plans, 3)); n != 3 {
		t.Errorf("four plans, two of them alike, make %d jobs, want 3", n)
	}
	if err := Run(context.Background(), plans, RunOptions{Threads: 2}); err != nil {
		t.Fatal(err)
	}
	for _, p := range plans {
		got, err := formats.Open(p.Out)
		if err != nil {
			t.Fatal(err)
		}
		defer got.Close()
		for i := range p.Steps {
			checkWeighed(t, p, &p.Steps[i], im, got.Tensors[i])
		}
	}
	p := plans[0]
	if !weighs(p, "blk.0.attn_q.weight") || weighs(p, "token_embd.weight") || weighs(plans[2], "blk.0.attn_q.weight") {
		t.Error("the plan says something else than what was done")
	}
	if !strings.Contains(strings.Join(p.Warnings, "\n"), "no importance for token_embd.weight") {
		t.Errorf("what has no importance is not named: %q", p.Warnings)
	}
	n, _ := p.Meta.Int("quantize.imatrix.entries_count")
	c, _ := p.Meta.Int("quantize.imatrix.chunks_count")
	if p.Meta.String("quantize.imatrix.file") != "imatrix.gguf" || p.Meta.String("quantize.imatrix.dataset") != "a.txt" || n != 14 || c != 7 {
		t.Errorf("metadata %d %d %q", n, c, p.Meta.String("quantize.imatrix.file"))
	}
	if !strings.Contains(p.String(), "by importance") || !strings.Contains(p.String(), im.Path) {
		t.Error("the printed plan does not speak of the importance matrix")
	}
}

// weighs says whether the plan encodes a tensor by importance.
func weighs(p *Plan, name string) bool {
	for _, s := range p.Steps {
		if s.Name == name {
			return s.Weighed
		}
	}
	return false
}

// checkWeighed encodes a tensor again, row by row, and compares.
func checkWeighed(t *testing.T, p *Plan, s *Step, im *formats.Imatrix, got *formats.Tensor) {
	t.Helper()
	var by []float32
	if e := im.Entry(s.Name); e != nil && p.Imatrix != "" {
		by = make([]float32, s.tensor.Cols())
		e.Importance(by, 0)
	}
	w := make([]float32, s.tensor.Elems())
	if err := s.tensor.Rows.ReadRows(w, 0); err != nil {
		t.Fatal(err)
	}
	want := make([]byte, s.Bytes)
	if err := quantize.Rows(want, s.to, w, s.tensor.Cols(), by, p.effort); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, s.Bytes)
	if _, err := got.Raw.ReadAt(b, 0); err != nil || !bytes.Equal(b, want) {
		t.Errorf("%s: %s differs from what the encoder makes of its rows (%v)", p.Out, s.Name, err)
	}
}

func TestPlanRefusesWrongImportance(t *testing.T) {
	src := madeUp(t, nil)
	for name, c := range map[string]struct {
		change func(m *formats.Imatrix)
		says   []string
	}{
		"missing":  {func(m *formats.Imatrix) { m.Entries = m.Entries[1:] }, []string{"no entry", "blk.0.attn_q.weight", "imatrix.gguf"}},
		"columns":  {func(m *formats.Imatrix) { m.Entries[0].Sums = m.Entries[0].Sums[1:] }, []string{"255 values", "256 columns", "blk.0.attn_q.weight"}},
		"matrices": {func(m *formats.Imatrix) { m.Entries[0].Counts = []int64{9, 9} }, []string{"2 counts", "blk.0.attn_q.weight"}},
		"no-data":  {func(m *formats.Imatrix) { m.Entries[0].Counts = []int64{0} }, []string{"no token", "blk.0.attn_q.weight"}},
	} {
		im := imatrixFor(t, src)
		c.change(im)
		_, err := NewPlan(src, Q4_K_M, Options{Imatrix: im, Pre: "gpt-2"})
		if err == nil || !strings.Contains(formats.Hint(err), "quern calibrate") {
			t.Fatalf("%s: %v, hint %q", name, err, formats.Hint(err))
		}
		for _, s := range c.says {
			if !strings.Contains(err.Error(), s) {
				t.Errorf("%s: %v, want %q", name, err, s)
			}
		}
	}
	im := imatrixFor(t, src)
	im.Entries = append(im.Entries, formats.ImatrixEntry{Name: "blk.9.attn_q.weight", Sums: []float32{1}, Counts: []int64{1}})
	p := plan(t, src, "Q4_K_M", Options{Imatrix: im})
	if !strings.Contains(strings.Join(p.Warnings, "\n"), "blk.9.attn_q.weight") {
		t.Errorf("an entry of no tensor: %q", p.Warnings)
	}
	im.Entries = nil
	plan(t, src, "Q8_0", Options{Imatrix: im}) // has no use for importance, and demands none
}

// A type that needs importance is refused before anything is read.
func TestPlanNeedsImportance(t *testing.T) {
	needy := *quantize.Q2_K
	needy.Name, needy.NeedsImportance = "NEEDY", true
	p := &Plan{Source: "model", Steps: []Step{{Name: "a", to: quantize.Q2_K}, {Name: "b", to: &needy, Copy: true}, {Name: "c", to: &needy}}}
	err := p.weigh(nil)
	if !errors.Is(err, formats.ErrUnsupported) || !strings.Contains(err.Error(), `"c": type NEEDY needs`) ||
		!strings.Contains(formats.Hint(err), "quern calibrate model --text") {
		t.Errorf("%v, hint %q", err, formats.Hint(err))
	}
	p.Steps = p.Steps[:2]
	if err := p.weigh(nil); err != nil {
		t.Error(err)
	}
	p.Steps = []Step{{Name: "output.weight", Shape: []int{1, 32}, to: &needy, tensor: &formats.Tensor{Shape: []int{1, 32}}}}
	if err := p.weigh(&formats.Imatrix{}); err == nil || !strings.Contains(err.Error(), "output.weight") || !strings.Contains(formats.Hint(err), "--process-output") {
		t.Errorf("an output head that needs importance: %v", err)
	}
}

// Each expert of a tensor is weighed by what it has seen itself; blocks of rows may end anywhere.
func TestExpertsAreWeighedApart(t *testing.T) {
	const experts, rows, cols = 3, 5, 64
	seed := uint32(3)
	w := random("blk.0.ffn_up_exps.weight", []int{experts, rows, cols}, &seed, nil)
	e := formats.ImatrixEntry{Name: w.Name, Counts: []int64{100, 40, 3}}
	for i := range experts * cols {
		e.Sums = append(e.Sums, float32(i*i%97))
	}
	s := Step{Name: w.Name, Shape: w.Shape, Type: "Q4_0", tensor: w, to: quantize.Q4_0}
	if err := s.weigh(&e); err != nil || !s.Weighed || len(s.Borrowed) != 1 || s.Borrowed[0] != 2 {
		t.Fatalf("%v, %+v", err, s)
	}
	size, _ := s.to.Size(cols)
	s.Bytes = int64(size * rows * experts)
	want := make([]byte, s.Bytes)
	floats, by := make([]float32, experts*rows*cols), make([]float32, cols)
	if err := w.Rows.ReadRows(floats, 0); err != nil {
		t.Fatal(err)
	}
	for x := range experts {
		e.Importance(by, x)
		part := floats[x*rows*cols : (x+1)*rows*cols]
		if err := quantize.Rows(want[x*rows*size:(x+1)*rows*size], s.to, part, cols, by, quantize.EffortDefault); err != nil {
			t.Fatal(err)
		}
	}
	for block := 1; block <= experts*rows; block++ {
		out := filepath.Join(t.TempDir(), "out.gguf")
		p := &Plan{Out: out, Steps: []Step{s}, src: &formats.Source{}, effort: quantize.EffortDefault}
		r := &runner{plans: []*Plan{p}, budget: budget{block: block * cols}}
		if err := r.begin(RunOptions{}); err != nil {
			t.Fatal(err)
		}
		if err := r.work(context.Background()); err != nil {
			t.Fatal(err)
		}
		if err := r.sinks[0].Commit(); err != nil {
			t.Fatal(err)
		}
		got, err := formats.Open(out)
		if err != nil {
			t.Fatal(err)
		}
		b := make([]byte, len(want))
		_, err = got.Tensors[0].Raw.ReadAt(b, 0)
		got.Close()
		if err != nil || !bytes.Equal(b, want) {
			t.Errorf("in blocks of %d rows the experts' bytes differ (%v)", block, err)
		}
	}
}

// llama-quantize spends a bit more on the first layers' ffn_down when it has importance.
func TestRecipesKnowImportance(t *testing.T) {
	for _, c := range []struct {
		recipe *Recipe
		layer  int
		has    bool
		want   string
	}{{Q4_0, 0, true, "Q4_1"}, {Q4_0, 2, true, "Q4_0"}, {Q4_0, 0, false, "Q4_0"}, {Q5_0, 1, true, "Q5_1"}, {Q5_0, 1, false, "Q5_0"}} {
		place := &Place{Model: Facts{Layers: 16, Imatrix: c.has}, Layer: c.layer, Cols: 64, Default: quantize.ByName(c.recipe.Type)}
		if got := c.recipe.Choose(Down, place); got != c.want {
			t.Errorf("%s, ffn_down of layer %d, importance %v: %s, want %s", c.recipe.Name, c.layer, c.has, got, c.want)
		}
	}
}

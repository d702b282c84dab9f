package calib

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"testing"

	"quern/formats"
	"quern/quantize"
)

// rounds are the encoded tensors of a run over the embedded model, by name.
func rounds(t *testing.T, dir string, resume bool, change func(*FeedbackRun)) (map[string][]byte, *Rounded, error) {
	t.Helper()
	s, chunks := tiny(t, Cutting{Ctx: 64, Most: 9})
	types := map[string]*quantize.Type{}
	for _, x := range s.bound.Tensors {
		types[x.Name] = quantize.Q3_K
	}
	types["blk.0.ffn_up.weight"] = quantize.TQ1_0
	types["blk.0.ffn_gate.weight"] = quantize.IQ3_S // eight weights at a time
	types["blk.1.attn_k.weight"] = quantize.F16     // nothing to round
	j, err := OpenJournal(dir, "key", resume)
	if err != nil {
		return nil, nil, err
	}
	f := &FeedbackRun{Types: types, Damp: quantize.DefaultDamp, Journal: j}
	if change != nil {
		change(f)
	}
	made, err := s.Round(context.Background(), chunks, f)
	if err != nil {
		return nil, nil, errors.Join(err, j.Close())
	}
	got := map[string][]byte{}
	for name, x := range made.Tensors {
		if got[name], err = io.ReadAll(io.NewSectionReader(x.Raw, 0, x.Bytes())); err != nil {
			t.Fatal(err)
		}
	}
	return got, made, j.Close()
}

func sameRounds(t *testing.T, what string, a, b map[string][]byte) {
	t.Helper()
	if len(a) != len(b) {
		t.Fatalf("%s: %d tensors, not %d", what, len(b), len(a))
	}
	for name := range a {
		if !bytes.Equal(a[name], b[name]) {
			t.Errorf("%s changes %s", what, name)
		}
	}
}

// Threads and batches do not change a byte, what is not to be rounded is left alone, and layers that are shown their rounded predecessors are rounded otherwise.
func TestRoundIsDeterministic(t *testing.T) {
	a, made, err := rounds(t, t.TempDir(), false, func(f *FeedbackRun) { f.Threads, f.Batch = 1, 64 })
	if err != nil {
		t.Fatal(err)
	}
	if made.Fed == 0 || made.Fed != len(made.Tensors) || made.Tensors["blk.1.attn_k.weight"] != nil || made.Tensors["blk.0.ffn_up.weight"] == nil {
		t.Errorf("%d of %d tensors with feedback", made.Fed, len(made.Tensors))
	}
	b, _, err := rounds(t, t.TempDir(), false, func(f *FeedbackRun) { f.Threads, f.Batch = 3, 192 })
	if err != nil {
		t.Fatal(err)
	}
	sameRounds(t, "another number of threads", a, b)
	c, _, err := rounds(t, t.TempDir(), false, func(f *FeedbackRun) { f.Static = true })
	if err != nil {
		t.Fatal(err)
	}
	const first, second = "blk.0.attn_q.weight", "blk.1.attn_q.weight"
	if !bytes.Equal(a[first], c[first]) || bytes.Equal(a[second], c[second]) {
		t.Error("static runs differ in the first layer, or not in the second")
	}
}

// A run that stops after a layer goes on from there to the same bytes; without resume, or with another key, it does not.
func TestRoundResumes(t *testing.T) {
	whole, _, err := rounds(t, t.TempDir(), false, nil)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "journal")
	stop := errors.New("enough")
	_, _, err = rounds(t, dir, false, func(f *FeedbackRun) {
		f.Journal.encoded = func(layer int) error {
			if layer == 1 {
				return stop
			}
			return nil
		}
	})
	if !errors.Is(err, stop) {
		t.Fatal(err)
	}
	if j := (&Journal{Dir: dir}); j.Layers() != 1 {
		t.Fatalf("%d layers are kept", j.Layers())
	}
	again := 0
	got, _, err := rounds(t, dir, true, func(f *FeedbackRun) {
		f.Journal.encoded = func(int) error { again++; return nil }
	})
	if err != nil {
		t.Fatal(err)
	}
	sameRounds(t, "an interruption", whole, got)
	if again != len(layersOf(whole))-1 {
		t.Errorf("%d layers were rounded after the interruption", again)
	}
	if _, err := OpenJournal(dir, "another", true); err == nil {
		t.Error("the journal of another run is taken up")
	}
	j, err := OpenJournal(dir, "another", false)
	if err != nil || j.Layers() != 0 {
		t.Errorf("%d layers are left: %v", j.Layers(), err)
	}
	if err := j.Remove(); err != nil {
		t.Error(err)
	}
}

// layersOf counts the layers that tensors are of.
func layersOf(tensors map[string][]byte) map[string]bool {
	layers := map[string]bool{}
	for name := range tensors {
		layers[name[:bytes.IndexByte([]byte(name[4:]), '.')+4]] = true
	}
	return layers
}

// Weights that are divided by a factor before they are encoded come back as what they were, near enough, of experts too.
func TestRoundDividesByFactors(t *testing.T) {
	s, chunks := mixture(t, "mixtral")
	types, factors := map[string]*quantize.Type{}, map[string]float32{}
	source := map[string]*formats.Tensor{}
	for _, x := range s.bound.Tensors {
		if x.Cols()%quantize.NVFP4.Block == 0 {
			types[x.Name], factors[x.Name] = quantize.NVFP4, quantize.NVFP4.Factor
			source[x.Name] = x
		}
	}
	j, err := OpenJournal(t.TempDir(), "key", false)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	made, err := s.Round(t.Context(), chunks, &FeedbackRun{Types: types, Factors: factors, Damp: quantize.DefaultDamp, Journal: j})
	if err != nil {
		t.Fatal(err)
	}
	experts := 0
	for name, x := range made.Tensors {
		matrices := 1
		if len(x.Shape) == 3 {
			matrices = x.Shape[0]
			experts++
		}
		if !slices.Equal(x.Scale, slices.Repeat([]float32{quantize.NVFP4.Factor}, matrices)) {
			t.Errorf("%s: times %v", name, x.Scale)
		}
		got, want := make([]float32, x.Elems()), make([]float32, x.Elems())
		if err := errors.Join(x.Rows.ReadRows(got, 0), source[name].Rows.ReadRows(want, 0)); err != nil {
			t.Fatal(err)
		}
		var off, all float64
		for i, v := range want {
			off += float64(got[i]-v) * float64(got[i]-v)
			all += float64(v) * float64(v)
		}
		if !(off < 0.03*all) {
			t.Errorf("%s: %.3f of its square is lost", name, off/all)
		}
	}
	if experts == 0 || made.Fed == 0 {
		t.Errorf("%d tensors of experts, %d with feedback", experts, made.Fed)
	}
}

package calib

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"quern/quantize"
)

// inLayer matches names in layers as families write them: model.layers.0, transformer.h.0, transformer.blocks.0.
var inLayer = regexp.MustCompile(`\.(layers|h|blocks)\.\d+\.`)

// linears are the matrices of a subject's layers, by the source's names.
func linears(s *Subject) (names []string) {
	for _, t := range s.src.Tensors {
		if len(t.Shape) == 2 && t.Cols()%32 == 0 && inLayer.MatchString(t.Name) && !strings.Contains(t.Name, "gate.weight") && !strings.Contains(t.Name, "shared_expert_gate") {
			names = append(names, t.Name)
		}
	}
	return names
}

func codeRunOf(s *Subject, dir string) *CodeRun {
	return &CodeRun{Matrices: linears(s), Grid: quantize.Grid{Bits: 3, Group: 32}, Round: func() func([]float32) { return quantize.RoundTo(quantize.F16) },
		Damp: quantize.DefaultDamp, Journal: &Journal{Dir: dir}}
}

// codesOf are the codes of a run over the embedded model, by name.
func codesOf(t *testing.T, dir string, resume bool, change func(*CodeRun)) (map[string]*quantize.Codes, *CodeResult, error) {
	t.Helper()
	s, chunks := tiny(t, Cutting{Ctx: 64, Most: 4})
	f := codeRunOf(s, dir)
	var err error
	if f.Journal, err = OpenJournal(dir, "key", resume); err != nil {
		return nil, nil, err
	}
	if change != nil {
		change(f)
	}
	made, err := s.Codes(context.Background(), chunks, f)
	if err != nil {
		return nil, nil, errors.Join(err, f.Journal.Close())
	}
	got := gathered(t, made)
	return got, made, f.Journal.Close()
}

// gathered takes what a run hands on.
func gathered(t *testing.T, made *CodeResult) map[string]*quantize.Codes {
	t.Helper()
	got := map[string]*quantize.Codes{}
	var mu sync.Mutex
	if err := made.Put(context.Background(), func(name string, c *quantize.Codes, row int) error {
		mu.Lock()
		defer mu.Unlock()
		if row != 0 {
			return fmt.Errorf("%s: rows from %d on", name, row)
		}
		own := *c
		own.Q, own.Scale, own.Zero, own.Offset = slices.Clone(c.Q), slices.Clone(c.Scale), slices.Clone(c.Zero), slices.Clone(c.Offset)
		got[name] = &own
		return c.Sound()
	}); err != nil {
		t.Fatal(err)
	}
	return got
}

func sameCodes(a, b *quantize.Codes) bool {
	return a.Grid == b.Grid && slices.Equal(a.Q, b.Q) && slices.Equal(a.Scale, b.Scale) && slices.Equal(a.Zero, b.Zero) && slices.Equal(a.Offset, b.Offset) && slices.Equal(a.Order, b.Order)
}

func allSame(t *testing.T, what string, a, b map[string]*quantize.Codes) {
	t.Helper()
	if len(a) != len(b) || len(a) == 0 {
		t.Fatalf("%s: %d matrices, not %d", what, len(b), len(a))
	}
	for name := range a {
		if !sameCodes(a[name], b[name]) {
			t.Errorf("%s changes %s", what, name)
		}
	}
}

// Every kind of codes comes out of the journal as it was made; threads and batches do not change it; layers see what those before them do with their codes.
func TestCodesAreDeterministic(t *testing.T) {
	kinds := map[string]func(*CodeRun){
		"zero points": func(*CodeRun) {},
		"symmetric":   func(f *CodeRun) { f.Grid.Symmetric = true },
		"offsets":     func(f *CodeRun) { f.Offsets = true },
		"desc-act":    func(f *CodeRun) { f.Order = quantize.OrderColumns },
	}
	const first, second = "model.layers.0.self_attn.q_proj.weight", "model.layers.1.self_attn.q_proj.weight"
	for kind, change := range kinds {
		a, made, err := codesOf(t, t.TempDir(), false, func(f *CodeRun) { change(f); f.Threads, f.Batch = 1, 64 })
		if err != nil {
			t.Fatal(err)
		}
		if made.Fed != len(made.Names) || len(a) != len(made.Names) || len(made.Nearest)+len(made.Filled) > 0 {
			t.Errorf("%s: %d of %d matrices with feedback", kind, made.Fed, len(made.Names))
		}
		if c := a[first]; (c.Order != nil) != (kind == "desc-act") || (c.Offset != nil) != (kind == "offsets") {
			t.Errorf("%s: the codes are of another kind", kind)
		}
		if kind == "offsets" || kind == "zero points" {
			continue
		}
		b, _, err := codesOf(t, t.TempDir(), false, func(f *CodeRun) { change(f); f.Threads, f.Batch = 3, 192 })
		if err != nil {
			t.Fatal(err)
		}
		allSame(t, kind+": another number of threads", a, b)
		if kind != "symmetric" {
			continue
		}
		c, _, err := codesOf(t, t.TempDir(), false, func(f *CodeRun) { change(f); f.Static = true })
		if err != nil {
			t.Fatal(err)
		}
		if !sameCodes(a[first], c[first]) || sameCodes(a[second], c[second]) {
			t.Error("static runs differ in the first layer, or not in the second")
		}
	}
}

// A run that stops after a layer goes on from there to the same codes.
func TestCodesResume(t *testing.T) {
	whole, all, err := codesOf(t, t.TempDir(), false, nil)
	if err != nil {
		t.Fatal(err)
	}
	dir, stop := filepath.Join(t.TempDir(), "journal"), errors.New("enough")
	_, _, err = codesOf(t, dir, false, func(f *CodeRun) {
		f.Journal.encoded = func(layer int) error {
			if layer == 2 {
				return stop
			}
			return nil
		}
	})
	if !errors.Is(err, stop) {
		t.Fatal(err)
	}
	got, made, err := codesOf(t, dir, true, nil)
	if err != nil {
		t.Fatal(err)
	}
	allSame(t, "an interruption", whole, got)
	if !slices.Equal(all.Losses, made.Losses) || len(all.Losses) != len(all.Names) || !(all.Losses[0].Part > 0) || all.Losses[0].Part > 0.2 {
		t.Errorf("losses %v, without an interruption %v", made.Losses, all.Losses)
	}
	if want := len(made.Names) / 4 * 2; made.Fed != want {
		t.Errorf("%d matrices were rounded after the interruption, want %d", made.Fed, want)
	}
	if _, _, err := codesOf(t, dir, true, func(f *CodeRun) { f.Grid.Bits, f.Offsets = 2, true }); err == nil {
		t.Error("the journal of other codes is taken up")
	}
}

// What a run leaves that was killed while it began or while it tidied up is taken as nothing.
func TestJournalsWithoutKeys(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "journal")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"key.part", "layer-00001.gguf", "layer-00002.gguf.quern-part"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("half"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	j, err := OpenJournal(dir, "whole key", true)
	if err != nil || j.Layers() != 0 {
		t.Fatalf("%d layers: %v", j.Layers(), err)
	}
	if _, err := OpenJournal(dir, "another", true); err == nil {
		t.Error("the key is not asked for")
	}
	if err := j.Remove(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder is still there: %v", err)
	}
}

// Experts are rounded by what they saw. Few tokens are filled up to two for each column, as is said of them: with what all saw, or with their own, columns
// apart; where nothing is known weights are rounded to nearest. Matrices that latent attention takes apart are too.
func TestCodesOfExperts(t *testing.T) {
	for _, name := range []string{"mixtral", "qwen2moe", "deepseek2"} {
		s, chunks := mixture(t, name)
		f := codeRunOf(s, t.TempDir())
		var err error
		if f.Journal, err = OpenJournal(f.Journal.Dir, "key", false); err != nil {
			t.Fatal(err)
		}
		defer f.Journal.Close()
		made, err := s.Codes(t.Context(), chunks, f)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := gathered(t, made); len(got) != len(f.Matrices) || made.Fed+len(made.Nearest) != len(got) {
			t.Errorf("%s: %d codes of %d matrices, %d fed and %d nearest", name, len(got), len(f.Matrices), made.Fed, len(made.Nearest))
		}
		if len(made.Filled) == 0 {
			t.Errorf("%s: no expert saw few of 96 tokens", name)
		}
		for _, n := range made.Nearest {
			if !strings.Contains(n, "experts") && !strings.Contains(n, "kv_b_proj") {
				t.Errorf("%s: nothing was seen of %s", name, n)
			}
		}
	}
}

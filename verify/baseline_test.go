package verify

import (
	"bytes"
	"context"
	"math"
	"math/rand"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"quern/internal/model"
)

// linear is a model whose logits are a matrix times hidden states that depend on the tokens.
type linear struct {
	fake
	embd  int
	noise float64
}

func (l *linear) States(ctx context.Context, seqs [][]int32, want func(seq, pos int) bool, opt model.Options) (*model.States, error) {
	s, err := l.fake.States(ctx, seqs, want, opt)
	if err != nil {
		return nil, err
	}
	for i := range s.Pos {
		wide := fake{vocab: l.embd, noise: l.noise}
		s.H = append(s.H, wide.row(seqs[s.Seq[i]], s.Pos[i])...)
	}
	return s, nil
}

func (l *linear) Logits(dst []float32, s *model.States, from, to int, _ model.Options) error {
	for i := from; i < to; i++ {
		r := rand.New(rand.NewSource(5))
		for v := range l.vocab {
			dot := float32(0)
			for _, h := range s.H[i*l.embd:][:l.embd] {
				dot += h * float32(r.NormFloat64()) * 0.1
			}
			dst[(i-from)*l.vocab+v] = dot
		}
	}
	return nil
}

const (
	baseVocab = 301 // odd: rows of llama-perplexity's format are padded
	baseCtx   = 16
	baseLen   = 6
)

func baseAndQuant() (base, quant *linear) {
	return &linear{fake: fake{vocab: baseVocab}, embd: 24}, &linear{fake: fake{vocab: baseVocab}, embd: 24, noise: 0.3}
}

func baseRun(t *testing.T, base, quant Scorer, tokens []int32) *Report {
	t.Helper()
	rep, err := Run(context.Background(), []Side{{"base", base, baseVocab}, {"quant", quant, baseVocab}}, tokens,
		Options{Protocol: Protocol{Ctx: baseCtx, BOS: 2}, Options: model.Options{Threads: 2}})
	if err != nil {
		t.Fatal(err)
	}
	return rep
}

// recorded writes a baseline of a kind during a run and opens it.
func recorded(t *testing.T, kind string, width int) (*Baseline, *Report, string) {
	t.Helper()
	base, quant := baseAndQuant()
	tokens := text(baseLen*baseCtx, baseVocab)
	copy(tokens[4*baseCtx:], tokens[:baseCtx]) // a chunk that is there twice
	path := filepath.Join(t.TempDir(), "base")
	h := BaselineHeader{Kind: kind, Base: "base", Mode: "exact", Ctx: baseCtx, BOS: 2, Vocab: baseVocab, Width: width}
	w, err := NewBaselineWriter(path, h, tokens, base, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	rep := baseRun(t, Record(base, w, baseCtx, baseVocab, chunksOf(tokens, baseCtx)), quant, tokens)
	if err := w.Finish(); err != nil {
		t.Fatal(err)
	}
	b, err := OpenBaseline(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	if err := b.Attach(base, base.embd); err != nil {
		t.Fatal(err)
	}
	if len(b.Tokens) != len(tokens) || b.Tokens[20] != tokens[20] || b.Ctx != baseCtx {
		t.Errorf("%s: tokens or protocol were not kept", kind)
	}
	return b, rep, path
}

// A run against a file gives what the run against the model gave, as nearly as the kind promises.
func TestBaselineKinds(t *testing.T) {
	for _, c := range []struct {
		kind     string
		width    int
		nll, kld float64 // relative
	}{{KindStates, 24, 2e-4, 2e-3}, {KindTop, 10000, 1e-6, 0.1}, {KindLlama, 0, 1e-4, 2e-3}} {
		b, direct, _ := recorded(t, c.kind, c.width)
		_, quant := baseAndQuant()
		again := baseRun(t, b.Scorer, quant, b.Tokens)
		near := func(what string, got, want, by float64) {
			if math.Abs(got-want) > by*math.Abs(want) {
				t.Errorf("%s: %s is %g, with the model %g", c.kind, what, got, want)
			}
		}
		was, is := direct.Models[1].Versus, again.Models[1].Versus
		near("perplexity of the base", again.Models[0].Perplexity.Value, direct.Models[0].Perplexity.Value, c.nll)
		near("perplexity of the quant", again.Models[1].Perplexity.Value, direct.Models[1].Perplexity.Value, 0)
		near("divergence", is.KLD.Mean.Value, was.KLD.Mean.Value, c.kld)
		near("same top", is.SameTop.Value, was.SameTop.Value, 0)
		near("overlap", is.Overlap.Value, was.Overlap.Value, 0)
		near("RMS Δp", is.RMSDeltaP.Value, was.RMSDeltaP.Value, 1e-3)
		if c.kind == KindTop && !(is.KLD.Mean.Value < was.KLD.Mean.Value) {
			t.Errorf("divergence %g is no lower bound of %g", is.KLD.Mean.Value, was.KLD.Mean.Value)
		}
		if c.kind == KindStates && !(b.Header.ErrorMax > 0 && b.Header.ErrorMax < 1e-5) {
			t.Errorf("the stated error is %g", b.Header.ErrorMax)
		}
		if c.kind == KindTop && !(b.Header.TailMean > 0 && b.Header.TailMean < 0.3) {
			t.Errorf("the stated tail is %g", b.Header.TailMean)
		}
	}
}

// With few tokens kept the divergence is lower still, and never above the truth for any prediction.
func TestTopIsLowerBound(t *testing.T) {
	base, quant := baseAndQuant()
	tokens := text(baseLen*baseCtx, baseVocab)
	copy(tokens[4*baseCtx:], tokens[:baseCtx])
	direct := baseRun(t, base, quant, tokens)
	last := -1.0
	for _, width := range []int{10, 40, 140} {
		b, _, _ := recorded(t, KindTop, width)
		kld := baseRun(t, b.Scorer, quant, b.Tokens).Models[1].Versus.KLD.Mean.Value
		if kld < last {
			t.Errorf("width %d: divergence %g is below %g of fewer tokens", width, kld, last)
		}
		last = kld
	}
	if truth := direct.Models[1].Versus.KLD.Mean.Value; !(last < truth && last > truth/2) {
		t.Errorf("divergence %g, truth about %g", last, truth)
	}
}

func TestBaselineRefusesOtherText(t *testing.T) {
	b, _, _ := recorded(t, KindTop, 50)
	_, quant := baseAndQuant()
	_, err := Run(context.Background(), []Side{{"base", b.Scorer, baseVocab}, {"quant", quant, baseVocab}}, text(64, 100),
		Options{Protocol: Protocol{Ctx: baseCtx, BOS: 2}})
	if err == nil || !bytes.Contains([]byte(err.Error()), []byte("another text")) {
		t.Errorf("error %v", err)
	}
}

// Nothing that a damaged file says may panic. What is cut is refused; what is changed is refused or changes numbers.
func TestBaselineDamaged(t *testing.T) {
	for _, kind := range []string{KindStates, KindTop, KindLlama} {
		_, _, path := recorded(t, kind, 24)
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		base, quant := baseAndQuant()
		try := func(b []byte) error {
			if err := os.WriteFile(path, b, 0o644); err != nil {
				t.Fatal(err)
			}
			f, err := OpenBaseline(path)
			if err != nil {
				return err
			}
			defer f.Close()
			if f.Vocab != baseVocab || f.Ctx != baseCtx {
				return nil // Run compares them
			}
			if err := f.Attach(base, base.embd); err != nil {
				return err
			}
			_, err = Run(context.Background(), []Side{{"base", f.Scorer, baseVocab}, {"quant", quant, baseVocab}}, text(baseLen*baseCtx, baseVocab)[:2*baseCtx],
				Options{Protocol: Protocol{Ctx: baseCtx, BOS: 2}})
			return err
		}
		for i := 0; i < len(whole); i += 1 + len(whole)/60 {
			if try(whole[:i]) == nil {
				t.Errorf("%s: the first %d of %d bytes are taken for a file", kind, i, len(whole))
			}
			b := bytes.Clone(whole)
			b[i] ^= 0x55
			_ = try(b) // it must return
		}
	}
}

// Run's last block of logits is shorter than the memory for it: what is recorded is the same.
func TestRecordIntoLargerMemory(t *testing.T) {
	base, _ := baseAndQuant()
	tokens := text(2*baseCtx, baseVocab)
	got := &rowsSeen{}
	r := Record(base, got, baseCtx, baseVocab, chunksOf(tokens, baseCtx))
	s, err := r.States(t.Context(), chunksOf(tokens, baseCtx), func(_, pos int) bool { return pos >= baseCtx/2 && pos < baseCtx-1 }, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := make([]float32, len(s.Pos)*baseVocab)
	if err := base.Logits(want, s, 0, len(s.Pos), model.Options{}); err != nil {
		t.Fatal(err)
	}
	if err := r.Logits(make([]float32, 5*len(want)), s, 0, len(s.Pos), model.Options{}); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.all, want) {
		t.Error("other logits were recorded than the base has")
	}
}

type rowsSeen struct{ all []float32 }

func (r *rowsSeen) states(int, int, []float32) error { return nil }

func (r *rowsSeen) logits(_, _ int, logits []float32, _ int32) error {
	r.all = append(r.all, logits...)
	return nil
}

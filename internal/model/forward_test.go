package model

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"quern/formats"
	"quern/internal/arch"
)

func layerName(name string, l int) string { return strings.Replace(name, "{}", fmt.Sprint(l), 1) }

// layers yields the tensors of a rule.
func layers(name string, n int) func(func(int, string) bool) {
	return func(yield func(int, string) bool) {
		if !strings.Contains(name, "{}") {
			yield(-1, name)
			return
		}
		for l := 0; l < n && yield(l, layerName(name, l)); l++ {
		}
	}
}

func decoded(t testing.TB, ts *formats.Tensor) []float64 {
	t.Helper()
	x := make([]float32, ts.Elems())
	if err := ts.Rows.ReadRows(x, 0); err != nil {
		t.Fatal(err)
	}
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

// tokens makes sequences of the given lengths.
func tokens(vocab int, lengths ...int) [][]int32 {
	rng := rand.New(rand.NewPCG(3, 4))
	seqs := make([][]int32, len(lengths))
	for i, n := range lengths {
		for range n {
			seqs[i] = append(seqs[i], rng.Int32N(int32(vocab)))
		}
	}
	return seqs
}

// logits are those of all wanted tokens, or of an encoder its states.
func logits(t testing.TB, m *Model, seqs [][]int32, want func(seq, pos int) bool, opt Options) ([]float32, *States) {
	t.Helper()
	s, err := m.States(context.Background(), seqs, want, opt)
	if err != nil {
		t.Fatal(err)
	}
	if m.Encoder() {
		return s.H, s
	}
	dst := make([]float32, len(s.Pos)*m.Params().Vocab)
	if err := m.Logits(dst, s, 0, len(s.Pos), opt); err != nil {
		t.Fatal(err)
	}
	return dst, s
}

// distance is the largest difference in units of the spread (standard deviation) of want.
func distance(got []float32, want []float64) float64 {
	var sum, sq, worst float64
	for i, w := range want {
		sum += w
		sq += w * w
		worst = max(worst, math.Abs(float64(got[i])-w))
		if got[i] != got[i] {
			worst = math.Inf(1)
		}
	}
	n := float64(len(want))
	return worst / math.Sqrt(sq/n-sum/n*sum/n)
}

func (m *naive) all(seqs [][]int32) (out []float64) {
	for _, s := range seqs {
		for _, row := range m.logits(s) {
			out = append(out, row...)
		}
	}
	return out
}

// base has no size that is a multiple of a panel's width.
func base() arch.Params {
	return arch.Params{Vocab: 77, Embd: 40, FF: 52, Layers: 2, Heads: 4, KVHeads: 2, HeadDim: 14, ValueDim: 14, RopeDim: 14,
		Context: 64, NormEps: 1e-5, RopeBase: 10000, RopeScale: 1}
}

func TestExactEqualsDefinition(t *testing.T) {
	for _, c := range []struct {
		name       string
		neox, bias bool
		change     func(p *arch.Params)
	}{
		{name: "grouped-query", change: func(p *arch.Params) {}},
		{name: "biases", bias: true, change: func(p *arch.Params) {}},
		{name: "multi-query", change: func(p *arch.Params) { p.KVHeads = 1 }},
		{name: "multi-head", change: func(p *arch.Params) { p.KVHeads = 4 }},
		{name: "halves", neox: true, change: func(p *arch.Params) {}},
		{name: "window", change: func(p *arch.Params) { p.Window = 9 }},
		{name: "window of a panel", change: func(p *arch.Params) { p.Window = 33 }},
		{name: "linear", change: func(p *arch.Params) { p.RopeType, p.RopeScale = "linear", 4 }},
		{name: "factors", change: func(p *arch.Params) { p.RopeFactors = []float32{1, 1, 1.5, 2, 4, 8, 8} }},
		{name: "tied", change: func(p *arch.Params) { p.Tied = true }},
		{name: "whole panels", change: func(p *arch.Params) {
			*p = arch.Params{Vocab: 96, Embd: 64, FF: 128, Layers: 1, Heads: 2, KVHeads: 1, HeadDim: 32, ValueDim: 32, RopeDim: 32, NormEps: 1e-6, RopeBase: 5e5, RopeScale: 1}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := base()
			c.change(&p)
			b, ref := random(t, p, c.neox, c.bias, nil)
			m, err := Of(b)
			if err != nil {
				t.Fatal(err)
			}
			seqs := tokens(p.Vocab, 1, 70, 33)
			got, _ := logits(t, m, seqs, nil, Options{})
			if d := distance(got, ref.all(seqs)); !(d < 5e-5) {
				t.Errorf("differs by %.2g of the spread", d)
			}
		})
	}
}

func TestResultsDependOnNothingElse(t *testing.T) {
	b, _ := random(t, base(), false, true, nil)
	m, err := Of(b)
	if err != nil {
		t.Fatal(err)
	}
	seqs := tokens(77, 40, 1, 0, 65, 33, 7)
	want, s := logits(t, m, seqs, nil, Options{Threads: 1})
	for _, opt := range []Options{{Threads: 2}, {Threads: 5, Batch: 1}, {Threads: 3, Batch: 80}} {
		if got, _ := logits(t, m, seqs, nil, opt); !slices.Equal(got, want) {
			t.Errorf("options %+v change the result", opt)
		}
	}
	at := 0
	for i := range seqs {
		alone, _ := logits(t, m, seqs[i:i+1], nil, Options{})
		if !slices.Equal(alone, want[at:at+len(alone)]) {
			t.Errorf("sequence %d alone is not itself in a batch", i)
		}
		at += len(alone)
	}
	some, part := logits(t, m, seqs, func(seq, pos int) bool { return pos%3 == 1 && seq != 3 }, Options{})
	for i := range part.Pos {
		j := slices.IndexFunc(s.Pos, func(int) bool { return false })
		for k := range s.Pos {
			if s.Seq[k] == part.Seq[i] && s.Pos[k] == part.Pos[i] {
				j = k
			}
		}
		if j < 0 || part.Pos[i]%3 != 1 || !slices.Equal(some[i*77:][:77], want[j*77:][:77]) {
			t.Fatalf("wanted row %d differs from the same row among all", i)
		}
	}
	if len(part.Pos) == 0 || len(part.Pos) >= len(s.Pos)/2 {
		t.Errorf("%d rows of %d", len(part.Pos), len(s.Pos))
	}
}

func TestNothingWanted(t *testing.T) {
	b, _ := random(t, base(), false, false, nil)
	m, err := Of(b)
	if err != nil {
		t.Fatal(err)
	}
	for _, seqs := range [][][]int32{nil, {}, {{}}, tokens(77, 3)} {
		if got, s := logits(t, m, seqs, func(int, int) bool { return false }, Options{}); len(got) != 0 || len(s.H) != 0 {
			t.Errorf("%d logits", len(got))
		}
	}
}

func TestRefusals(t *testing.T) {
	b, _ := random(t, base(), false, false, nil)
	m, err := Of(b)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []int32{-1, 77, math.MaxInt32} {
		if _, err := m.States(context.Background(), [][]int32{{1, id}}, nil, Options{}); !errors.Is(err, formats.ErrUnsupported) {
			t.Errorf("token %d: %v", id, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := m.States(ctx, tokens(77, 20), nil, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	for i, ts := range b.Tensors {
		if _, err := Of(without(b, i)); err == nil {
			t.Errorf("opened without %s", ts.Name)
		}
		opaque := *ts
		opaque.Rows = nil
		var e *formats.Error
		if _, err := Of(with(b, i, &opaque)); !errors.Is(err, formats.ErrUnsupported) || !errors.As(err, &e) || e.Tensor != ts.Name {
			t.Errorf("%s without rows: %v", ts.Name, err)
		}
		short := *ts
		short.Shape = append([]int{ts.Shape[0] + 1}, ts.Shape[1:]...)
		if _, err := Of(with(b, i, &short)); !errors.Is(err, formats.ErrCorrupt) {
			t.Errorf("%s of shape %v: %v", ts.Name, short.Shape, err)
		}
		failing := *ts
		failing.Rows = broken{}
		m, err := Of(with(b, i, &failing))
		if err == nil {
			var s *States
			if s, err = m.States(context.Background(), tokens(77, 20), nil, Options{}); err == nil {
				err = m.Logits(make([]float32, 20*77), s, 0, 20, Options{})
			}
		}
		if !errors.Is(err, errBroken) || !errors.As(err, &e) || e.Tensor != ts.Name {
			t.Errorf("%s with broken rows: %v", ts.Name, err)
		}
	}
}

type broken struct{}

var errBroken = errors.New("broken")

func (broken) ReadRows([]float32, int) error { return errBroken }

func without(b *arch.Bound, i int) *arch.Bound {
	c := *b
	c.Tensors = slices.Delete(slices.Clone(b.Tensors), i, i+1)
	c.Origins = slices.Delete(slices.Clone(b.Origins), i, i+1)
	return &c
}

func with(b *arch.Bound, i int, t *formats.Tensor) *arch.Bound {
	c := *b
	c.Tensors = slices.Clone(b.Tensors)
	c.Tensors[i] = t
	return &c
}

package model

import (
	"bytes"
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"quern/formats"
	"quern/internal/arch"
	"quern/internal/kernel"
	"quern/quantize"
)

// stored gives a matrix the bytes of a type.
func stored(q *quantize.Type) func(t *formats.Tensor, x []float32) {
	return func(t *formats.Tensor, x []float32) {
		size, _ := q.Size(t.Cols())
		raw, back := make([]byte, size*t.NumRows()), make([]float32, len(x))
		for i := range t.NumRows() {
			row := raw[i*size:][:size]
			q.Encode(row, x[i*t.Cols():][:t.Cols()], nil)
			q.Decode(back[i*t.Cols():][:t.Cols()], row)
		}
		t.Type, t.Raw, t.Rows = q, bytes.NewReader(raw), memory{back, t.Cols()}
	}
}

// rounded is what llama.cpp multiplies a type's weights with, as the values that its codes stand for.
func rounded(acts quantize.Acts, x []float64) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		switch acts {
		case quantize.ActsF16:
			y[i] = toHalf(v)
		case quantize.ActsBF16:
			y[i] = toBrain(v)
		default:
			y[i] = v
		}
	}
	if acts == quantize.ActsF16 || acts == quantize.ActsBF16 {
		return coded(y)
	}
	block := map[quantize.Acts]int{quantize.ActsQ8_0: 32, quantize.ActsQ8_K: 256}[acts]
	for b := 0; block > 0 && b < len(x); b += block {
		top := 0.0
		for _, v := range x[b : b+block] {
			if math.Abs(v) > math.Abs(top) {
				top = v
			}
		}
		d, stored := top/-127, top/-127
		if acts == quantize.ActsQ8_0 {
			d = math.Abs(d)
			stored = toHalf(d)
		}
		for i, v := range x[b : b+block] {
			if d == 0 { // a block of zeros
				continue
			}
			y[b+i] = math.RoundToEven(v/d) * stored
		}
	}
	return y
}

// coded are the values that 16-bit codes of x stand for: each 64 have the least power of two for a scale that keeps them within 32767, and the sum of
// their squares within 32 bits.
func coded(x []float64) []float64 {
	y := make([]float64, len(x))
	for b := 0; b < len(x); b += 64 {
		block := x[b:min(b+64, len(x))]
		top, squares := 0.0, 0.0
		for _, v := range block {
			top = max(top, math.Abs(v))
			squares += v * v
		}
		if top == 0 {
			continue
		}
		s := math.Exp2(math.Floor(math.Log2(top)) - 14)
		for math.RoundToEven(top/s) > 32767 || squares/(s*s) > 1<<31-1<<20 {
			s *= 2
		}
		for i, v := range block {
			y[b+i] = math.RoundToEven(v/s) * s
		}
	}
	return y
}

// codedRows rounds the weights that are multiplied in such codes; each matrix once.
func codedRows(acts quantize.Acts) func(w []float64, k int, name string) []float64 {
	if acts != quantize.ActsF16 && acts != quantize.ActsBF16 {
		return nil
	}
	done := map[string][]float64{}
	return func(w []float64, k int, name string) []float64 {
		if done[name] == nil {
			for i := 0; i < len(w); i += k {
				done[name] = append(done[name], coded(w[i:i+k])...)
			}
		}
		return done[name]
	}
}

func toHalf(x float64) float64 { return float64(kernel.F16Value(kernel.F16(float32(x)))) }

// toBrain keeps 8 significant bits, nearest even.
func toBrain(x float64) float64 {
	f, e := math.Frexp(x)
	return math.Ldexp(math.RoundToEven(f*256)/256, e)
}

func deployed() arch.Params {
	return arch.Params{Vocab: 83, Embd: 256, FF: 512, Layers: 2, Heads: 4, KVHeads: 2, HeadDim: 64, ValueDim: 64, RopeDim: 64,
		Context: 64, NormEps: 1e-5, RopeBase: 10000, RopeScale: 1, Tied: true}
}

// deployTypes are types of every kind, for what takes a while.
var deployTypes = []string{"F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_1"}

// One product of every type that is written, without the layers in which a last bit turns into another code.
func TestDeployProducts(t *testing.T) {
	const m, n, k = 70, 83, 512
	rng := rand.New(rand.NewPCG(5, 6))
	x := make([]float32, m*k)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	clear(x[:256])
	for _, q := range quantize.Types() {
		if q.Encode == nil || q.ID == quantize.NoID {
			continue
		}
		name := q.Name
		ts := &formats.Tensor{Name: name, Shape: []int{n, k}}
		w := make([]float32, n*k)
		for i := range w {
			w[i] = float32(rng.NormFloat64())
		}
		stored(q)(ts, w)
		model := &Model{params: deployed()}
		r := model.begin(context.Background(), Options{Mode: Deploy, Threads: 2})
		got := make([]float32, m*n)
		r.multiply(x, m, product{got, &weight{t: ts, n: n, k: k, bias: w[:n]}})
		if err := r.end(); err != nil {
			t.Fatal(err)
		}
		ref := &naive{w: map[string][]float64{"a.weight": decoded(t, ts), "a.bias": widened(w[:n])}}
		ref.acts = func(x []float64, name string) []float64 { return rounded(q.Acts, x) }
		ref.rows = codedRows(q.Acts)
		var want []float64
		for i := range m {
			want = append(want, ref.mul(widened(x[i*k:][:k]), "a")...)
		}
		if d := distance(got, want); !(d < 1e-5) {
			t.Errorf("%s: differs by %.2g of the spread", name, d)
		}
	}
}

// In coded mode every product is one of codes, of 8 bits where the weights are stored as integers, and nothing else differs from exact mode.
func TestCodedEqualsDefinition(t *testing.T) {
	for name, limit := range map[string]float64{"F32": 1e-3, "BF16": 1e-3, "Q4_K": 0.05, "IQ3_S": 0.05} {
		q := quantize.ByName(name)
		b, ref := random(t, deployed(), false, true, stored(q))
		ref.acts = func(x []float64, _ string) []float64 { return rounded(q.Acts, x) }
		if q.Block == 1 {
			ref.acts = func(x []float64, _ string) []float64 { return coded(x) }
			ref.rows = codedRows(quantize.ActsF16)
		}
		m, err := Of(b)
		if err != nil {
			t.Fatal(err)
		}
		seqs := tokens(83, 5, 20)
		got, _ := logits(t, m, seqs, nil, Options{Mode: Coded, Threads: 2})
		d := spread(got, ref.all(seqs))
		ref.acts, ref.rows = nil, nil
		exact := spread(got, ref.all(seqs))
		t.Logf("%s: %.1e from the definition, %.1e from exact mode", name, d, exact)
		if !(d < exact && exact < limit) {
			t.Errorf("%s: differs by %.2g of the spread (exact mode: by %.2g)", name, d, exact)
		}
	}
}

// The whole model. In float64 some roundings fall to the other side, and every one of them changes many after it; still
// the definition is nearer than a model without roundings.
func TestDeployEqualsDefinition(t *testing.T) {
	for _, name := range deployTypes {
		q := quantize.ByName(name)
		b, ref := random(t, deployed(), false, true, stored(q))
		ref.half = toHalf
		ref.acts = func(x []float64, name string) []float64 { return rounded(q.Acts, x) }
		ref.rows = codedRows(q.Acts)
		m, err := Of(b)
		if err != nil {
			t.Fatal(err)
		}
		seqs := tokens(83, 5, 20)
		got, _ := logits(t, m, seqs, nil, Options{Mode: Deploy})
		d := spread(got, ref.all(seqs))
		ref.acts, ref.rows, ref.half = nil, nil, nil
		exact := spread(got, ref.all(seqs))
		t.Logf("%s: %.1e from the definition, %.1e from exact mode", name, d, exact)
		if !(d < exact && exact < 0.05) {
			t.Errorf("%s: differs by %.2g of the spread (exact mode: by %.2g)", name, d, exact)
		}
	}
}

// spread is the root mean square difference in units of the standard deviation of want.
func spread(got []float32, want []float64) float64 {
	var sum, sq, diff float64
	for i, w := range want {
		sum += w
		sq += w * w
		diff += (float64(got[i]) - w) * (float64(got[i]) - w)
	}
	n := float64(len(want))
	return math.Sqrt(diff / (sq - sum*sum/n))
}

// Types of all kinds in one model, so that one input is stored in several ways; and a weight without its bytes.
func TestDeployMixture(t *testing.T) {
	i := 0
	types := []string{"Q5_0", "Q8_0", "F16", "Q4_1", "BF16", "F32"}
	b, _ := random(t, deployed(), false, false, func(ts *formats.Tensor, x []float32) {
		stored(quantize.ByName(types[i%len(types)]))(ts, x)
		i++
	})
	b.Tensors[2].Raw = nil
	m, err := Of(b)
	if err != nil {
		t.Fatal(err)
	}
	seqs := tokens(83, 20, 0, 3, 40)
	want, _ := logits(t, m, seqs, nil, Options{Mode: Deploy, Threads: 1})
	exact, _ := logits(t, m, seqs, nil, Options{Mode: Exact, Threads: 2})
	if d := spread(want, widened(exact)); d > 0.1 || d == 0 {
		t.Errorf("the modes differ by %.2g of the spread", d)
	}
	at := 0
	for i := range seqs {
		alone, _ := logits(t, m, seqs[i:i+1], nil, Options{Mode: Deploy, Threads: 3})
		if !slices.Equal(alone, want[at:at+len(alone)]) {
			t.Errorf("sequence %d alone is not itself in a batch", i)
		}
		at += len(alone)
	}
}

// Where runtimes know no window, deploy mode has none.
func TestDeployWithoutWindow(t *testing.T) {
	run := func(window int, full bool) []float32 {
		p := deployed()
		p.Window = window
		b, _ := random(t, p, false, false, nil)
		a := *b.Arch
		a.Layer.RunsFull = full
		b.Arch = &a
		m, err := Of(b)
		if err != nil {
			t.Fatal(err)
		}
		got, _ := logits(t, m, tokens(p.Vocab, 40), nil, Options{Mode: Deploy})
		return got
	}
	if all := run(0, false); !slices.Equal(run(9, true), all) || slices.Equal(run(9, false), all) {
		t.Error("the window counts where runtimes know none, or does not where they do")
	}
}

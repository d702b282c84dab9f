package verify

import (
	"math"
	"strings"
	"testing"

	"quern/formats"
	"quern/internal/arch"
	"quern/internal/tokenizer"
	"quern/quantize"
)

// matrix is a tensor in memory.
type matrix struct {
	x    []float32
	cols int
}

func (m matrix) ReadRows(dst []float32, row int) error {
	copy(dst, m.x[row*m.cols:])
	return nil
}

func tensorOf(rows, cols int, f func(i int) float32) *formats.Tensor {
	x := make([]float32, rows*cols)
	for i := range x {
		x[i] = f(i)
	}
	return &formats.Tensor{Name: "blk.0.ffn_up.weight", Shape: []int{rows, cols}, Type: quantize.F32, Rows: matrix{x, cols}}
}

func wave(i int) float32 { return float32(math.Sin(float64(i*i%977) + float64(i))) }

func TestTensorDiff(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	a := tensorOf(6, 64, wave)
	for name, c := range map[string]struct {
		b     func(i int) float32
		cause string
		check func(d TensorDiff) bool
	}{
		"equal": {wave, "", func(d TensorDiff) bool { return d.Equal && d.RelRMS == 0 && d.Cosine > 0.999999 }},
		"scaled": {func(i int) float32 { return 2 * wave(i) }, "2 times", func(d TensorDiff) bool {
			return math.Abs(float64(d.Scale)-2) < 1e-6 && math.Abs(float64(d.RelRMS)-1) < 1e-6
		}},
		"negative": {func(i int) float32 { return -wave(i) }, "opposite sign", func(d TensorDiff) bool { return d.Cosine < -0.999 }},
		"zero":     {func(int) float32 { return 0 }, "zero", func(d TensorDiff) bool { return d.RelRMS == 1 }},
		"nan": {func(i int) float32 {
			if i == 70 {
				return nan
			}
			if i == 71 {
				return inf
			}
			return wave(i)
		}, "2 weights are not finite", func(d TensorDiff) bool { return d.NaNB == 2 && d.NaNA == 0 && !d.Equal && d.RelRMS == 0 }},
		"one row": {func(i int) float32 {
			if i/64 == 4 {
				return -wave(i)
			}
			return wave(i)
		}, "", func(d TensorDiff) bool { return d.Row == 4 && d.Worst < -0.999 && d.MaxRow == 4 }},
		"another": {func(i int) float32 { return wave(i + 5000) }, "unlike", func(d TensorDiff) bool { return math.Abs(float64(d.Cosine)) < 0.3 }},
	} {
		p := tensorPair{a, tensorOf(6, 64, c.b), arch.Origin{Rule: &arch.Rule{}}}
		d, err := p.compare(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		cause, sure, err := d.cause(p, &arch.Params{})
		if err != nil || sure != (name == "negative" || name == "zero" || name == "nan") || !strings.Contains(cause, c.cause) || c.cause == "" && cause != "" && name != "one row" || !c.check(d) {
			t.Errorf("%s: cause %q, %+v, %v", name, cause, d, err)
		}
		if some, err := p.compare(t.Context(), 2); err != nil || some.Rows != 2 {
			t.Errorf("%s: %d rows compared, want 2 (%v)", name, some.Rows, err)
		}
	}
}

// Of one bit for each weight the sign is left: that is no fault, and its opposite is one.
func TestOneBitIsNoFault(t *testing.T) {
	for name, c := range map[string]struct {
		sign  float32
		cause string
	}{"one bit": {1, ""}, "flipped": {-1, "opposite sign"}} {
		b := tensorOf(6, 64, func(i int) float32 { return float32(math.Copysign(0.6, float64(c.sign*wave(i)))) })
		b.Type = quantize.Q1_0
		p := tensorPair{tensorOf(6, 64, wave), b, arch.Origin{Rule: &arch.Rule{}}}
		d, err := p.compare(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		cause, _, err := d.cause(p, &arch.Params{})
		if err != nil || !strings.Contains(cause, c.cause) || c.cause == "" && cause != "" {
			t.Errorf("%s: cause %q of %+v, %v", name, cause, d, err)
		}
	}
}

func TestCompareVocab(t *testing.T) {
	a, b := tokenizer.NewVocab("gpt2", "llama-bpe"), tokenizer.NewVocab("gpt2", "smollm")
	a.Tokens, b.Tokens = []string{"a", "b"}, []string{"a", "c"}
	yes := true
	b.AddBOS, b.EOS = &yes, 1
	var keys []string
	for _, s := range CompareVocab(a, b) {
		keys = append(keys, s.Key)
	}
	if got := strings.Join(keys, ", "); got != "pre-tokenizer, token 1, EOS, adds BOS" {
		t.Errorf("differences in %s", got)
	}
	if f := VocabFaults(a, b); len(f) != 2 || !strings.Contains(f[1], `wrong tokenizer: token 1 is "c", in the base "b"`) {
		t.Errorf("faults: %q", f)
	}
	if s := CompareVocab(a, a); len(s) != 0 {
		t.Errorf("a vocabulary differs from itself: %v", s)
	}
}

func TestCompareMeta(t *testing.T) {
	var a, b formats.Meta
	a.Set("x", uint32(1))
	a.Set("tokenizer.ggml.model", "gpt2")
	b.Set("x", uint64(1)) // another kind is a difference
	b.Set("y", "new")
	if s := CompareMeta(&a, &b); len(s) != 2 || s[0].Key != "x" || s[1].B != "new" {
		t.Errorf("%v", s)
	}
}

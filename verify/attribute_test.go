package verify

import (
	"path/filepath"
	"testing"

	"quern/convert"
	"quern/formats"
	"quern/internal/model"
	"quern/internal/tokenizer"
	"quern/testdata"
)

// tinyPair is the embedded model and its quantization to a type, open, and tokens of text that it has never seen.
func tinyPair(t *testing.T, typ string) (base, quant *formats.Source, plan *convert.Plan, ids []int32) {
	t.Helper()
	return tinyPairBy(t, typ, convert.Options{})
}

func tinyPairBy(t *testing.T, typ string, opt convert.Options) (base, quant *formats.Source, plan *convert.Plan, ids []int32) {
	t.Helper()
	dir := t.TempDir()
	if err := testdata.Tiny(filepath.Join(dir, "tiny")); err != nil {
		t.Fatal(err)
	}
	open := func(path string) *formats.Source {
		src, err := formats.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { src.Close() })
		return src
	}
	base = open(filepath.Join(dir, "tiny"))
	recipe, err := convert.RecipeByName(typ)
	if err != nil {
		t.Fatal(err)
	}
	if plan, err = convert.NewPlan(base, recipe, opt); err != nil {
		t.Fatal(err)
	}
	plan.Out = filepath.Join(dir, "q.gguf")
	if err := convert.Run(t.Context(), []*convert.Plan{plan}, convert.RunOptions{Threads: 2}); err != nil {
		t.Fatal(err)
	}
	toks, err := convert.Tokenizer(base, "")
	if err != nil {
		t.Fatal(err)
	}
	return base, open(plan.Out), plan, toks.Encode(string(testdata.HeldOut()), tokenizer.Options{AddSpecial: true})
}

// TestAttribute looks where a quantized model's loss comes from.
func TestAttribute(t *testing.T) {
	base, quant, plan, ids := tinyPair(t, "Q2_K")
	opt := Options{Protocol: Protocol{Ctx: 128, Chunks: 2, BOS: -1}, Options: model.Options{Threads: 2}}
	count := map[string]int{}
	for _, by := range []string{ByTensor, ByRole, ByLayer} {
		told := 0
		swaps, err := Attribute(t.Context(), base, quant, by, ids, opt, func(done, total int) { told = done })
		if err != nil {
			t.Fatal(err)
		}
		sum, bytes := 0.0, int64(0)
		for _, s := range swaps {
			if !(s.KLD.Value > 0) || s.Bytes == 0 {
				t.Errorf("%s %s: divergence %g of %d bytes", by, s.Part, s.KLD.Value, s.Bytes)
			}
			sum += s.KLD.Value
			bytes += s.Bytes
		}
		t.Logf("%d parts by %s, together %.4f nats", len(swaps), by, sum)
		count[by] = len(swaps)
		if told != len(swaps) || bytes < 100_000 {
			t.Errorf("by %s: %d of %d parts told, %d bytes", by, told, len(swaps), bytes)
		}
	}
	layers := plan.Params.Layers
	if count[ByTensor] != 7*layers+1 || count[ByRole] != 8 || count[ByLayer] != layers+1 {
		t.Errorf("parts %v of a model with %d layers", count, layers)
	}
}

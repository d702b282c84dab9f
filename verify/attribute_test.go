package verify_test

import (
	"path/filepath"
	"testing"

	"quern/convert"
	"quern/formats"
	"quern/internal/model"
	"quern/internal/tokenizer"
	"quern/testdata"
	"quern/verify"
)

// TestAttribute quantizes the embedded model and looks where its loss comes from.
func TestAttribute(t *testing.T) {
	dir := t.TempDir()
	if err := testdata.Tiny(filepath.Join(dir, "tiny")); err != nil {
		t.Fatal(err)
	}
	base, err := formats.Open(filepath.Join(dir, "tiny"))
	if err != nil {
		t.Fatal(err)
	}
	defer base.Close()
	recipe, err := convert.RecipeByName("Q2_K")
	if err != nil {
		t.Fatal(err)
	}
	plan, err := convert.NewPlan(base, recipe, convert.Options{})
	if err != nil {
		t.Fatal(err)
	}
	plan.Out = filepath.Join(dir, "q.gguf")
	if err := convert.Run(t.Context(), []*convert.Plan{plan}, convert.RunOptions{Threads: 2}); err != nil {
		t.Fatal(err)
	}
	quant, err := formats.Open(plan.Out)
	if err != nil {
		t.Fatal(err)
	}
	defer quant.Close()
	toks, err := convert.Tokenizer(base, "")
	if err != nil {
		t.Fatal(err)
	}
	ids := toks.Encode(string(testdata.HeldOut()), tokenizer.Options{AddSpecial: true})
	opt := verify.Options{Protocol: verify.Protocol{Ctx: 128, Chunks: 2, BOS: -1}, Options: model.Options{Threads: 2}}
	count := map[string]int{}
	for _, by := range []string{verify.ByTensor, verify.ByRole, verify.ByLayer} {
		told := 0
		swaps, err := verify.Attribute(t.Context(), base, quant, by, ids, opt, func(done, total int) { told = done })
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
	if count[verify.ByTensor] != 7*layers+1 || count[verify.ByRole] != 8 || count[verify.ByLayer] != layers+1 {
		t.Errorf("parts %v of a model with %d layers", count, layers)
	}
}

package verify

import (
	"math"
	"path/filepath"
	"testing"

	"quern/convert"
	"quern/internal/model"
)

// TestEqualsLlamaPerplexity compares every number that llama-perplexity (August 2026) prints at the end of its --kl-divergence mode. It ran
// the embedded model and its Q2_K file, both written out as F32 so that no runtime rounds activations, with -c 128 --chunks 16 -ctk f32
// -ctv f32 -fa off. Here the base's predictions go through a file in llama-perplexity's format, too.
func TestEqualsLlamaPerplexity(t *testing.T) {
	base, quant, _, ids := tinyPairBy(t, "Q2_K", convert.Options{Ggml: true}) // llama-quantize's bytes
	mb, err := model.Open(base)
	if err != nil {
		t.Fatal(err)
	}
	mq, err := model.Open(quant)
	if err != nil {
		t.Fatal(err)
	}
	const ctx, chunks = 128, 16
	vocab := mb.Params().Vocab
	opt := Options{Protocol: Protocol{Ctx: ctx, Chunks: chunks, BOS: -1}, Options: model.Options{Mode: model.Exact, Threads: 2}}
	path := filepath.Join(t.TempDir(), "base")
	tokens := ids[:ctx*chunks]
	w, err := NewBaselineWriter(path, BaselineHeader{Kind: KindLlama, Ctx: ctx, Vocab: vocab}, tokens, mb, opt.Options)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if _, err := Run(t.Context(), []Side{{"base", Record(mb, w, ctx, vocab, chunksOf(tokens, ctx)), vocab}}, tokens, opt); err != nil {
		t.Fatal(err)
	}
	if err := w.Finish(); err != nil {
		t.Fatal(err)
	}
	file, err := OpenBaseline(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rep, err := Run(t.Context(), []Side{{"base", file.Scorer, vocab}, {"Q2_K", mq, vocab}}, file.Tokens, opt)
	if err != nil {
		t.Fatal(err)
	}
	v := rep.Models[1].Versus
	near := func(what string, got, want, digit float64) {
		t.Helper()
		if math.Abs(got-want) > 1.5*digit+1e-6*math.Abs(want) {
			t.Errorf("%s: %.7g, llama-perplexity prints %g", what, got, want)
		}
	}
	for _, c := range []struct {
		what                           string
		got                            Estimate
		scale, value, err, digit, edge float64 // the last digits of value and of err
	}{
		{"PPL(Q)", rep.Models[1].Perplexity, 1, 23.452267, 1.744408, 1e-6, 1e-6},
		{"PPL(base)", rep.Models[0].Perplexity, 1, 23.005076, 1.716899, 1e-6, 1e-6},
		{"ln(PPL(Q)/PPL(base))", v.LogPPLRatio, 1, 0.019252, 0.007840, 1e-6, 1e-6},
		{"PPL(Q)/PPL(base)", v.PPLRatio, 1, 1.019439, 0.007993, 1e-6, 1e-6},
		{"PPL(Q)-PPL(base)", v.PPLDiff, 1, 0.447191, 0.184087, 3e-6, 1e-6},
		{"KLD", v.KLD.Mean, 1, 0.033952, 0.001127, 1e-6, 1e-6},
		{"Δp", v.DeltaP.Mean, 100, -0.516, 0.138, 1e-3, 1e-3},
		{"RMS Δp", v.RMSDeltaP, 100, 4.408, 0.256, 1e-3, 1e-3},
		{"same top p", v.SameTop, 100, 87.401, 1.046, 1e-3, 1e-3},
	} {
		near(c.what, c.scale*c.got.Value, c.value, c.digit)
		near("error of "+c.what, c.scale*c.got.Error, c.err, c.edge)
	}
	near("correlation", 100*v.Correlation.Value, 99.45, 1e-2)
	near("maximum KLD", float64(v.KLD.Max), 0.389987, 3e-6)
	near("minimum KLD", float64(v.KLD.Min), 0.000030, 1e-6)
	near("maximum Δp", 100*float64(v.DeltaP.Max), 26.873, 1e-3)
	near("minimum Δp", 100*float64(v.DeltaP.Min), -26.918, 1e-3)
	for name, want := range map[string][2]float64{ // of KLD and Δp; llama-perplexity prints no quarters of the former
		"0.1 %": {0.000056, -26.426}, "1.0 %": {0.000675, -18.665}, "5.0 %": {0.004659, -7.997}, "10.0 %": {0.008131, -4.133}, "25.0 %": {-1, -0.896},
		"50.0 %": {0.023378, -0.012}, "75.0 %": {-1, 0.308}, "90.0 %": {0.071113, 2.505}, "95.0 %": {0.099103, 4.469}, "99.0 %": {0.171408, 12.459},
		"99.9 %": {0.331256, 24.819},
	} {
		for i, q := range v.KLD.Quantiles() {
			if q.Name != name {
				continue
			}
			if want[0] >= 0 {
				near(name+" of KLD", q.Value, want[0], 3e-6)
			}
			near(name+" of Δp", 100*v.DeltaP.Quantiles()[i].Value, want[1], 1e-3)
		}
	}
}

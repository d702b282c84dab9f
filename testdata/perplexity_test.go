package testdata_test

import (
	"math"
	"runtime"
	"testing"

	"quern/convert"
	"quern/formats"
	"quern/internal/model"
	"quern/internal/tokenizer"
	"quern/testdata"
	"quern/verify"
)

// The figure of README.md for the first 12 chunks, which train/eval.py's protocol gives with transformers in float32. One
// number that is right only if the reader, the tokenizer, the forward pass and the scoring all are.
func TestPerplexity(t *testing.T) {
	const chunks, tokens, want = 12, 39940, 26.585734
	dir := t.TempDir()
	if err := testdata.Tiny(dir); err != nil {
		t.Fatal(err)
	}
	src, err := formats.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	tok, err := convert.Tokenizer(src, "")
	if err != nil {
		t.Fatal(err)
	}
	ids := tok.Encode(string(testdata.HeldOut()), tokenizer.Options{AddSpecial: true})
	if len(ids) != tokens {
		t.Fatalf("the held-out text has %d tokens, want %d", len(ids), tokens)
	}
	m, err := model.Open(src)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	report, err := verify.Run(t.Context(), []verify.Side{{Name: "tiny", Model: m, Vocab: m.Params().Vocab}}, ids, verify.Options{
		Protocol: verify.Protocol{Chunks: chunks, BOS: -1},
		Options:  model.Options{Mode: model.Exact, Threads: runtime.NumCPU()},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := report.Models[0].Perplexity.Value; math.Abs(got-want) > 1e-5*want {
		t.Errorf("perplexity %.6f, transformers gives %.6f", got, want)
	}
}

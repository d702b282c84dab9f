package verify

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"quern/internal/model"
)

// FuzzBaseline reads every row of whatever opens. Headers that promise much are refused before memory is taken for it.
func FuzzBaseline(f *testing.F) {
	base, quant := baseAndQuant()
	tokens := text(2*baseCtx, baseVocab)
	for _, kind := range []string{KindStates, KindTop, KindLlama} {
		path := filepath.Join(f.TempDir(), kind)
		w, err := NewBaselineWriter(path, BaselineHeader{Kind: kind, Ctx: baseCtx, Vocab: baseVocab, Width: 24}, tokens, base, model.Options{})
		if err != nil {
			f.Fatal(err)
		}
		_, err = Run(context.Background(), []Side{{"base", Record(base, w, baseCtx, baseVocab, chunksOf(tokens, baseCtx)), baseVocab}, {"q", quant, baseVocab}}, tokens,
			Options{Protocol: Protocol{Ctx: baseCtx, BOS: 2}})
		if err != nil {
			f.Fatal(err)
		}
		if err := w.Finish(); err != nil {
			f.Fatal(err)
		}
		if err := w.Close(); err != nil {
			f.Fatal(err)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1<<16 {
			return
		}
		r := bytes.NewReader(b)
		var s Scorer
		ctx, vocab, ids := 0, 0, []int32(nil)
		if l, err := OpenLogits(r, int64(len(b))); err == nil {
			s, ctx, vocab, ids = l, l.Ctx, l.Vocab, l.Tokens
		} else if q, err := openBaseline(r, int64(len(b))); err == nil && q.Vocab < 1<<16 {
			ctx, vocab, ids = q.Ctx, q.Vocab, q.Tokens
			s = &TopFile{baselineFile: q}
			if q.Kind == KindStates {
				s = &StatesFile{baselineFile: q, head: base}
			}
		}
		if s == nil {
			return
		}
		states, err := s.States(t.Context(), chunksOf(ids, ctx), func(_, pos int) bool { return pos >= ctx/2 && pos < ctx-1 }, model.Options{})
		if _, ok := s.(*StatesFile); ok || err != nil {
			return
		}
		row := make([]float32, vocab)
		for i := range states.Pos {
			if s.Logits(row, states, i, i+1, model.Options{}) == nil {
				ref := referenceOf(s)
				ref.predict(row, 0)
				ref.divergence(row, make([]float32, vocab), row, 0, 1)
			}
		}
	})
}

func FuzzReadTask(f *testing.F) {
	f.Add("a.bin", choiceFile("Q?", []string{"x", "y"}, 1))
	f.Add("a.csv", []byte("0,\"so _ won\",a,b,1\n"))
	f.Add("a.jsonl", []byte(`{"question":"Q?","choices":{"text":["x","y"],"label":["1","2"]},"answerKey":"2"}`))
	f.Add("a.txt", []byte("a\n1\nb\nc\nd\ne\n"))
	f.Fuzz(func(t *testing.T, name string, b []byte) {
		q, _, err := ReadTask(name, b, "", 0)
		if err != nil {
			return
		}
		for i := range q {
			if q[i].check() != nil {
				t.Errorf("question %d was let through: %+v", i, q[i])
			}
		}
	})
}

// FuzzReadReport renders whatever is taken for a report in every form.
func FuzzReadReport(f *testing.F) {
	f.Add([]byte(`{"schema":"quern-report/1","protocol":{"chunks":1},"models":[{"name":"a","chunks":[{"nll":1}]},{"name":"b","bytes":5,"chunks":[{"kld":null}],"versus_base":{"positions":[{}],"kld_histogram":[{"count":1}]}}],"attribution":[{"layer":3,"role":"x","kld":{"value":1}}]}`))
	f.Add([]byte(`{"schema":"quern-report/1","models":[{"name":"a"}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ReadReport(b)
		if err != nil {
			return
		}
		s := &Summary{Runs: []*Report{r}}
		s.Compare([]*Report{r})
		for _, render := range []func() ([]byte, error){s.HTML, s.Markdown, s.JUnit} {
			if _, err := render(); err != nil {
				t.Error(err)
			}
		}
		if _, err := json.Marshal(r); err != nil {
			t.Error(err)
		}
	})
}

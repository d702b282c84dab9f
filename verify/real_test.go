package verify

import (
	"math/rand/v2"
	"testing"

	"quern/internal/model"
)

// TestErrorRatesOnRealPairs decides about real models: their divergence on the whole text is taken for the truth, and chunks
// drawn from it at random for the text of a run. At the limit itself a decision is wrong; a limit well away is decided right.
func TestErrorRatesOnRealPairs(t *testing.T) {
	for _, typ := range []string{"Q4_0", "Q2_K"} {
		base, quant, _, ids := tinyPair(t, typ)
		mb, err := model.Open(base)
		if err != nil {
			t.Fatal(err)
		}
		mq, err := model.Open(quant)
		if err != nil {
			t.Fatal(err)
		}
		vocab := mb.Params().Vocab
		rep, err := Run(t.Context(), []Side{{"base", mb, vocab}, {typ, mq, vocab}}, ids, Options{Protocol: Protocol{Ctx: 128, Chunks: 120, BOS: -1}, Options: model.Options{Mode: model.Deploy, Threads: 2}})
		if err != nil {
			t.Fatal(err)
		}
		var chunks []float64
		for _, c := range rep.Models[1].Chunks {
			chunks = append(chunks, float64(c.KLD))
		}
		truth := mean(chunks).Value
		rates := func(limit float64) (pass, fail float64) {
			g := &Gates{Sequential: true}
			if err := g.Set("max-kld", limit); err != nil {
				t.Fatal(err)
			}
			if err := g.Complete(); err != nil {
				t.Fatal(err)
			}
			r := rand.New(rand.NewPCG(1, 2))
			const trials, total = 1000, 40
			for range trials {
				base, quant := newTrack(total), newTrack(total)
				for i := range quant.kld {
					quant.kld[i] = chunks[r.IntN(len(chunks))]
				}
				switch decideTracks(g, base, quant, total).Outcome {
				case Pass:
					pass++
				case Fail:
					fail++
				}
			}
			return pass / trials, fail / trials
		}
		pass, fail := rates(truth)
		t.Logf("%s: %d chunks, mean %.5f, deviation %.2f of it; at the limit %.1f %% pass, %.1f %% fail", typ, len(chunks), truth,
			mean(chunks).Error*10.9/truth, 100*pass, 100*fail)
		if pass+fail > DefaultAlpha+0.015 {
			t.Errorf("%s: at the limit %.3f pass and %.3f fail", typ, pass, fail)
		}
		if pass, _ := rates(1.5 * truth); pass < 0.95 {
			t.Errorf("%s: a limit 1.5 times the truth passes in %.3f of the trials", typ, pass)
		}
		if _, fail := rates(truth / 1.5); fail < 0.95 {
			t.Errorf("%s: a limit of two thirds of the truth fails in %.3f of the trials", typ, fail)
		}
	}
}

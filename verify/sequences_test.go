package verify

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"quern/internal/model"
)

// sequences are made-up conversations, of different lengths, with some tokens of each that count.
func sequences(n, ctx, vocab int) []Sequence {
	r := rand.New(rand.NewPCG(8, 8))
	var out []Sequence
	for range n {
		s := Sequence{}
		for i := range 3 + r.IntN(ctx-3) {
			s.Tokens, s.Answer = append(s.Tokens, int32(r.IntN(vocab))), append(s.Answer, i > 0 && i%7 > 3)
		}
		out = append(out, s)
	}
	return out
}

// Exactly the answers count, each after what precedes it in its own conversation; what does not fill the last chunk does not.
func TestSequencesEqualDefinitions(t *testing.T) {
	const vocab, ctx = 37, 32
	seqs := sequences(20, ctx, vocab)
	base, quant := &fake{vocab: vocab}, &fake{vocab: vocab, noise: 0.5}
	var nll, kld []float64
	for _, s := range seqs {
		for i, a := range s.Answer {
			if a {
				pb, pq := naive(base.row(s.Tokens, i-1)), naive(quant.row(s.Tokens, i-1))
				k := 0.0
				for j := range pb {
					k += pb[j] * math.Log(pb[j]/pq[j])
				}
				nll, kld = append(nll, -math.Log(pq[s.Tokens[i]])), append(kld, k)
			}
		}
	}
	for _, limit := range []int{0, 3} {
		opt := Options{Protocol: Protocol{Ctx: ctx, Chunks: limit, BOS: -1}, Options: model.Options{Threads: 2}, Sequences: seqs,
			Analysis: Analysis{Worst: 2, Piece: func(int32) string { return "x" }}}
		rep, err := Run(context.Background(), []Side{{"base", base, vocab}, {"quant", quant, vocab}}, nil, opt)
		if err != nil {
			t.Fatal(err)
		}
		n := len(kld) / opt.PerChunk() * opt.PerChunk()
		if limit > 0 {
			n = limit * opt.PerChunk()
		}
		near := func(what string, got, want float64) {
			t.Helper()
			if math.Abs(got-want) > 2e-6*(1+math.Abs(want)) {
				t.Errorf("%d chunks: %s: %g, want %g", limit, what, got, want)
			}
		}
		near("scored", float64(rep.Scored), float64(n))
		near("perplexity", rep.Models[1].Perplexity.Value, math.Exp(sum(nll[:n])/float64(n)))
		near("divergence", rep.Models[1].Versus.KLD.Mean.Value, sum(kld[:n])/float64(n))
		if rep.Stopped || rep.Protocol.Conversations != 20 || rep.Protocol.Chunks != n/opt.PerChunk() {
			t.Errorf("%d chunks: %+v, stopped %v", limit, rep.Protocol, rep.Stopped)
		}
		for _, w := range rep.Models[1].Versus.Worst {
			if !seqs[w.Chunk].Answer[w.Pos] {
				t.Errorf("%d chunks: token %d of conversation %d is no answer", limit, w.Pos, w.Chunk)
			}
		}
	}
}

// A sequential run over conversations decides on complete chunks, and a few answers are too few.
func TestSequencesDecide(t *testing.T) {
	const vocab, ctx = 30, 16
	g := &Gates{Sequential: true}
	if err := g.Set("max-kld", 5); err != nil {
		t.Fatal(err)
	}
	if err := g.Complete(); err != nil {
		t.Fatal(err)
	}
	sides := []Side{{"base", &fake{vocab: vocab}, vocab}, {"quant", &fake{vocab: vocab, noise: .5}, vocab}}
	opt := Options{Protocol: Protocol{Ctx: ctx, BOS: -1}, Options: model.Options{Threads: 1}, Sequences: sequences(200, ctx, vocab), Analysis: Analysis{Gates: g}}
	rep, err := Run(context.Background(), sides, nil, opt)
	if err != nil {
		t.Fatal(err)
	}
	if !rep.Stopped || rep.Verdicts[0].Outcome != Pass || rep.Protocol.Chunks < firstLook || rep.Protocol.Chunks > 2*firstLook {
		t.Errorf("after %d chunks: %+v", rep.Protocol.Chunks, rep.Verdicts)
	}
	opt.Sequences = opt.Sequences[:2]
	if _, err := Run(context.Background(), sides, nil, opt); !errors.Is(err, ErrShort) {
		t.Errorf("two short conversations: %v", err)
	}
}

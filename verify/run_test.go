package verify

import (
	"context"
	"math"
	"math/rand"
	"reflect"
	"strings"
	"testing"

	"quern/internal/model"
)

// fake is a model whose logits are a fixed function of the tokens up to a position.
type fake struct {
	vocab int
	noise float64
	seqs  [][]int32
	group int
}

func (f *fake) States(_ context.Context, seqs [][]int32, want func(seq, pos int) bool, _ model.Options) (*model.States, error) {
	f.seqs = seqs
	s := &model.States{}
	for i, seq := range seqs {
		for p := range seq {
			if want(i, p) {
				s.Seq, s.Pos = append(s.Seq, i), append(s.Pos, p)
			}
		}
	}
	return s, nil
}

func (f *fake) Group(seqs [][]int32, _ model.Options) int { return min(len(seqs), max(1, f.group)) }

func (f *fake) Logits(dst []float32, s *model.States, from, to int, _ model.Options) error {
	for i := from; i < to; i++ {
		copy(dst[(i-from)*f.vocab:], f.row(f.seqs[s.Seq[i]], s.Pos[i]))
	}
	return nil
}

func (f *fake) row(seq []int32, pos int) []float32 {
	seed := int64(1)
	for _, t := range seq[:pos+1] {
		seed = seed*31 + int64(t)
	}
	clean, noise := rand.New(rand.NewSource(seed)), rand.New(rand.NewSource(^seed))
	row := make([]float32, f.vocab)
	for i := range row {
		row[i] = float32(3*clean.NormFloat64() + f.noise*noise.NormFloat64())
	}
	return row
}

// naive is softmax straight from the definition.
func naive(row []float32) []float64 {
	p, total := make([]float64, len(row)), 0.0
	for i, v := range row {
		p[i] = math.Exp(float64(v))
		total += p[i]
	}
	for i := range p {
		p[i] /= total
	}
	return p
}

func text(n, vocab int) []int32 {
	r := rand.New(rand.NewSource(7))
	t := make([]int32, n)
	for i := range t {
		t[i] = int32(r.Intn(vocab))
	}
	return t
}

func TestRunEqualsDefinitions(t *testing.T) {
	const vocab, ctx, bos = 37, 16, 3
	tokens := text(5*ctx+7, vocab)
	base, quant := &fake{vocab: vocab}, &fake{vocab: vocab, noise: 0.5}
	opt := Options{Protocol: Protocol{Ctx: ctx, BOS: bos}, Options: model.Options{Threads: 3}}
	rep, err := Run(context.Background(), []Side{{"base", base, vocab}, {"quant", quant, vocab}}, tokens, opt)
	if err != nil {
		t.Fatal(err)
	}
	var nllB, nllQ, kld []float64
	same := 0
	for c := range 5 {
		chunk := append([]int32{bos}, tokens[c*ctx+1:(c+1)*ctx]...)
		for pos := ctx / 2; pos <= ctx-2; pos++ {
			rb, rq := base.row(chunk, pos), quant.row(chunk, pos)
			pb, pq := naive(rb), naive(rq)
			next := tokens[c*ctx+pos+1]
			nllB, nllQ = append(nllB, -math.Log(pb[next])), append(nllQ, -math.Log(pq[next]))
			k := 0.0
			for i := range pb {
				k += pb[i] * math.Log(pb[i]/pq[i])
			}
			kld = append(kld, k)
			if argmax(rb) == argmax(rq) {
				same++
			}
		}
	}
	near := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 2e-6*(1+math.Abs(want)) {
			t.Errorf("%s: %g, want %g", what, got, want)
		}
	}
	v := rep.Models[1].Versus
	n := float64(len(kld))
	near("scored", float64(rep.Scored), 5*7)
	near("chunks", float64(rep.Protocol.Chunks), 5)
	near("ppl base", rep.Models[0].Perplexity.Value, math.Exp(sum(nllB)/n))
	near("ppl quant", rep.Models[1].Perplexity.Value, math.Exp(sum(nllQ)/n))
	near("ratio", v.PPLRatio.Value, math.Exp((sum(nllQ)-sum(nllB))/n))
	near("kld", v.KLD.Mean.Value, sum(kld)/n)
	near("same top", v.SameTop.Value, float64(same)/n)
	var sq float64
	for _, x := range nllB {
		sq += x * x
	}
	m := sum(nllB) / n
	near("ppl error", rep.Models[0].Perplexity.Error, math.Exp(m)*math.Sqrt((sq/n-m*m)/(n-1)))
}

func TestRunIsTheSameInAnyWay(t *testing.T) {
	tokens := text(300, 20)
	var first *Report
	for _, c := range []struct {
		threads, group int
		ram            int64
	}{{1, 1, 0}, {2, 1, 0}, {5, 3, 0}, {1, 100, 0}, {2, 4, 1}, {2, 100, 1 << 30}} {
		sides := []Side{{"a", &fake{vocab: 20, group: c.group}, 20}, {"b", &fake{vocab: 20, noise: 1, group: 2 * c.group}, 20}}
		last := Progress{}
		opt := Options{Protocol: Protocol{Ctx: 32, BOS: -1}, Options: model.Options{Threads: c.threads, MaxRAM: c.ram}}
		opt.Progress = func(p Progress) {
			if p.Done < last.Done || p.Total != 9*32 || p.First < last.First || p.Last > 9 {
				t.Errorf("%+v comes after %+v", p, last)
			}
			last = p
		}
		rep, err := Run(context.Background(), sides, tokens, opt)
		if err != nil {
			t.Fatal(err)
		}
		if last.Done != last.Total || last.Last != 9 {
			t.Errorf("the progress ends at %+v", last)
		}
		if first == nil {
			first = rep
		}
		if !reflect.DeepEqual(rep.Models[1].Versus, first.Models[1].Versus) || rep.Models[0].Perplexity != first.Models[0].Perplexity {
			t.Errorf("%+v gives other numbers", c)
		}
	}
}

func TestRunRefuses(t *testing.T) {
	run := func(vocabB, n int) error {
		sides := []Side{{"a", &fake{vocab: 20}, 20}, {"b", &fake{vocab: vocabB}, vocabB}}
		_, err := Run(context.Background(), sides, text(n, 20), Options{Protocol: Protocol{Ctx: 32, BOS: -1}})
		return err
	}
	for want, err := range map[string]error{"cannot be compared": run(21, 100), "needs at least 64": run(20, 63)} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	sides := []Side{{"a", &fake{vocab: 10}, 10}}
	if _, err := Run(context.Background(), sides, text(100, 20), Options{Protocol: Protocol{Ctx: 32}}); err == nil || !strings.Contains(err.Error(), "do not belong together") {
		t.Errorf("token beyond the vocabulary: %v", err)
	}
}

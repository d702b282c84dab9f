package verify

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"quern/internal/model"
)

// A Scorer is the part of a model that is measured; *model.Model is one.
type Scorer interface {
	States(ctx context.Context, seqs [][]int32, want func(seq, pos int) bool, opt model.Options) (*model.States, error)
	Logits(dst []float32, s *model.States, from, to int, opt model.Options) error
}

// A Side is a model under test and the name that the report gives it.
type Side struct {
	Name  string
	Model Scorer
	Vocab int // length of a row of its logits
}

// Options of a run.
type Options struct {
	Protocol
	model.Options
	Progress func(done, total int) // chunks
	Analysis
}

const (
	batchTokens = 2048    // tokens in one forward pass: weights are decoded once for so many
	blockFloats = 8 << 20 // logits held at once, for each model
)

// Run measures all sides on the same tokens; the first is the base of the others.
func Run(ctx context.Context, sides []Side, tokens []int32, opt Options) (*Report, error) {
	if opt.Ctx == 0 {
		opt.Ctx = DefaultCtx
	}
	input, text, err := opt.Cut(tokens)
	if err != nil {
		return nil, err
	}
	if err := sameVocab(sides, tokens); err != nil {
		return nil, err
	}
	opt.Threads = max(1, opt.Threads)
	r := newRun(sides, opt, len(input))
	step := max(1, batchTokens/opt.Ctx)
	for c := 0; c < len(input); c += step {
		end := min(c+step, len(input))
		if err := r.batch(ctx, c, input[c:end], text[c:end]); err != nil {
			return nil, err
		}
		if opt.Progress != nil {
			opt.Progress(end, len(input))
		}
		if r.decided(end) {
			break
		}
	}
	return r.report(text, len(tokens)), nil
}

// sameVocab refuses models whose rows of logits do not line up, and tokens that they do not have.
func sameVocab(sides []Side, tokens []int32) error {
	base := sides[0]
	for _, s := range sides[1:] {
		if s.Vocab != base.Vocab {
			return fmt.Errorf("%s has %d tokens in its vocabulary, %s has %d: their predictions cannot be compared", s.Name, s.Vocab, base.Name, base.Vocab)
		}
	}
	for i, t := range tokens {
		if t < 0 || int(t) >= base.Vocab {
			return fmt.Errorf("token %d of the text has id %d, %s knows ids below %d: its tokenizer and its weights do not belong together", i, t, base.Name, base.Vocab)
		}
	}
	return nil
}

// batch evaluates some chunks, the first of them being number first of the text, in every model.
func (r *run) batch(ctx context.Context, first int, input, text [][]int32) error {
	states := make([]*model.States, len(r.sides))
	for i, s := range r.sides {
		began := time.Now()
		var err error
		if states[i], err = s.Model.States(ctx, input, func(_, pos int) bool { return r.opt.Scored(pos) }, r.opt.Options); err != nil {
			return fmt.Errorf("%s: %w", s.Name, err)
		}
		r.tracks[i].seconds += time.Since(began).Seconds()
	}
	vocab := r.sides[0].Vocab
	rows := max(1, min(blockFloats/vocab, len(states[0].Pos)))
	logits := make([][]float32, len(r.sides))
	for i := range logits {
		logits[i] = make([]float32, rows*vocab)
	}
	for from := 0; from < len(states[0].Pos); from += rows {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := r.block(first, text, states, logits, from, min(from+rows, len(states[0].Pos))); err != nil {
			return err
		}
	}
	return nil
}

// block turns the wanted states from..to into logits and scores them.
func (r *run) block(first int, text [][]int32, states []*model.States, logits [][]float32, from, to int) error {
	for i, s := range r.sides {
		began := time.Now()
		if err := s.Model.Logits(logits[i], states[i], from, to, r.opt.Options); err != nil {
			return fmt.Errorf("%s: %w", s.Name, err)
		}
		r.tracks[i].seconds += time.Since(began).Seconds()
	}
	vocab := r.sides[0].Vocab
	var g errgroup.Group
	for w := range r.opt.Threads {
		g.Go(func() error {
			exp := newScratch(vocab)
			for i := from + w; i < to; i += r.opt.Threads {
				seq, pos := states[0].Seq[i], states[0].Pos[i]
				at := (first+seq)*r.perChunk + pos - r.opt.Ctx/2
				r.score(at, text[seq][pos+1], logits, (i-from)*vocab, vocab, exp)
			}
			return nil
		})
	}
	return g.Wait()
}

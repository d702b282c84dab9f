package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"quern/formats"
	"quern/internal/model"
)

// A Scorer is the part of a model that is measured; *model.Model is one.
type Scorer interface {
	States(ctx context.Context, seqs [][]int32, want func(seq, pos int) bool, opt model.Options) (*model.States, error)
	Logits(dst []float32, s *model.States, from, to int, opt model.Options) error
	// Group is how many of seqs, one at least, States runs reading every weight once.
	Group(seqs [][]int32, opt model.Options) int
}

// A Side is a model under test and the name that the report gives it.
type Side struct {
	Name  string
	Model Scorer
	Vocab int // length of a row of its logits
}

// failed says which side an error is of, unless it names a file already.
func (s Side) failed(err error) error {
	var e *formats.Error
	if errors.As(err, &e) && e.File != "" {
		return err
	}
	return fmt.Errorf("%s: %w", s.Name, err)
}

// Options of a run. Where there are Sequences, they stand for the tokens of the text. MaxRAM is for all models together; the numbers do not depend on it.
type Options struct {
	Protocol
	model.Options
	Progress  func(Progress) // may be nil
	Sequences []Sequence
	Analysis
}

// Run measures all sides on the same tokens; the first is the base of the others.
func Run(ctx context.Context, sides []Side, tokens []int32, opt Options) (*Report, error) {
	if opt.Ctx == 0 {
		opt.Ctx = DefaultCtx
	}
	number, input, text, err := opt.number(tokens)
	if err != nil {
		return nil, err
	}
	if err := sameVocab(sides, slices.Concat(append([][]int32{tokens}, text...)...)); err != nil {
		return nil, err
	}
	opt.Threads = max(1, opt.Threads)
	r := newRun(sides, opt, number.total)
	r.number, r.sequences = number, len(text)
	for c := 0; c < len(input) && number.finished(c) < number.total; {
		end := r.groupEnd(c, input)
		if err := r.group(ctx, c, input[c:end], text[c:end]); err != nil {
			return nil, err
		}
		if r.decided(r.number.finished(end)) {
			break
		}
		c = end
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

// wanted says that a prediction counts.
func (r *run) wanted(seq, pos int) bool {
	at := r.number.of(seq, pos)
	return at >= 0 && at < r.total*r.perChunk
}

// group evaluates some chunks, the first of them being number first of the text, in every model.
func (r *run) group(ctx context.Context, first int, input, text [][]int32) error {
	states := make([]*model.States, len(r.sides))
	for i, s := range r.sides {
		began := time.Now()
		opt := r.opt.Options
		opt.Step = r.step(first, len(input), i)
		var err error
		if states[i], err = s.Model.States(ctx, input, func(seq, pos int) bool { return r.wanted(first+seq, pos) }, opt); err != nil {
			return s.failed(err)
		}
		r.tracks[i].seconds += time.Since(began).Seconds()
	}
	vocab, n := r.sides[0].Vocab, len(states[0].Pos)
	rows := max(1, min(r.blockFloats/vocab, n))
	for i := range r.logits {
		if len(r.logits[i]) < rows*vocab {
			r.logits[i] = make([]float32, rows*vocab)
		}
	}
	for from := 0; from < n; from += rows {
		if err := ctx.Err(); err != nil {
			return err
		}
		to := min(from+rows, n)
		if err := r.block(first, text, states, r.logits, from, to); err != nil {
			return err
		}
		r.scored(first, len(input), float64(to)/float64(n))
	}
	return nil
}

// block turns the wanted states from..to into logits and scores them.
func (r *run) block(first int, text [][]int32, states []*model.States, logits [][]float32, from, to int) error {
	for i, s := range r.sides {
		began := time.Now()
		if err := s.Model.Logits(logits[i], states[i], from, to, r.opt.Options); err != nil {
			return s.failed(err)
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
				r.score(r.number.of(first+seq, pos), text[seq][pos+1], logits, (i-from)*vocab, vocab, exp)
			}
			return nil
		})
	}
	return g.Wait()
}

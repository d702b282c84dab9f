package verify

import (
	"context"
	"sync"

	"quern/internal/model"
)

// A BaselineWriter takes what a base predicts, in any order.
type BaselineWriter interface {
	// States are hidden the hidden state of one row of a chunk.
	states(chunk, row int, h []float32) error
	// logits are those of one row, and the token that followed.
	logits(chunk, row int, logits []float32, next int32) error
}

// A Recorder is a base whose predictions are written down while it is measured.
type Recorder struct {
	Scorer
	out    BaselineWriter
	vocab  int
	places *places

	mu   sync.Mutex
	seqs [][]int32 // of the last States
	seen map[int]bool
}

// Record writes what base, whose rows of logits have vocab numbers, predicts for the chunks to out.
func Record(base Scorer, out BaselineWriter, ctx, vocab int, chunks [][]int32) *Recorder {
	return &Recorder{Scorer: base, out: out, vocab: vocab, places: newPlaces(ctx, chunks), seen: map[int]bool{}}
}

// States runs the base and hands its states on.
func (r *Recorder) States(ctx context.Context, seqs [][]int32, want func(seq, pos int) bool, opt model.Options) (*model.States, error) {
	s, err := r.Scorer.States(ctx, seqs, want, opt)
	if err != nil || len(s.Pos) == 0 {
		return s, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seqs = seqs
	width := len(s.H) / len(s.Pos)
	for i, pos := range s.Pos {
		for _, chunk := range r.places.all(seqs[s.Seq[i]]) {
			if err := r.out.states(chunk, pos-r.places.first(), s.H[i*width:][:width]); err != nil {
				return nil, err
			}
		}
	}
	return s, nil
}

// Logits asks the base and hands its logits on. dst may be longer than they are.
func (r *Recorder) Logits(dst []float32, s *model.States, from, to int, opt model.Options) error {
	if err := r.Scorer.Logits(dst, s, from, to, opt); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := from; i < to; i++ {
		tokens, pos := r.seqs[s.Seq[i]], s.Pos[i]
		for _, chunk := range r.places.all(tokens) {
			if err := r.out.logits(chunk, pos-r.places.first(), dst[(i-from)*r.vocab:][:r.vocab], tokens[pos+1]); err != nil {
				return err
			}
		}
	}
	return nil
}

// all are the numbers of the chunks with these tokens.
func (p *places) all(tokens []int32) []int { return p.at[chunkKey(tokens)] }

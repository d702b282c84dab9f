package model

import (
	"context"
	"fmt"
	"math"

	"quern/formats"
)

// States are final hidden states, after the last norm: logits are made of them piece by piece, so that a large vocabulary
// needs no large memory.
type States struct {
	Seq, Pos []int     // where row i stands
	H        []float32 // [n][E]
}

// States runs whole sequences, of any lengths, and returns the states of the positions that are wanted, by sequence and
// position; a nil want wants all. A model with an encoder and a decoder has none of what the encoder reads (Decodes). Each sequence's states are the same as if it were run alone.
func (m *Model) States(ctx context.Context, seqs [][]int32, want func(seq, pos int) bool, opt Options) (*States, error) {
	if err := m.checkTokens(seqs); err != nil {
		return nil, err
	}
	s := &States{}
	cuts := m.cuts(seqs, want)
	wanted := make([]bool, 0, 1024)
	for i, tokens := range seqs {
		for pos := begins(cuts, i); pos < len(tokens); pos++ {
			w := want == nil || want(i, pos)
			wanted = append(wanted, w)
			if w {
				s.Seq, s.Pos = append(s.Seq, i), append(s.Pos, pos)
			}
		}
	}
	s.H = make([]float32, len(s.Pos)*m.params.Embd)
	r := m.begin(ctx, opt)
	r.plan(longest(seqs), opt)
	r.told = Step{Layers: len(m.layers), Total: m.work(seqs, cuts)}
	lib := &library{r: r}
	for out := s.H; len(seqs) > 0 && r.err == nil; {
		n := upTo(seqs, r.budget.tokens)
		g := r.group(seqs[:n], cuts[:min(n, len(cuts))], wanted, out)
		seqs, cuts = seqs[n:], cuts[min(n, len(cuts)):]
		r.more = r.more || r.passes > 0 || len(seqs) > 0 || len(m.legs) > 1
		r.pass(lib, g, len(seqs) > 0)
		wanted, out = wanted[len(g.place):], out[count(wanted[:len(g.place)])*m.params.Embd:]
	}
	lib.stop()
	r.passes++
	if err := r.end(); err != nil {
		return nil, err
	}
	return s, nil
}

// Logits writes those of rows from…to-1 of s to dst, [to-from][V].
func (m *Model) Logits(dst []float32, s *States, from, to int, opt Options) error {
	e, v := m.params.Embd, m.params.Vocab
	if m.encoder {
		return &formats.Error{File: m.path, Err: formats.Unsupported("an encoder has no logits of tokens")}
	}
	r := m.begin(context.Background(), opt)
	r.plan(0, opt)
	r.often, r.more = to-from > fewRows || r.logits > 0, true
	r.logits++
	r.apply(s.H[from*e:to*e], to-from, product{dst[:(to-from)*v], r.head(to - from)})
	if by := m.params.Scales.Logits; by != 0 && by != 1 {
		r.eachRow(to-from, func(_ *worker, row int) { scale(dst[row*v:][:v], 1/by) })
	}
	if by := m.params.Scales.Times; by != 0 && by != 1 && !(m.runsPlain && opt.Mode == Deploy) {
		r.eachRow(to-from, func(_ *worker, row int) { scale(dst[row*v:][:v], by) })
	}
	if by := m.params.Caps.Logits; by != 0 {
		r.eachRow(to-from, func(_ *worker, row int) { capped(dst[row*v:][:v], by) })
	}
	if first, end := m.params.Mute(); end > 0 {
		r.eachRow(to-from, func(_ *worker, row int) {
			for i := first; i < end; i++ {
				dst[row*v+i] = -math.MaxFloat32
			}
		})
	}
	return r.end()
}

func (m *Model) checkTokens(seqs [][]int32) error {
	for i, tokens := range seqs {
		if m.positions != nil && len(tokens) > m.params.Context {
			return &formats.Error{File: m.path, Tensor: m.positions.Name, Err: formats.Unsupported("sequence %d has %d tokens, and the model knows %d positions", i, len(tokens), m.params.Context),
				Hint: "shorter chunks"}
		}
		for pos, id := range tokens {
			if id < 0 || int(id) >= m.params.Vocab {
				return inTensor(m.embed, fmt.Errorf("token %d of sequence %d: %w", pos, i,
					formats.Unsupported("id %d is outside the vocabulary of %d", id, m.params.Vocab)))
			}
		}
	}
	return nil
}

func count(want []bool) (n int) {
	for _, w := range want {
		if w {
			n++
		}
	}
	return n
}

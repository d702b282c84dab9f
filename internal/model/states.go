package model

import (
	"context"
	"fmt"

	"quern/formats"
)

// States are final hidden states, after the last norm: logits are made of them piece by piece, so that a large vocabulary
// needs no large memory.
type States struct {
	Seq, Pos []int     // where row i stands
	H        []float32 // [n][E]
}

// scratchBytes is what the activations of a batch may occupy when Options.Batch does not say how many tokens it has. More
// than 2048 tokens gain nothing: decoding the weights is then a small part of the work.
const scratchBytes = 256 << 20

// States runs whole sequences, of any lengths, and returns the states of the positions that are wanted, by sequence and
// position; a nil want wants all. Each sequence's states are the same as if it were run alone.
func (m *Model) States(ctx context.Context, seqs [][]int32, want func(seq, pos int) bool, opt Options) (*States, error) {
	if err := m.checkTokens(seqs); err != nil {
		return nil, err
	}
	s := &States{}
	wanted := make([]bool, 0, 1024)
	for i, tokens := range seqs {
		for pos := range tokens {
			w := want == nil || want(i, pos)
			wanted = append(wanted, w)
			if w {
				s.Seq, s.Pos = append(s.Seq, i), append(s.Pos, pos)
			}
		}
	}
	s.H = make([]float32, len(s.Pos)*m.params.Embd)
	r := m.begin(ctx, opt)
	out := s.H
	for len(seqs) > 0 {
		n, tokens := m.batch(seqs, opt.Batch)
		r.forward(out, seqs[:n], wanted[:tokens])
		out = out[count(wanted[:tokens])*m.params.Embd:]
		seqs, wanted = seqs[n:], wanted[tokens:]
	}
	if err := r.end(); err != nil {
		return nil, err
	}
	return s, nil
}

// Logits writes those of rows from…to-1 of s to dst, [to-from][V].
func (m *Model) Logits(dst []float32, s *States, from, to int, opt Options) error {
	e, v := m.params.Embd, m.params.Vocab
	r := m.begin(context.Background(), opt)
	r.apply(s.H[from*e:to*e], to-from, product{dst[:(to-from)*v], &m.head})
	return r.end()
}

// batch says how many of seqs go through the model together, and their tokens: one at least, and no more than fit.
func (m *Model) batch(seqs [][]int32, limit int) (n, tokens int) {
	if limit <= 0 {
		p := &m.params
		perToken := 4 * (2*p.Embd + 2*p.Heads*p.HeadDim + 2*p.KVHeads*p.HeadDim + 3*p.FF)
		limit = min(max(scratchBytes/perToken, 512), 2048)
	}
	for n < len(seqs) && (n == 0 || tokens+len(seqs[n]) <= limit) {
		tokens += len(seqs[n])
		n++
	}
	return n, tokens
}

func (m *Model) checkTokens(seqs [][]int32) error {
	for i, tokens := range seqs {
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

// Package verify measures what quantization cost: perplexity, divergence, agreement, each number with its uncertainty,
// and gates that decide on them.
package verify

import (
	"errors"
	"fmt"
)

// A Protocol says which tokens are scored, and after what context. It is llama-perplexity's: the text is tokenized once
// and cut into chunks of Ctx tokens, the rest is dropped; the first token of each chunk is replaced by BOS where the
// vocabulary adds one; nothing carries over between chunks; positions Ctx/2 … Ctx-2 are scored on the token after them.
type Protocol struct {
	Ctx    int `json:"ctx"`    // tokens in a chunk; 0 = 512
	Chunks int `json:"chunks"` // chunks at most; 0 = all that the text holds
	BOS    int `json:"bos"`    // token that replaces the first of a chunk, or -1
	// Conversations stand in the place of a text where there are any: each is its own context, and a chunk is as many tokens of
	// their answers as are scored in one of a text.
	Conversations int `json:"conversations,omitempty"`
}

// DefaultCtx is llama-perplexity's chunk length.
const DefaultCtx = 512

// ErrShort is returned for a text with fewer than two chunks of tokens.
var ErrShort = errors.New("text too short")

// Cut returns the chunks of tokens to evaluate and the same chunks as they stand in the text; only the first token of
// each may differ.
func (p Protocol) Cut(tokens []int32) (input, text [][]int32, err error) {
	ctx := p.ctx()
	if ctx < 4 {
		return nil, nil, fmt.Errorf("context of %d tokens: at least 4 are needed", ctx)
	}
	if len(tokens) < 2*ctx {
		return nil, nil, fmt.Errorf("%w: %d tokens, a context of %d needs at least %d", ErrShort, len(tokens), ctx, 2*ctx)
	}
	n := len(tokens) / ctx
	if p.Chunks > 0 {
		n = min(n, p.Chunks)
	}
	for c := range n {
		chunk := tokens[c*ctx : (c+1)*ctx]
		text = append(text, chunk)
		if p.BOS >= 0 {
			chunk = append([]int32{int32(p.BOS)}, chunk[1:]...)
		}
		input = append(input, chunk)
	}
	return input, text, nil
}

// Scored reports whether the prediction made at position pos of a chunk counts.
func (p Protocol) Scored(pos int) bool { return pos >= p.ctx()/2 && pos <= p.ctx()-2 }

// PerChunk is the number of predictions that count in a chunk.
func (p Protocol) PerChunk() int { return p.ctx() - 1 - p.ctx()/2 }

func (p Protocol) ctx() int {
	if p.Ctx == 0 {
		return DefaultCtx
	}
	return p.Ctx
}

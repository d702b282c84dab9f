package calib

import (
	"errors"
	"fmt"
)

// DefaultCtx is llama-imatrix's chunk length.
const DefaultCtx = 512

// ErrShort is inside the error for a text with fewer than two chunks of tokens.
var ErrShort = errors.New("text too short")

// Cutting says how tokens become chunks. It is llama-imatrix's way: whole chunks of Ctx tokens, the rest is dropped, and the
// first token of each chunk is replaced by BOS where the vocabulary adds one.
type Cutting struct {
	Ctx   int // tokens in a chunk
	First int // chunks to leave out at the beginning
	Most  int // chunks at most; 0 = all
	BOS   int // or -1
}

// Chunks cuts tokens, which stay as they are.
func (c Cutting) Chunks(tokens []int32) ([][]int32, error) {
	if c.Ctx < 16 {
		return nil, fmt.Errorf("chunks of %d tokens: at least 16 are needed", c.Ctx)
	}
	if n := len(tokens); n < (c.First+2)*c.Ctx {
		return nil, fmt.Errorf("%w: %d tokens, two chunks of %d after the first %d need %d", ErrShort, n, c.Ctx, c.First, (c.First+2)*c.Ctx)
	}
	n := len(tokens)/c.Ctx - c.First
	if c.Most > 0 {
		n = min(n, c.Most)
	}
	chunks := make([][]int32, n)
	for i := range chunks {
		at := (c.First + i) * c.Ctx
		chunks[i] = tokens[at : at+c.Ctx : at+c.Ctx]
		if c.BOS >= 0 {
			chunks[i] = append([]int32{int32(c.BOS)}, chunks[i][1:]...)
		}
	}
	return chunks, nil
}

package verify

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"quern/internal/model"
)

// places finds chunks by their tokens, so that a file of a base's predictions serves a run in whatever order and batches
// the run asks. The first token is left out: BOS may stand for it.
type places struct {
	ctx int
	at  map[[32]byte][]int // the same tokens may be there twice
}

func newPlaces(ctx int, chunks [][]int32) *places {
	p := &places{ctx, map[[32]byte][]int{}}
	for c, tokens := range chunks {
		k := chunkKey(tokens)
		p.at[k] = append(p.at[k], c)
	}
	return p
}

func chunkKey(tokens []int32) [32]byte {
	b := make([]byte, 0, 4*len(tokens))
	for _, t := range tokens[min(1, len(tokens)):] {
		b = binary.LittleEndian.AppendUint32(b, uint32(t))
	}
	return sha256.Sum256(b)
}

// find is the number of the chunk with these tokens, -1 when there is none.
func (p *places) find(tokens []int32) int {
	if at := p.at[chunkKey(tokens)]; len(at) > 0 && len(tokens) == p.ctx {
		return at[0]
	}
	return -1
}

// perChunk and first are those of llama-perplexity's protocol.
func (p *places) perChunk() int { return p.ctx - 1 - p.ctx/2 }
func (p *places) first() int    { return p.ctx / 2 }

// rows are states whose hidden vector is two numbers, the chunk and the row in it: enough to find the rest in a file.
func (p *places) rows(ctx context.Context, seqs [][]int32, want func(seq, pos int) bool) (*model.States, error) {
	s := &model.States{}
	for i, tokens := range seqs {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		chunk := p.find(tokens)
		for pos := range tokens {
			if want != nil && !want(i, pos) {
				continue
			}
			row := pos - p.first()
			if chunk < 0 || row < 0 || row >= p.perChunk() {
				return nil, fmt.Errorf("the baseline holds nothing for position %d of these tokens: it was made of another text or with another protocol", pos)
			}
			s.Seq, s.Pos, s.H = append(s.Seq, i), append(s.Pos, pos), append(s.H, float32(chunk), float32(row))
		}
	}
	return s, nil
}

// row is what rows stored: exact, since both numbers are far below 2^24.
func row(s *model.States, i int) (chunk, row int) { return int(s.H[2*i]), int(s.H[2*i+1]) }

// chunksOf cuts tokens without replacing any.
func chunksOf(tokens []int32, ctx int) [][]int32 {
	var out [][]int32
	for ; len(tokens) >= ctx; tokens = tokens[ctx:] {
		out = append(out, tokens[:ctx])
	}
	return out
}

// wholeText is a base that is read, not run: any number of chunks will do.
type wholeText struct{}

// Group is all of them.
func (wholeText) Group(seqs [][]int32, _ model.Options) int { return len(seqs) }

package verify

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"quern/formats"
	"quern/internal/kernel"
	"quern/internal/model"
)

// llama-perplexity's --kl-divergence-base writes log-probabilities as 16 bit codes: "_logits_", then as int32 the context,
// the vocabulary, the number of chunks and all their tokens; then for each scored position a row of 16 bit words: a float32
// scale, a float32 minimum, and a code for each token. What is 16 nats below the most likely token is clipped, so such a
// file knows divergences less well than a model; llama-perplexity leaves the clipped tokens out of its sums.
const logitsMagic = "_logits_"

// clip is how far below the most likely token a code reaches, and below which log-probability a token does not count.
const clip = 16

// A LogitsFile is a base in llama-perplexity's format. It stands for the base in Run, and the numbers are then those that
// llama-perplexity would print.
type LogitsFile struct {
	wholeText
	Ctx, Vocab, Chunks int
	Tokens             []int32

	r      io.ReaderAt
	start  int64 // of the rows
	places *places
}

// OpenLogits reads the header of a file of size bytes.
func OpenLogits(r io.ReaderAt, size int64) (*LogitsFile, error) {
	head := make([]byte, 20)
	if _, err := r.ReadAt(head, 0); err != nil || string(head[:8]) != logitsMagic {
		return nil, formats.Corrupt("does not begin with %s", logitsMagic)
	}
	word := func(i int) int64 { return int64(int32(binary.LittleEndian.Uint32(head[8+4*i:]))) }
	ctx, vocab, chunks := word(0), word(1), word(2)
	if ctx < 4 || vocab < 1 || chunks < 1 || ctx > 1<<24 || vocab > 1<<27 || chunks > 1<<24 {
		return nil, formats.Corrupt("a context of %d, a vocabulary of %d, %d chunks", ctx, vocab, chunks)
	}
	f := &LogitsFile{Ctx: int(ctx), Vocab: int(vocab), Chunks: int(chunks), r: r, start: 20 + 4*ctx*chunks}
	if want := f.start + chunks*(ctx-1-ctx/2)*f.rowBytes(); size != want {
		return nil, formats.Corrupt("%d bytes, %d chunks of %d tokens make %d: was it written to its end?", size, chunks, ctx, want)
	}
	raw := make([]byte, 4*ctx*chunks)
	if _, err := r.ReadAt(raw, 20); err != nil {
		return nil, err
	}
	f.Tokens = make([]int32, ctx*chunks)
	for i := range f.Tokens {
		f.Tokens[i] = int32(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	f.places = newPlaces(f.Ctx, chunksOf(f.Tokens, f.Ctx))
	return f, nil
}

// rowBytes is the length of a row, which has an even number of codes.
func (f *LogitsFile) rowBytes() int64 { return int64(4*((f.Vocab+1)/2) + 8) }

// States says which rows are meant.
func (f *LogitsFile) States(ctx context.Context, seqs [][]int32, want func(seq, pos int) bool, _ model.Options) (*model.States, error) {
	return f.places.rows(ctx, seqs, want)
}

// Logits fills rows with log-probabilities.
func (f *LogitsFile) Logits(dst []float32, s *model.States, from, to int, _ model.Options) error {
	raw := make([]byte, f.rowBytes())
	for i := from; i < to; i++ {
		chunk, n := row(s, i)
		if _, err := f.r.ReadAt(raw, f.start+int64(chunk*f.places.perChunk()+n)*f.rowBytes()); err != nil {
			return err
		}
		scale := math.Float32frombits(binary.LittleEndian.Uint32(raw))
		low := math.Float32frombits(binary.LittleEndian.Uint32(raw[4:]))
		out := dst[(i-from)*f.Vocab:][:f.Vocab]
		for j := range out {
			out[j] = float32(scale*float32(binary.LittleEndian.Uint16(raw[8+2*j:]))) + low
		}
	}
	return nil
}

// predict takes log-probabilities as they are: rounding and clipping are not made up for, as in llama-perplexity.
func (f *LogitsFile) predict(row []float32, next int32) (prediction, float64) {
	nll := -float64(row[next])
	return prediction{nll: nll, p: math.Exp(-nll), top: argmax(row)}, 0
}

func (f *LogitsFile) divergence(row, logits, _ []float32, _, lse float64) float64 {
	s := 0.0
	for i, lp := range row {
		if lp > -clip {
			s += math.Exp(float64(lp)) * (float64(lp) - float64(logits[i]) + lse)
		}
	}
	return s
}

func (f *LogitsFile) best(dst []int32, row []float32) []int32 { return largest(dst, row, TopK) }

// logitsHeader is what stands before the rows.
func logitsHeader(ctx, vocab int, tokens []int32) []byte {
	b := []byte(logitsMagic)
	for _, v := range []int{ctx, vocab, len(tokens) / ctx} {
		b = binary.LittleEndian.AppendUint32(b, uint32(v))
	}
	for _, t := range tokens[:len(tokens)/ctx*ctx] {
		b = binary.LittleEndian.AppendUint32(b, uint32(t))
	}
	return b
}

// appendLogitsRow encodes logits; exp is scratch.
func appendLogitsRow(b []byte, logits, exp []float32) []byte {
	top := kernel.Max(logits)
	low := logits[0]
	for _, v := range logits {
		low = min(low, v)
	}
	low = max(low, top-clip)
	lse := float32(math.Log(kernel.ExpSum(exp, logits, top)))
	scale := (top - low) / 65535
	b = binary.LittleEndian.AppendUint32(b, math.Float32bits(scale))
	b = binary.LittleEndian.AppendUint32(b, math.Float32bits(low-top-lse))
	inverse := float32(0)
	if scale > 0 {
		inverse = 1 / scale
	}
	for _, v := range logits {
		code := uint16(0)
		if v > low {
			code = uint16(min(65535, math.RoundToEven(float64(inverse*(v-low)))))
		}
		b = binary.LittleEndian.AppendUint16(b, code)
	}
	if len(logits)%2 == 1 {
		b = append(b, 0, 0)
	}
	return b
}

// String says what the file is.
func (f *LogitsFile) String() string {
	return fmt.Sprintf("%d chunks of %d tokens, %d log-probabilities each, clipped at %d nats", f.Chunks, f.Ctx, f.Vocab, clip)
}

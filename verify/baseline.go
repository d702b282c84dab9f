package verify

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"

	"github.com/klauspost/compress/zstd"

	"quern/formats"
)

// A baseline file holds what a base predicts on a text, so that the base need not run again, or need not be there at all:
// the magic, the length of a JSON header as uint32, the header, then frames, each with its length as uint32: the tokens, and one
// for each chunk, compressed with zstd and with its checksum. All numbers are little endian.
const baselineMagic = "QUERNBL1"

// Kinds of baseline files.
const (
	// KindStates holds hidden states in 16 bits: small and nearly exact, but the base's output matrix has to be there.
	KindStates = "states"
	// KindTop holds the log-probabilities of the most likely tokens and what is left: needs nothing else. Tokens outside count
	// as one, so divergences are lower bounds (the log sum inequality).
	KindTop = "top"
	// KindLlama is llama-perplexity's format.
	KindLlama = "llama"
)

// BaselineHeader says what a file is made of; the hashes address its content.
type BaselineHeader struct {
	Kind      string `json:"kind"`
	Base      string `json:"base"`
	Mode      string `json:"mode"`
	Ctx       int    `json:"ctx"`
	BOS       int    `json:"bos"`
	Chunks    int    `json:"chunks"`
	Vocab     int    `json:"vocab"`
	Width     int    `json:"width"` // of a hidden state, or tokens kept of a row at most
	Weights   string `json:"weights_sha256"`
	Tokenizer string `json:"tokenizer_sha256"`
	Text      string `json:"text_sha256"`

	// What the file leaves out. Error is the divergence of sampled predictions from those of the stored states, in nats; for
	// log-probabilities, the largest rounding. Tail is the probability outside the tokens that are kept.
	ErrorMean Number `json:"error_mean"`
	ErrorMax  Number `json:"error_max"`
	TailMean  Number `json:"tail_mean"`
	TailMax   Number `json:"tail_max"`
}

const (
	maxHeader = 1 << 20
	maxFrame  = 1 << 30
	maxRatio  = 1000 // of what a frame holds to its size; more is no baseline but a bomb
)

// A baselineFile is an open baseline.
type baselineFile struct {
	wholeText
	BaselineHeader
	Tokens []int32
	r      io.ReaderAt
	frame  []int64 // where each chunk's begins
	places *places
	chunk  int // that is in data
	data   []byte
}

// openBaseline reads the header and finds the frames.
func openBaseline(r io.ReaderAt, size int64) (*baselineFile, error) {
	head := make([]byte, 12)
	if _, err := r.ReadAt(head, 0); err != nil || string(head[:8]) != baselineMagic {
		return nil, formats.Corrupt("does not begin with %s", baselineMagic)
	}
	n := int64(binary.LittleEndian.Uint32(head[8:]))
	if n > maxHeader || 12+n > size {
		return nil, formats.Corrupt("a header of %d bytes in a file of %d", n, size)
	}
	text := make([]byte, n)
	if _, err := r.ReadAt(text, 12); err != nil {
		return nil, err
	}
	f := &baselineFile{r: r, chunk: -1}
	if err := json.Unmarshal(text, &f.BaselineHeader); err != nil {
		return nil, formats.Corrupt("the header is not JSON: %v", err)
	}
	if f.Ctx < 4 || f.Ctx > 1<<24 || f.Vocab < 1 || f.Vocab > 1<<27 || f.Chunks < 1 || int64(f.Chunks) > size || f.Width < 1 || f.Width > 1<<24 {
		return nil, formats.Corrupt("a context of %d, a vocabulary of %d, %d chunks, width %d", f.Ctx, f.Vocab, f.Chunks, f.Width)
	}
	at := 12 + n
	for range f.Chunks + 1 {
		if _, err := r.ReadAt(head[:4], at); err != nil {
			return nil, formats.Corrupt("ends before its last frame")
		}
		f.frame = append(f.frame, at)
		at += 4 + int64(binary.LittleEndian.Uint32(head))
		if at > size {
			return nil, formats.Corrupt("ends within a frame")
		}
	}
	if at != size {
		return nil, formats.Corrupt("%d bytes after the last frame", size-at)
	}
	return f, f.readTokens()
}

func (f *baselineFile) readTokens() error {
	raw, err := f.read(0, 4*int64(f.Ctx)*int64(f.Chunks))
	if err != nil {
		return err
	}
	if len(raw) != 4*f.Ctx*f.Chunks {
		return formats.Corrupt("%d bytes of tokens for %d chunks of %d", len(raw), f.Chunks, f.Ctx)
	}
	for i := 0; i < len(raw); i += 4 {
		f.Tokens = append(f.Tokens, int32(binary.LittleEndian.Uint32(raw[i:])))
	}
	f.places = newPlaces(f.Ctx, chunksOf(f.Tokens, f.Ctx))
	return nil
}

// read decompresses frame i, of at most limit bytes.
func (f *baselineFile) read(i int, limit int64) ([]byte, error) {
	head := make([]byte, 4)
	if _, err := f.r.ReadAt(head, f.frame[i]); err != nil {
		return nil, err
	}
	packed := make([]byte, binary.LittleEndian.Uint32(head))
	if _, err := f.r.ReadAt(packed, f.frame[i]+4); err != nil {
		return nil, err
	}
	limit = min(limit, maxRatio*int64(len(packed)))
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(uint64(min(max(limit, 1<<10), maxFrame))))
	if err != nil {
		return nil, err
	}
	defer d.Close()
	out, err := d.DecodeAll(packed, nil)
	if err != nil {
		return nil, formats.Corrupt("frame %d: %v", i, err)
	}
	return out, nil
}

// load makes the data of a chunk current.
func (f *baselineFile) load(chunk int, limit int64) error {
	if f.chunk == chunk {
		return nil
	}
	data, err := f.read(chunk+1, limit)
	if err != nil {
		return err
	}
	f.chunk, f.data = chunk, data
	return nil
}

// Describe says what the file is and what it leaves out.
func (h *BaselineHeader) Describe() string {
	if h.Kind == KindStates {
		return fmt.Sprintf("hidden states of %s, %d chunks of %d tokens; stored predictions diverge from exact ones by %.2g nats on average, %.2g at most",
			h.Base, h.Chunks, h.Ctx, float64(h.ErrorMean), float64(h.ErrorMax))
	}
	return fmt.Sprintf("the %d most likely tokens of %s, %d chunks of %d tokens; the others hold %.2g %% of probability on average, %.2g %% at most, and count as one: divergences are lower bounds",
		h.Width, h.Base, h.Chunks, h.Ctx, 100*float64(h.TailMean), 100*float64(h.TailMax))
}

func putFloat(b []byte, v float32) []byte {
	return binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
}

func floatAt(b []byte) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(b)) }

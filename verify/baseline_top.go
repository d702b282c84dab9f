package verify

import (
	"context"
	"encoding/binary"
	"math"
	"slices"

	"quern/formats"
	"quern/internal/kernel"
	"quern/internal/model"
)

// A row keeps up to Width tokens: the log-probability of the likeliest, the distance from it to the last one kept, the log
// of the probability of all others, the negative log-likelihood of the token that followed, and for each token, by rising
// id, the distance of its id from the one before and a 16 bit code between the two bounds. A frame holds the 16 bytes of
// all rows, then the numbers of tokens as uint16, the codes' high bytes, their low bytes, and the distances as varints.

// TopTokens is how many tokens of a row are kept unless it is said otherwise.
const TopTokens = 1024

const topFixed = 18 // bytes of a row beside its tokens

// TopWriter writes the most likely tokens of each row.
type TopWriter struct {
	*frameWriter
	exp   []float32
	heap  []int32
	rows  int
	tails float64
}

// NewTopWriter begins a file that keeps h.Width tokens of each row.
func NewTopWriter(path string, h BaselineHeader, tokens []int32) (*TopWriter, error) {
	h.Kind, h.Width = KindTop, max(1, min(h.Width, (h.Vocab-4)/2))
	w, err := newFrameWriter(path, h, tokens, packTop)
	if err != nil {
		return nil, err
	}
	return &TopWriter{frameWriter: w, exp: make([]float32, h.Vocab)}, nil
}

func (w *TopWriter) states(int, int, []float32) error { return nil }

func (w *TopWriter) logits(chunk, row int, logits []float32, next int32) error {
	lse := kernel.LogSumExp(logits)
	w.heap = topK(w.heap[:0], logits, w.Width)
	ids := slices.Clone(w.heap)
	slices.Sort(ids)
	high, low, kept := math.Inf(-1), math.Inf(1), 0.0
	for _, id := range ids {
		lp := float64(logits[id]) - lse
		high, low, kept = max(high, lp), min(low, lp), kept+math.Exp(lp)
	}
	tail := max(0, 1-kept)
	b := putFloat(make([]byte, 0, topFixed+5*len(ids)), float32(high))
	b = putFloat(b, float32(high-low))
	b = putFloat(b, float32(math.Log(max(tail, 1e-30))))
	b = putFloat(b, float32(lse-float64(logits[next])))
	b = binary.LittleEndian.AppendUint16(b, uint16(len(ids)))
	for _, id := range ids {
		code := 0.0
		if high > low {
			code = math.RoundToEven((float64(logits[id]) - lse - low) / (high - low) * 65535)
		}
		b = binary.LittleEndian.AppendUint16(b, uint16(code))
	}
	last := int32(0)
	for _, id := range ids {
		b = binary.AppendUvarint(b, uint64(id-last))
		last = id
	}
	w.rows++
	w.tails += tail
	w.TailMax, w.ErrorMax = max(w.TailMax, Number(tail)), max(w.ErrorMax, Number((high-low)/131070))
	return w.add(chunk, row, b)
}

// Finish gives the file its name.
func (w *TopWriter) Finish() error {
	w.TailMean, w.ErrorMean = Number(w.tails/float64(max(1, w.rows))), w.ErrorMax
	return w.finish()
}

// topK appends the indices of the k largest elements, in no order: a threshold that rises keeps the list short.
func topK(dst []int32, x []float32, k int) []int32 {
	threshold := float32(math.Inf(-1))
	for i, v := range x {
		if v < threshold {
			continue
		}
		if dst = append(dst, int32(i)); len(dst) == 4*k {
			dst = largestOf(dst, x, k)
			threshold = x[dst[k-1]]
		}
	}
	return largestOf(dst, x, k)
}

// largestOf keeps the k indices of the largest elements, the earlier of equals.
func largestOf(ids []int32, x []float32, k int) []int32 {
	slices.SortFunc(ids, func(a, b int32) int {
		switch {
		case x[a] > x[b]:
			return -1
		case x[a] < x[b]:
			return 1
		}
		return int(a - b)
	})
	return ids[:min(k, len(ids))]
}

func packTop(rows [][]byte) []byte {
	var fixed, counts, high, low, ids []byte
	for _, r := range rows {
		fixed, counts = append(fixed, r[:16]...), append(counts, r[16:topFixed]...)
		n := int(binary.LittleEndian.Uint16(r[16:]))
		for i := range n {
			low, high = append(low, r[topFixed+2*i]), append(high, r[topFixed+2*i+1])
		}
		ids = append(ids, r[topFixed+2*n:]...)
	}
	return slices.Concat(fixed, counts, high, low, ids)
}

// TopFile is a base of which the most likely tokens are stored. What Logits fills is not logits but rows of its own layout,
// which only its own methods read: the number of tokens, the tail, the likelihood of the next token, then ids and
// log-probabilities in turn.
type TopFile struct {
	*baselineFile
	of    int   // the chunk that the offsets are of
	token []int // before each row, in the codes
	id    []int // before each row, in the distances
}

// States says which rows are meant.
func (f *TopFile) States(ctx context.Context, seqs [][]int32, want func(seq, pos int) bool, _ model.Options) (*model.States, error) {
	return f.places.rows(ctx, seqs, want)
}

// Logits fills rows with what is stored of them.
func (f *TopFile) Logits(dst []float32, s *model.States, from, to int, _ model.Options) error {
	for i := from; i < to; i++ {
		chunk, n := row(s, i)
		if err := f.load(chunk, int64(f.places.perChunk())*int64(topFixed+7*f.Width)); err != nil {
			return err
		}
		if err := f.index(chunk); err != nil {
			return err
		}
		if err := f.fill(dst[(i-from)*f.Vocab:][:f.Vocab], n); err != nil {
			return err
		}
	}
	return nil
}

// index finds where the rows of the current chunk begin.
func (f *TopFile) index(chunk int) (err error) {
	if f.token != nil && f.of == chunk {
		return nil
	}
	defer func() {
		if err != nil {
			f.token = nil // half of a chunk's offsets are none
		}
	}()
	per := f.places.perChunk()
	if len(f.data) < per*topFixed {
		return formats.Corrupt("chunk %d has %d bytes", chunk, len(f.data))
	}
	f.of, f.token, f.id = chunk, []int{0}, []int{0}
	total := 0
	for i := range per {
		k := int(binary.LittleEndian.Uint16(f.data[16*per+2*i:]))
		if k == 0 || 2*k+4 > f.Vocab {
			return formats.Corrupt("chunk %d keeps %d tokens in a row", chunk, k)
		}
		total += k
		f.token = append(f.token, total)
	}
	rest := f.data[per*topFixed:]
	if len(rest) < 2*total {
		return formats.Corrupt("chunk %d lacks codes", chunk)
	}
	rest = rest[2*total:]
	at := 0
	for i := range per {
		for range f.token[i+1] - f.token[i] {
			_, used := binary.Uvarint(rest[at:])
			if used <= 0 {
				return formats.Corrupt("chunk %d lacks ids", chunk)
			}
			at += used
		}
		f.id = append(f.id, at)
	}
	return nil
}

// fill decodes row n of the current chunk.
func (f *TopFile) fill(dst []float32, n int) error {
	per := f.places.perChunk()
	total, before := f.token[per], f.token[n]
	k := f.token[n+1] - before
	high := f.data[per*topFixed:]
	low, ids := high[total:], high[2*total+f.id[n]:]
	fixed := f.data[16*n:]
	top, span := floatAt(fixed), floatAt(fixed[4:])
	dst[0], dst[1], dst[2] = float32(k), floatAt(fixed[8:]), floatAt(fixed[12:])
	id := uint64(0)
	for i := range k {
		step, used := binary.Uvarint(ids)
		if id += step; id >= uint64(f.Vocab) || step >= uint64(f.Vocab) {
			return formats.Corrupt("token %d is outside the vocabulary", id)
		}
		ids = ids[used:]
		code := uint16(low[before+i]) | uint16(high[before+i])<<8
		dst[3+2*i], dst[4+2*i] = float32(id), top-span+float32(span*float32(code)/65535)
	}
	return nil
}

func (f *TopFile) predict(row []float32, _ int32) (prediction, float64) {
	p := prediction{nll: float64(row[2]), p: math.Exp(-float64(row[2]))}
	if best := f.best(nil, row); len(best) > 0 {
		p.top = int(best[0])
	}
	return p, 0
}

// divergence sums over the tokens that are kept, and counts all others as one.
func (f *TopFile) divergence(row, logits, _ []float32, _, lse float64) float64 {
	s, kept := 0.0, 0.0
	for i := range int(row[0]) {
		lp, lq := float64(row[4+2*i]), float64(logits[int(row[3+2*i])])-lse
		s += math.Exp(lp) * (lp - lq)
		kept += math.Exp(lq)
	}
	tail := float64(row[1])
	return s + math.Exp(tail)*(tail-math.Log(max(1-kept, 1e-12)))
}

func (f *TopFile) best(dst []int32, row []float32) []int32 {
	at := make([]float32, int(row[0]))
	for i := range at {
		at[i] = row[4+2*i]
	}
	for _, i := range largest(nil, at, min(TopK, len(at))) {
		dst = append(dst, int32(row[3+2*i]))
	}
	return dst
}

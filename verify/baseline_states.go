package verify

import (
	"context"
	"encoding/binary"
	"math"

	"quern/formats"
	"quern/internal/kernel"
	"quern/internal/model"
)

// A row of hidden states is a float32 scale and 16 bit codes. In a frame the scales of all rows come first, then the high
// bytes of all codes, then the low bytes: so they compress best.

// StatesWriter writes hidden states, and now and then tries what was lost.
type StatesWriter struct {
	*frameWriter
	base Scorer
	opt  model.Options

	current map[[2]int][]float32 // states that are tried when their logits come
	tried   []float64
}

// NewStatesWriter begins a file. base and opt are those of the run.
func NewStatesWriter(path string, h BaselineHeader, tokens []int32, base Scorer, opt model.Options) (*StatesWriter, error) {
	h.Kind = KindStates
	w, err := newFrameWriter(path, h, tokens, packStates)
	if err != nil {
		return nil, err
	}
	return &StatesWriter{frameWriter: w, base: base, opt: opt, current: map[[2]int][]float32{}}, nil
}

// triedEvery is which rows are tried.
const triedEvery = 100

func (w *StatesWriter) states(chunk, row int, h []float32) error {
	top := float32(0)
	for _, v := range h {
		top = max(top, v, -v)
	}
	scale := top / 32767
	b := putFloat(make([]byte, 0, 4+2*len(h)), scale)
	for _, v := range h {
		code := 0.0
		if scale > 0 {
			code = math.RoundToEven(float64(v) / float64(scale))
		}
		b = binary.LittleEndian.AppendUint16(b, uint16(int16(code)))
	}
	if row%triedEvery == 0 {
		w.current[[2]int{chunk, row}] = unpackState(b, len(h))
	}
	return w.add(chunk, row, b)
}

func (w *StatesWriter) logits(chunk, row int, logits []float32, _ int32) error {
	h := w.current[[2]int{chunk, row}]
	if h == nil {
		return nil
	}
	delete(w.current, [2]int{chunk, row})
	again, exp := make([]float32, len(logits)), make([]float32, len(logits))
	if err := w.base.Logits(again, &model.States{Seq: []int{0}, Pos: []int{0}, H: h}, 0, 1, w.opt); err != nil {
		return err
	}
	w.tried = append(w.tried, divergence(logits, again, exp, kernel.LogSumExp(logits), kernel.LogSumExp(again)))
	return nil
}

// Finish gives the file its name.
func (w *StatesWriter) Finish() error {
	w.ErrorMean, w.ErrorMax = Number(mean(w.tried).Value), 0
	for _, v := range w.tried {
		w.ErrorMax = max(w.ErrorMax, Number(v))
	}
	return w.finish()
}

// StatesPart is about how many times smaller hidden states of a width are than llama-perplexity's file for a vocabulary: both take two
// bytes for each number, and zstd takes a sixth off the states.
func StatesPart(vocab, width int) int { return max(1, vocab*6/(width*5)) }

// packStates puts bytes of the same weight together.
func packStates(rows [][]byte) []byte {
	var scales, high, low []byte
	for _, r := range rows {
		scales = append(scales, r[:4]...)
		for i := 4; i < len(r); i += 2 {
			low, high = append(low, r[i]), append(high, r[i+1])
		}
	}
	return append(append(scales, high...), low...)
}

func unpackState(b []byte, n int) []float32 {
	h := make([]float32, n)
	for i := range h {
		h[i] = float32(int16(binary.LittleEndian.Uint16(b[4+2*i:]))) * floatAt(b)
	}
	return h
}

// StatesFile is a base of which the hidden states are stored; head makes logits of them.
type StatesFile struct {
	*baselineFile
	head Scorer
}

// States reads those that are wanted.
func (f *StatesFile) States(ctx context.Context, seqs [][]int32, want func(seq, pos int) bool, _ model.Options) (*model.States, error) {
	s, err := f.places.rows(ctx, seqs, want)
	if err != nil {
		return nil, err
	}
	per, e := f.places.perChunk(), f.Width
	size := per * (4 + 2*e)
	h := make([]float32, len(s.Pos)*e)
	for i := range s.Pos {
		chunk, n := row(s, i)
		if err := f.load(chunk, int64(size)); err != nil {
			return nil, err
		}
		if len(f.data) != size {
			return nil, formats.Corrupt("chunk %d has %d bytes, want %d", chunk, len(f.data), size)
		}
		high, low := f.data[4*per:][:per*e], f.data[4*per+per*e:]
		scale := floatAt(f.data[4*n:])
		for j := range e {
			h[i*e+j] = float32(int16(uint16(low[n*e+j])|uint16(high[n*e+j])<<8)) * scale
		}
	}
	s.H = h
	return s, nil
}

// Logits are made by the base's output matrix.
func (f *StatesFile) Logits(dst []float32, s *model.States, from, to int, opt model.Options) error {
	return f.head.Logits(dst, s, from, to, opt)
}

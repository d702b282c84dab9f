package main

import (
	"encoding/binary"
	"io"
	"math"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"quern/formats"
	"quern/quantize"
)

// spoil IN OUT HOW [TENSOR]: a copy of a GGUF with a fault that tools have really made.
func spoil(ts *testscript.TestScript, _ bool, args []string) {
	src, err := formats.Open(ts.MkAbs(args[0]))
	ts.Check(err)
	defer src.Close()
	meta := src.Meta.Clone()
	bodies := make([][]byte, len(src.Tensors))
	for i, t := range src.Tensors {
		bodies[i] = make([]byte, t.Bytes())
		_, err := t.Raw.ReadAt(bodies[i], 0)
		if err != io.EOF {
			ts.Check(err)
		}
	}
	named := func(prefix string, f func(t *formats.Tensor, b []byte)) {
		n := 0
		for i, t := range src.Tensors {
			if strings.HasPrefix(t.Name, prefix) {
				f(t, bodies[i])
				n++
			}
		}
		if n == 0 {
			ts.Fatalf("no tensor %s", prefix)
		}
	}
	switch how := args[2]; how {
	case "negate": // the scale of every block has the wrong sign
		named(args[3], func(t *formats.Tensor, b []byte) { flipScales(ts, t, b, len(b)) })
	case "block": // of one row
		named(args[3], func(t *formats.Tensor, b []byte) { flipScales(ts, t, b, len(b)/t.NumRows()) })
	case "zero":
		named(args[3], func(_ *formats.Tensor, b []byte) { clear(b) })
	case "nan":
		named(args[3], func(_ *formats.Tensor, b []byte) { binary.LittleEndian.PutUint16(b, 0x7e00) })
	case "permute":
		heads, _ := src.Meta.Int("llama.attention.head_count")
		named(args[3], func(t *formats.Tensor, b []byte) { permuteRows(b, t.NumRows(), heads) })
	case "swap":
		named(args[3], func(_ *formats.Tensor, a []byte) {
			named(args[4], func(_ *formats.Tensor, b []byte) {
				for i := range a {
					a[i], b[i] = b[i], a[i]
				}
			})
		})
	case "rope":
		meta.Set("llama.rope.freq_base", float32(math.Pi*1e5))
	case "tokens":
		tokens := append([]string(nil), meta.Strings("tokenizer.ggml.tokens")...)
		tokens[300], tokens[301] = tokens[301], tokens[300]
		meta.Set("tokenizer.ggml.tokens", tokens)
	case "unused": // by the text
		tokens := append([]string(nil), meta.Strings("tokenizer.ggml.tokens")...)
		tokens[1928], tokens[1929] = tokens[1929], tokens[1928]
		meta.Set("tokenizer.ggml.tokens", tokens)
	case "pre":
		meta.Set("tokenizer.ggml.pre", "starcoder")
	default:
		ts.Fatalf("no fault %q", how)
	}
	sink, err := formats.Create("gguf", ts.MkAbs(args[1]), formats.CreateOptions{Force: true})
	ts.Check(err)
	defer sink.Abort()
	ts.Check(sink.Begin(&meta, src.Tensors))
	for i := range bodies {
		ts.Check(sink.WriteAt(bodies[i], i, 0))
	}
	ts.Check(sink.Commit())
}

// flipScales inverts the sign of the half precision scale that begins each Q8_0 block.
func flipScales(ts *testscript.TestScript, t *formats.Tensor, b []byte, n int) {
	if t.Type != quantize.Q8_0 {
		ts.Fatalf("%s is %v, want Q8_0", t.Name, t.Type)
	}
	for i := 0; i < n; i += t.Type.Bytes {
		b[i+1] ^= 0x80
	}
}

// permuteRows does once more what converting does to queries.
func permuteRows(b []byte, rows, heads int) {
	in, unit, size := append([]byte(nil), b...), len(b)/rows, rows/heads
	for i := range rows {
		head, k := i/size*size, i%size
		copy(b[i*unit:][:unit], in[(head+k%2*(size/2)+k/2)*unit:])
	}
}

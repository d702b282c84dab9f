package convert

import (
	"encoding/binary"
	"math"
	"math/rand"
	"testing"

	"quern/internal/kernel"
	"quern/quantize"
)

// The first NaN or infinity is found wherever it stands, and nothing else is taken for one.
func TestNonFinite(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	for _, q := range []*quantize.Type{quantize.F32, quantize.F16, quantize.BF16} {
		for n := 1; n < 40; n++ {
			p := make([]byte, n*q.Bytes)
			for i := range n {
				v := float32(r.NormFloat64()) * 60000 / 5
				if i%7 == 0 {
					v = 65504
				}
				put(p[i*q.Bytes:], q, v)
			}
			if at := nonFinite(p, q); at >= 0 {
				t.Fatalf("%s: byte %d of %x is called not finite", q, at, p)
			}
			bad := r.Intn(n)
			for _, v := range []float32{float32(math.NaN()), float32(math.Inf(-1)), float32(math.Inf(1))} {
				put(p[bad*q.Bytes:], q, v)
				if at := nonFinite(p, q); at != bad*q.Bytes {
					t.Fatalf("%s: %g at byte %d was found at %d", q, v, bad*q.Bytes, at)
				}
			}
		}
	}
	if nonFinite([]byte{0xff, 0xff}, quantize.Q8_0) >= 0 {
		t.Error("quantized bytes were read as floats")
	}
}

func put(p []byte, q *quantize.Type, v float32) {
	switch q {
	case quantize.F32:
		binary.LittleEndian.PutUint32(p, math.Float32bits(v))
	case quantize.F16:
		binary.LittleEndian.PutUint16(p, kernel.F16(v))
	default:
		binary.LittleEndian.PutUint16(p, kernel.BF16(v))
	}
}

package quantize

import (
	"math"
	"testing"
)

// Any bytes decode without a panic, and a tile agrees with what they decode to.
func FuzzDecode(f *testing.F) {
	f.Add([]byte{0, 0, 0x3c, 1, 2, 3, 0xff, 0x7f, 0x80, 0xfc})
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, q := range Types() {
			if q.Decode == nil || len(data) == 0 {
				continue
			}
			code := make([]byte, q.Row+2*q.Bytes)
			for i := range code {
				code[i] = data[i%len(data)]
			}
			x := decoded(q, code, 2*q.Block)
			if q.Tile == nil {
				continue
			}
			for _, v := range x {
				if v-v != 0 {
					return
				}
			}
			sameTile(t, q, code, x)
		}
	})
}

// Any weights and importance encode without a panic, to something that decodes to numbers.
func FuzzEncode(f *testing.F) {
	f.Add([]byte{0, 0, 0x80, 0x3f, 0, 0, 0x80, 0x7f, 1, 0, 0, 0, 0, 0, 0xc0, 0x7f})
	f.Fuzz(func(t *testing.T, data []byte) {
		seed := make([]float32, len(data)/4)
		F32.Decode(seed, data)
		if len(seed) == 0 {
			return
		}
		for _, q := range Types() {
			if q.Encode == nil || q.Block == 1 {
				continue
			}
			x, imp := make([]float32, 2*q.Block), make([]float32, 2*q.Block)
			for i := range x {
				x[i] = seed[i%len(seed)]
				imp[i] = float32(math.Abs(float64(seed[(3*i+1)%len(seed)])))
			}
			code := make([]byte, 2*q.Bytes)
			harmless(t, q, code, x, nil)
			harmless(t, q, code, x, imp)
			if q.Ggml != nil {
				q.Ggml(code, x, imp)
			}
		}
	})
}

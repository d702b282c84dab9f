package kernel

import (
	"bytes"
	"math"
	"math/rand"
	"testing"
)

// blocksOf are blocks of many kinds: of many magnitudes, zeros of either sign, constants, one weight, small and subnormal ones, and, if wanted, such
// as are not finite.
func blocksOf(r *rand.Rand, n int, wild bool) []float32 {
	x := make([]float32, n)
	for b := 0; b < n; b += block8 {
		size, kind := min(math.Exp(10*r.NormFloat64()), 1e8), r.Intn(12)
		for i := range x[b : b+block8] {
			v := float32(size * r.NormFloat64())
			switch {
			case kind == 0:
				v = float32(math.Copysign(0, float64(v)))
			case kind == 1:
				v = float32(math.Copysign(size, r.NormFloat64()))
			case kind == 2 && i != 5:
				v = 0
			case kind == 3:
				v = float32(3e-6 * r.NormFloat64())
			case kind == 4:
				v = float32(1e-40 * r.NormFloat64())
			case kind == 5:
				v = (float32(r.Intn(510)) - 255) / 2 // halfway between codes
				if i == 0 {
					v = 127
				}
			case kind == 6:
				v = float32(1e-16 * r.NormFloat64())
			case kind == 7 && wild:
				v = math.Float32frombits(r.Uint32())
			}
			x[b+i] = v
		}
	}
	return x
}

func TestBlocks8(t *testing.T) {
	for name, b := range map[string]*bodies[blocks8Body]{"fitted": blocks8, "ggml": blocks8Ggml, "4": blocks4Ggml} {
		t.Run(name, func(t *testing.T) {
			size := bytes8
			if name == "4" {
				size = bytes4
			}
			each(t, b, func(t *testing.T, f, portable blocks8Body) {
				r := rand.New(rand.NewSource(8))
				for round := range 300 {
					n, off := round%20*block8, r.Intn(9)
					x := blocksOf(r, n+block8, false)[off:][:n]
					got, want := bytes.Repeat([]byte{0xa5}, n/block8*size+64), bytes.Repeat([]byte{0xa5}, n/block8*size+64)
					a, b := f(got[32:len(got)-32], x), portable(want[32:len(want)-32], x)
					if (a == 0) != (b == 0) || name == "fitted" && a != b {
						t.Fatalf("round %d: %#x is returned, portable %#x", round, a, b)
					}
					if (name == "fitted" || a == 0) && !bytes.Equal(got, want) {
						t.Fatalf("round %d: blocks differ", round)
					}
					if !bytes.Equal(got[:32], want[:32]) || !bytes.Equal(got[len(got)-32:], want[len(want)-32:]) {
						t.Fatal("written beyond the blocks")
					}
				}
				for range 100 { // nothing but a warning is asked for
					x := blocksOf(r, 9*block8, name != "4")
					bad := false
					for _, v := range x {
						bad = bad || v-v != 0
					}
					out := make([]byte, 9*bytes8)
					a, b := f(out, x), portable(out, x)
					if bad && (a == 0 || name == "fitted" && (a != b || a < 0x7f800000)) {
						t.Fatalf("weights that are not finite: %#x, portable %#x", a, b)
					}
				}
			})
		})
	}
}

package kernel

import (
	"math"
	"math/rand"
	"testing"
)

func TestMagnitude(t *testing.T) {
	each(t, magnitude, func(t *testing.T, f, portable func(x []float32) uint32) {
		r := rand.New(rand.NewSource(3))
		x := make([]float32, 200)
		for n := range 170 {
			for i := range x {
				x[i] = float32(r.NormFloat64())
			}
			off := r.Intn(9)
			x[max(off-1, 0)], x[off+n] = 1e9, -1e9 // not among what is asked for, if anything stands there
			if off == 0 {
				x[0] = 0.5
			}
			y := x[off : off+n]
			for _, odd := range []float32{-7, float32(math.Inf(-1)), float32(math.NaN()), 0} {
				if n > 0 {
					y[r.Intn(n)] = odd
				}
				if got, want := f(y), portable(y); got != want {
					t.Fatalf("%d numbers from %d: %#x, portable %#x", n, off, got, want)
				}
				if m := math.Float32frombits(f(y)); n > 0 && odd != 0 && odd-odd == 0 && m < 7 || m == 1e9 {
					t.Fatalf("%d numbers from %d: %g", n, off, m)
				}
			}
		}
	})
}

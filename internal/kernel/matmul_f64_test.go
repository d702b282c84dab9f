package kernel

import (
	"math"
	"math/rand"
	"testing"
)

// Every body takes off what the portable one does, to the bit, and that is the product.
func TestSubF64(t *testing.T) {
	r := rand.New(rand.NewSource(8))
	numbers := func(n int) []float64 {
		x := make([]float64, n)
		for i := range x {
			x[i] = r.NormFloat64() * math.Exp(3*r.NormFloat64())
		}
		return x
	}
	each(t, subF64, func(t *testing.T, f, p func([]float64, int, []float64, int, []float64, int, int)) {
		for m := 1; m < 20; m++ {
			for _, k := range []int{1, 2, 7, 64} {
				ldd, ldx := LanesF64+r.Intn(5), k+r.Intn(3)
				x, panel, start := numbers(m*ldx + 1)[1:], numbers(k*LanesF64 + 1)[1:], numbers(m*ldd+16)
				got, want := append([]float64(nil), start...), append([]float64(nil), start...)
				f(got[8:], ldd, x, ldx, panel, m, k)
				p(want[8:], ldd, x, ldx, panel, m, k)
				for at, v := range got {
					if v != want[at] {
						t.Fatalf("m=%d k=%d: element %d is %g, want %g", m, k, at, v, want[at])
					}
					i, j := (at-8)/ldd, (at-8)%ldd
					if at < 8 || j >= LanesF64 || i >= m {
						if v != start[at] {
							t.Fatalf("m=%d k=%d: element %d was written", m, k, at)
						}
						continue
					}
					sum, size := start[at], math.Abs(start[at])
					for q := range k {
						sum -= x[i*ldx+q] * panel[q*LanesF64+j]
						size += math.Abs(x[i*ldx+q] * panel[q*LanesF64+j])
					}
					if math.Abs(sum-v) > 1e-14*size {
						t.Fatalf("m=%d k=%d: element %d is %g, the product %g", m, k, at, v, sum)
					}
				}
			}
		}
	})
}

package quantize

import (
	"math"
	"math/rand"
	"slices"
	"testing"
)

// rounded is what a Gram takes inputs x [m][k] for: of 32 rows each column is in steps of a 31st of its greatest magnitude.
func rounded(x []float32, m, k int) []float32 {
	y := make([]float32, m*k)
	for from := 0; from < m; from += 32 {
		for j := range k {
			top := float32(0)
			for n := from; n < min(m, from+32); n++ {
				top = max(top, x[n*k+j], -x[n*k+j])
			}
			for n := from; n < min(m, from+32); n++ {
				y[n*k+j] = float32(math.RoundToEven(float64(x[n*k+j]*(31/top)))) * (top / 31)
			}
		}
	}
	return y
}

// A Gram matrix is the naive sum over rounded inputs within float32's rounding, and the same however inputs come and whoever adds them. What rounding the
// inputs changes is less than six thousandths.
func TestGram(t *testing.T) {
	r := rand.New(rand.NewSource(2))
	for _, k := range []int{5, 32, 70, 131} {
		const m = 2*gramRows + 77
		x := make([]float32, m*k)
		for i := range x {
			x[i] = float32(r.NormFloat64())
		}
		y := rounded(x, m, k)
		one, many := NewGram(k), NewGram(k)
		one.Add(x, m, 1)
		for from := 0; from < m; {
			n := min(1+r.Intn(200), m-from)
			many.Add(x[from*k:], n, 3)
			from += n
		}
		a, b := one.Stats(1), many.Stats(3)
		if a.Count != m || b.Count != m || !slices.Equal(a.Gram, b.Gram) {
			t.Fatalf("k=%d: the sums depend on the calls", k)
		}
		for i := range k {
			for j := range i + 1 {
				want, exact := 0.0, 0.0
				for n := range m {
					want += float64(y[n*k+i]) * float64(y[n*k+j])
					exact += float64(x[n*k+i]) * float64(x[n*k+j])
				}
				if d := math.Abs(a.Gram[i*k+j] - want); d > 1e-5*m || math.Abs(want-exact) > 6e-3*m {
					t.Fatalf("k=%d: %d,%d is %g, want %g; the inputs have %g", k, i, j, a.Gram[i*k+j], want, exact)
				}
			}
			if a.Diag[i] != a.Gram[i*k+i] {
				t.Fatalf("k=%d: the diagonal differs", k)
			}
		}
		one.Reset()
		if s := one.Stats(1); s.Count != 0 || s.Gram[0] != 0 {
			t.Fatal("a reset leaves sums")
		}
	}
}

func BenchmarkGram(b *testing.B) {
	for _, k := range []int{576, 1536} {
		x := normal(k * 2048)
		g := NewGram(k)
		b.Run("", func(b *testing.B) {
			for range b.N {
				g.Add(x, 2048, 1)
			}
			b.ReportMetric(float64(b.N)*2048*float64(k)*float64(k)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
}

package quantize

import (
	"math"
	"math/rand"
	"slices"
	"testing"
)

// gram is Σ x·xᵀ of random inputs, and a little more on the diagonal.
func gram(r *rand.Rand, k, n int) []float64 {
	a := make([]float64, k*k)
	for range n {
		x := make([]float64, k)
		for i := range x {
			x[i] = r.NormFloat64()
			if i > 0 {
				x[i] += 0.7 * x[i-1]
			}
		}
		for i := range k {
			for j := range k {
				a[i*k+j] += x[i] * x[j]
			}
		}
	}
	for i := range k {
		a[i*k+i] += 0.01 * float64(n)
	}
	return a
}

func TestCholesky(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	for _, k := range []int{1, 3, 64, 65, 130, 333} {
		a := gram(r, k, 2*k)
		for i := range k { // above the diagonal may stand anything
			for j := i + 1; j < k; j++ {
				a[i*k+j] = math.NaN()
			}
		}
		l := slices.Clone(a)
		if err := cholesky(l, k, 1); err != nil {
			t.Fatal(err)
		}
		other := slices.Clone(a)
		if err := cholesky(other, k, 3); err != nil {
			t.Fatal(err)
		}
		for i := range k {
			for j := range i + 1 {
				if l[i*k+j] != other[i*k+j] {
					t.Fatalf("k=%d: threads change element %d,%d", k, i, j)
				}
				s := 0.0
				for m := range j + 1 {
					s += l[i*k+m] * l[j*k+m]
				}
				if d := math.Abs(s - a[i*k+j]); d > 1e-10*math.Sqrt(a[i*k+i]*a[j*k+j]) {
					t.Fatalf("k=%d: element %d,%d of the product is off by %g", k, i, j, d)
				}
			}
		}
	}
}

func TestCholeskyRefusesIndefinite(t *testing.T) {
	for _, a := range [][]float64{{0}, {-1}, {math.NaN()}, {math.Inf(1)}, {1, 0, 2, 1}} {
		k := int(math.Sqrt(float64(len(a))))
		if cholesky(a, k, 1) == nil {
			t.Errorf("%v has a factor", a)
		}
	}
}

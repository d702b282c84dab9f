package verify

import (
	"math"
	"testing"
)

// Values from published tables of Student's distribution.
func TestStudentQuantile(t *testing.T) {
	for _, c := range []struct{ tail, df, want float64 }{
		{.025, 1, 12.7062}, {.025, 2, 4.3027}, {.025, 7, 2.3646}, {.025, 30, 2.0423}, {.005, 3, 5.8409}, {.025, 1e6, 1.95997},
	} {
		if got := studentQuantile(c.tail, c.df); math.Abs(got-c.want) > 1e-4 {
			t.Errorf("t(%g, %g) = %.5f, want %.4f", c.tail, c.df, got, c.want)
		}
	}
	if p := studentTail(2.3646, 7); math.Abs(p-.025) > 1e-5 {
		t.Errorf("P(T7 > 2.3646) = %g", p)
	}
}

// Bounds are right when the binomial distribution, summed up term by term, gives the tail back.
func TestBinomialBounds(t *testing.T) {
	atMost := func(k, n int, p float64) float64 {
		s, term := 0.0, math.Pow(1-p, float64(n))
		for i := range k + 1 {
			s += term
			term *= float64(n-i) / float64(i+1) * p / (1 - p)
		}
		return s
	}
	for _, c := range []struct{ k, n int }{{0, 20}, {3, 50}, {17, 40}} {
		low, high := binomialBounds(float64(c.k), float64(c.n), .025)
		if got := atMost(c.k, c.n, high); math.Abs(got-.025) > 1e-6 {
			t.Errorf("%d of %d: upper bound %g leaves %g", c.k, c.n, high, got)
		}
		if c.k == 0 {
			if low != 0 {
				t.Errorf("nothing hit, but the lower bound is %g", low)
			}
			continue
		}
		if got := 1 - atMost(c.k-1, c.n, low); math.Abs(got-.025) > 1e-6 {
			t.Errorf("%d of %d: lower bound %g leaves %g", c.k, c.n, low, got)
		}
	}
}

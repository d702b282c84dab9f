package verify

import "math"

// Quantiles of Student's t and of the beta distribution come from the regularized incomplete beta function, which has a
// continued fraction that converges fast (NIST Digital Library of Mathematical Functions, 8.17.22).

// betaInc is the regularized incomplete beta function I_x(a, b).
func betaInc(a, b, x float64) float64 {
	switch {
	case x <= 0:
		return 0
	case x >= 1:
		return 1
	case x > (a+1)/(a+b+2): // there the fraction of the mirrored function converges faster
		return 1 - betaInc(b, a, 1-x)
	}
	la, _ := math.Lgamma(a)
	lb, _ := math.Lgamma(b)
	lab, _ := math.Lgamma(a + b)
	front := math.Exp(lab - la - lb + a*math.Log(x) + b*math.Log1p(-x))
	return front * betaFraction(a, b, x) / a
}

// betaFraction evaluates the continued fraction with Lentz's method.
func betaFraction(a, b, x float64) float64 {
	const tiny = 1e-300
	guard := func(v float64) float64 {
		if math.Abs(v) < tiny {
			return tiny
		}
		return v
	}
	c, d := 1.0, 1/guard(1-(a+b)*x/(a+1))
	f := d
	for m := 1.0; m < 500; m++ {
		for _, k := range []float64{
			m * (b - m) * x / ((a + 2*m - 1) * (a + 2*m)),
			-(a + m) * (a + b + m) * x / ((a + 2*m) * (a + 2*m + 1)),
		} {
			d = 1 / guard(1+k*d)
			c = guard(1 + k/c)
			f *= c * d
		}
		if math.Abs(c*d-1) < 1e-14 {
			break
		}
	}
	return f
}

// betaQuantile is the x with I_x(a, b) = p, by bisection.
func betaQuantile(a, b, p float64) float64 {
	lo, hi := 0.0, 1.0
	for range 100 {
		if mid := (lo + hi) / 2; betaInc(a, b, mid) < p {
			lo = mid
		} else {
			hi = mid
		}
	}
	return (lo + hi) / 2
}

// studentTail is P(T > t) for t ≥ 0 of Student's distribution.
func studentTail(t, df float64) float64 { return betaInc(df/2, 0.5, df/(df+t*t)) / 2 }

// studentQuantile is the t ≥ 0 with P(T > t) = tail, tail ≤ 1/2.
func studentQuantile(tail, df float64) float64 {
	if df < 1 {
		return math.Inf(1)
	}
	x := betaQuantile(df/2, 0.5, 2*tail)
	return math.Sqrt(df * (1 - x) / x)
}

// binomialBounds are Clopper and Pearson's exact bounds of a probability after hits of n trials, each missed with a
// probability of at most tail. The counts may be fractions, as effective counts are.
func binomialBounds(hits, n, tail float64) (low, high float64) {
	low, high = 0, 1
	if hits > 0 {
		low = betaQuantile(hits, n-hits+1, tail)
	}
	if hits < n {
		high = betaQuantile(hits+1, n-hits, 1-tail)
	}
	return low, high
}

package verify

import (
	"math"
	"sort"
)

// An Estimate is a measured value and its standard error.
type Estimate struct {
	Value float64 `json:"value"`
	Error float64 `json:"error"`
}

// mean estimates the mean of independent samples, with the standard error sqrt(var/(n-1)) that llama-perplexity prints.
func mean(x []float64) Estimate {
	n := float64(len(x))
	if n == 0 {
		return Estimate{math.NaN(), math.NaN()}
	}
	m := sum(x) / n
	return Estimate{m, math.Sqrt(covariance(x, x) / (n - 1))}
}

func sum(x []float64) float64 {
	s := 0.0
	for _, v := range x {
		s += v
	}
	return s
}

// covariance is the mean product of deviations; two passes, so that nothing cancels.
func covariance(x, y []float64) float64 {
	n := float64(len(x))
	mx, my := sum(x)/n, sum(y)/n
	s := 0.0
	for i := range x {
		s += (x[i] - mx) * (y[i] - my)
	}
	return s / n
}

// correlation is Pearson's; NaN when one side does not vary.
func correlation(x, y []float64) float64 {
	return covariance(x, y) / math.Sqrt(covariance(x, x)*covariance(y, y))
}

// exp carries an estimate through the exponential: the error of e^v is e^v times the error of v.
func (e Estimate) exp() Estimate {
	v := math.Exp(e.Value)
	return Estimate{v, v * e.Error}
}

// A Distribution describes a set of samples.
type Distribution struct {
	Mean   Estimate `json:"mean"`
	Min    float64  `json:"min"`
	P0_1   float64  `json:"p0.1"`
	P1     float64  `json:"p1"`
	P5     float64  `json:"p5"`
	P10    float64  `json:"p10"`
	P25    float64  `json:"p25"`
	Median float64  `json:"median"`
	P75    float64  `json:"p75"`
	P90    float64  `json:"p90"`
	P95    float64  `json:"p95"`
	P99    float64  `json:"p99"`
	P99_9  float64  `json:"p99.9"`
	Max    float64  `json:"max"`
}

func distribution(x []float64) Distribution {
	s := append([]float64(nil), x...)
	sort.Float64s(s)
	q := func(f float64) float64 { return quantile(s, f) }
	return Distribution{Mean: mean(x), Min: q(0), P0_1: q(.001), P1: q(.01), P5: q(.05), P10: q(.1), P25: q(.25), Median: q(.5),
		P75: q(.75), P90: q(.9), P95: q(.95), P99: q(.99), P99_9: q(.999), Max: q(1)}
}

// quantile interpolates linearly in sorted samples, as llama-perplexity does.
func quantile(sorted []float64, f float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	p := f * float64(len(sorted)-1)
	i := min(int(p), len(sorted)-1)
	j := min(i+1, len(sorted)-1)
	t := p - float64(i)
	return sorted[i]*(1-t) + sorted[j]*t
}

// share estimates a probability from a count.
func share(hits, n int) Estimate {
	p := float64(hits) / float64(n)
	return Estimate{p, math.Sqrt(p * (1 - p) / float64(n-1))}
}

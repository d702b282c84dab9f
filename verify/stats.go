package verify

import (
	"encoding/json"
	"fmt"
	"math"
	"sort"
)

// An Estimate is a measured value with its uncertainty. Error is the standard error that llama-perplexity prints, which
// takes predictions as independent; Low and High bound the value with 95 % confidence and do not: they come from drawing
// whole chunks anew. What cannot be known, as the interval of a single chunk, is NaN, and null in JSON.
type Estimate struct {
	Value, Error, Low, High float64
}

type estimateJSON struct {
	Value *float64 `json:"value"`
	Error *float64 `json:"error"`
	Low   *float64 `json:"low"`
	High  *float64 `json:"high"`
}

// MarshalJSON writes what is not a finite number as null.
func (e Estimate) MarshalJSON() ([]byte, error) {
	return json.Marshal(estimateJSON{finite(e.Value), finite(e.Error), finite(e.Low), finite(e.High)})
}

// UnmarshalJSON reads null as NaN.
func (e *Estimate) UnmarshalJSON(b []byte) error {
	var v estimateJSON
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	*e = Estimate{number(v.Value), number(v.Error), number(v.Low), number(v.High)}
	return nil
}

func finite(x float64) *float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil
	}
	return &x
}

func number(x *float64) float64 {
	if x == nil {
		return math.NaN()
	}
	return *x
}

// estimate is a value whose interval is still to come.
func estimate(value, err float64) Estimate { return Estimate{value, err, math.NaN(), math.NaN()} }

// mean estimates the mean of independent samples, with the standard error sqrt(var/(n-1)) that llama-perplexity prints.
func mean(x []float64) Estimate {
	n := float64(len(x))
	if n == 0 {
		return estimate(math.NaN(), math.NaN())
	}
	m := sum(x) / n
	return estimate(m, math.Sqrt(covariance(x, x)/(n-1)))
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
	return estimate(v, v*e.Error)
}

// A Distribution describes a set of samples. Its extremes are those of the samples, its quantiles estimates.
type Distribution struct {
	Mean   Estimate `json:"mean"`
	Min    Number   `json:"min"`
	P0_1   Estimate `json:"p0.1"`
	P1     Estimate `json:"p1"`
	P5     Estimate `json:"p5"`
	P10    Estimate `json:"p10"`
	P25    Estimate `json:"p25"`
	Median Estimate `json:"median"`
	P75    Estimate `json:"p75"`
	P90    Estimate `json:"p90"`
	P95    Estimate `json:"p95"`
	P99    Estimate `json:"p99"`
	P99_9  Estimate `json:"p99.9"`
	Max    Number   `json:"max"`
}

// steps are the quantiles of a Distribution.
func (d *Distribution) steps() (f []float64, to []*Estimate) {
	return []float64{.001, .01, .05, .1, .25, .5, .75, .9, .95, .99, .999},
		[]*Estimate{&d.P0_1, &d.P1, &d.P5, &d.P10, &d.P25, &d.Median, &d.P75, &d.P90, &d.P95, &d.P99, &d.P99_9}
}

// A Quantile is one of a distribution's, by name.
type Quantile struct {
	Name string
	Estimate
}

// Quantiles lists them, lowest first.
func (d *Distribution) Quantiles() []Quantile {
	f, to := d.steps()
	out := make([]Quantile, len(f))
	for i, e := range to {
		out[i] = Quantile{fmt.Sprintf("%.1f %%", 100*f[i]), *e}
	}
	return out
}

func (b *bootstrap) distribution(x []float64) Distribution {
	s := append([]float64(nil), x...)
	sort.Float64s(s)
	d := Distribution{Mean: b.mean(mean(x), x, same), Min: Number(quantile(s, 0)), Max: Number(quantile(s, 1))}
	f, to := d.steps()
	for i, e := range to {
		*e = estimate(quantile(s, f[i]), math.NaN())
	}
	b.quantiles(x, f, to...)
	for _, e := range to { // no sample says more
		e.Low, e.High = max(e.Low, float64(d.Min)), min(e.High, float64(d.Max))
	}
	return d
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
	return estimate(p, math.Sqrt(p*(1-p)/float64(n-1)))
}

// A Number is null in JSON where it is not finite.
type Number float64

// MarshalJSON writes a finite number or null.
func (n Number) MarshalJSON() ([]byte, error) { return json.Marshal(finite(float64(n))) }

// UnmarshalJSON reads null as NaN.
func (n *Number) UnmarshalJSON(b []byte) error {
	var v *float64
	err := json.Unmarshal(b, &v)
	*n = Number(number(v))
	return err
}

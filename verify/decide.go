package verify

import (
	"fmt"
	"math"
)

// Outcome of a gate.
type Outcome string

const (
	Pass         Outcome = "pass"
	Fail         Outcome = "fail"
	Inconclusive Outcome = "inconclusive"
)

// A Verdict is what a gate says about a model. Measured names what Got is an estimate of and what Bound limits; its
// interval holds with the probability that was asked for, and is not the one of the report.
type Verdict struct {
	Model    string   `json:"model"`
	Gate     string   `json:"gate"`
	Limit    float64  `json:"limit"` // as given
	Measured string   `json:"measured"`
	Bound    float64  `json:"bound"`
	Got      Estimate `json:"got"`
	Decide   Decide   `json:"decide"`
	Outcome  Outcome  `json:"outcome"`
	Chunks   int      `json:"chunks"`                  // seen when it was decided
	Needed   int      `json:"chunks_needed,omitempty"` // probably enough to be sure, beyond those
}

// String is the verdict in a line.
func (v Verdict) String() string {
	got := fmt.Sprintf("%s %.6g [%.4g, %.4g]", v.Measured, v.Got.Value, v.Got.Low, v.Got.High)
	switch v.Outcome {
	case Inconclusive:
		more := "no number of chunks is likely to tell"
		if v.Needed > 0 {
			more = fmt.Sprintf("%d more chunks needed", v.Needed)
		}
		return fmt.Sprintf("%s: inconclusive: %s: %s, limit %g", v.Model, more, got, v.Bound)
	case Pass:
		return fmt.Sprintf("%s: %s keeps the limit %g", v.Model, got, v.Bound)
	}
	word := "above"
	if v.Got.Value < v.Bound {
		word = "below"
	}
	if math.IsNaN(v.Got.Value) {
		word = "not a number, against"
	}
	return fmt.Sprintf("%s: %s is %s the limit %g", v.Model, got, word, v.Bound)
}

// risk is the probability with which a gate may pass wrongly, and fail wrongly.
type risk struct{ pass, fail float64 }

// check decides a limit with an interval whose end on the side of the limit misses the truth as rarely as r says.
func (l Limit) check(t, base *track, perChunk int, decide Decide, r risk) Verdict {
	x := l.Over(t, base, l.Value)
	below, above := r.fail, r.pass
	if l.Min {
		below, above = r.pass, r.fail
	}
	low, high := meanBounds(x, perChunk, below, above, l.Share)
	m := sum(x) / float64(len(x))
	bound := l.Bound(l.Value)
	chunks := len(x) / perChunk
	v := Verdict{Gate: l.Name, Limit: l.Value, Measured: l.Measured(l.Value), Bound: l.Show(bound), Decide: decide, Chunks: chunks,
		Got: Estimate{l.Show(m), math.NaN(), l.Show(max(low, l.least(x))), l.Show(high)}}
	good, bad, point := high <= bound, low > bound, m <= bound
	if l.Min {
		good, bad, point = low >= bound, high < bound, m >= bound
	}
	switch {
	case math.IsNaN(m) || bad && decide != Point || !point && decide == Point:
		v.Outcome = Fail
	case good || decide != Upper:
		v.Outcome = Pass
	default:
		v.Outcome = Inconclusive
		half := high - m // on the side of the bound
		if m > bound {
			half = m - low
		}
		v.Needed = moreChunks(chunks, half, math.Abs(m-bound))
		if chunks < firstLook {
			v.Needed = max(v.Needed, firstLook-chunks)
		}
	}
	return v
}

// least is a bound that the mean of x cannot be below, whatever its interval says.
func (l Limit) least(x []float64) float64 {
	for _, v := range x {
		if v < 0 {
			return math.Inf(-1)
		}
	}
	return 0
}

// meanBounds bounds the mean of x from below and above, each with the probability that it is missed. Chunks are taken as independent, predictions within a chunk are not:
// a mean has Student's interval over the means of the chunks; a share has Clopper and Pearson's for as many independent
// predictions as vary like the chunks do (Kish's design effect), which stays honest where nothing was hit at all.
func meanBounds(x []float64, perChunk int, below, above float64, share bool) (low, high float64) {
	means := perChunkMeans(x, perChunk)
	n := float64(len(means))
	m := sum(x) / float64(len(x))
	if math.IsNaN(m) {
		return m, m
	}
	variance := covariance(means, means) / (n - 1) // of the mean
	if share {
		effective := float64(len(x))
		if n > 1 && variance > 0 {
			effective = min(effective, m*(1-m)/variance)
		}
		low, _ = binomialBounds(m*effective, effective, below)
		_, high = binomialBounds(m*effective, effective, above)
		return low, high
	}
	if n < 2 {
		return math.Inf(-1), math.Inf(1)
	}
	skew := skewness(means)
	return m - math.Sqrt(variance)*unskew(studentQuantile(below, n-1), skew, n), m - math.Sqrt(variance)*unskew(-studentQuantile(above, n-1), skew, n)
}

// unskew turns a quantile of a symmetric statistic into one of Student's statistic of n samples with a skewness: Hall's
// cubic transformation (On the Removal of Skewness by Transformation, Journal of the Royal Statistical Society B 54, 1992),
// inverted. Without it, divergences, which are skewed to the right, would pass too often.
func unskew(t, skew, n float64) float64 {
	a := skew / (3 * math.Sqrt(n))
	if math.Abs(a) < 1e-9 {
		return t
	}
	return (math.Cbrt(1+3*a*(t-a/2)) - 1) / a
}

func skewness(x []float64) float64 {
	m, s2, s3 := sum(x)/float64(len(x)), 0.0, 0.0
	for _, v := range x {
		d := v - m
		s2 += d * d
		s3 += d * d * d
	}
	if s2 == 0 || len(x) < 3 {
		return 0
	}
	n := float64(len(x))
	return math.Sqrt(n*(n-1)) / (n - 2) * (s3 / n) / math.Pow(s2/n, 1.5) // Fisher and Pearson's correction for few samples
}

func perChunkMeans(x []float64, n int) []float64 {
	out := perChunk(x, n)
	for i := range out {
		out[i] /= float64(n)
	}
	return out
}

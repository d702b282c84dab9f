package verify

import (
	"math"
	"math/rand/v2"
	"sort"
)

// Predictions within a chunk depend on each other, chunks hardly do: so intervals come from drawing whole chunks anew
// (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 8). The draws are the same for all numbers of a
// report and in every run.

// replicates is the number of draws; confidence is what the intervals of a report hold.
const (
	replicates = 1000
	confidence = 0.95
)

// A bootstrap is a set of draws: how often each chunk was drawn.
type bootstrap struct {
	chunks int
	drawn  [][]float64
}

func newBootstrap(chunks int) *bootstrap {
	b := &bootstrap{chunks: chunks}
	r := rand.New(rand.NewPCG(20, 26))
	for range replicates {
		w := make([]float64, chunks)
		for range chunks {
			w[r.IntN(chunks)]++
		}
		b.drawn = append(b.drawn, w)
	}
	return b
}

// around gives every estimate its interval; stat computes all of them from how often each chunk was drawn. An estimate
// without an error of its own gets the standard deviation of the draws.
func (b *bootstrap) around(stat func(w []float64) []float64, to ...*Estimate) {
	if b.chunks < 2 {
		for _, e := range to {
			e.Low, e.High = math.NaN(), math.NaN()
		}
		return
	}
	draws := make([][]float64, len(to))
	for _, w := range b.drawn {
		for i, v := range stat(w) {
			draws[i] = append(draws[i], v)
		}
	}
	for i, e := range to {
		b.interval(e, draws[i])
	}
}

// interval takes the wider of two intervals: the percentiles of the draws, which follow skewed distributions, and
// Student's, which knows how little a few chunks say.
func (b *bootstrap) interval(e *Estimate, draws []float64) {
	n := float64(b.chunks)
	sd := math.Sqrt(covariance(draws, draws) * n / (n - 1))
	half := studentQuantile((1-confidence)/2, n-1) * sd
	sort.Float64s(draws)
	e.Low = min(e.Value-half, quantile(draws, (1-confidence)/2))
	e.High = max(e.Value+half, quantile(draws, (1+confidence)/2))
	if math.IsNaN(e.Error) {
		e.Error = sd
	}
}

// perChunk sums x over each chunk of n predictions.
func perChunk(x []float64, n int) []float64 {
	out := make([]float64, len(x)/n)
	for c := range out {
		out[c] = sum(x[c*n : (c+1)*n])
	}
	return out
}

// dot is the sum over drawn chunks.
func dot(w, sums []float64) float64 {
	s := 0.0
	for i, v := range sums {
		s += w[i] * v
	}
	return s
}

// mean gives e, which is f of the mean of x, its interval. f rises, so it takes the ends of the mean's: a perplexity's lower
// end is never negative, and neither is that of what cannot be.
func (b *bootstrap) mean(e Estimate, x []float64, f func(float64) float64) Estimate {
	sums := perChunk(x, len(x)/b.chunks)
	m, least := estimate(sum(x)/float64(len(x)), 0), math.Inf(1)
	b.around(func(w []float64) []float64 { return []float64{dot(w, sums) / float64(len(x))} }, &m)
	for _, v := range x {
		least = min(least, v)
	}
	if least >= 0 {
		m.Low = max(m.Low, 0)
	}
	e.Low, e.High = f(m.Low), f(m.High)
	return e
}

func same(x float64) float64 { return x }

// quantiles gives the quantiles f of x their intervals.
func (b *bootstrap) quantiles(x []float64, f []float64, to ...*Estimate) {
	var draws [][]float64
	b.quantilesOf(x, f, func(v []float64) { draws = append(draws, append([]float64(nil), v...)) })
	i := -1
	b.around(func([]float64) []float64 { i++; return draws[i] }, to...)
}

// quantilesOf calls visit with the quantiles f of every draw: x is sorted once, then walked for each.
func (b *bootstrap) quantilesOf(x []float64, f []float64, visit func([]float64)) {
	per := len(x) / b.chunks
	order := make([]int, len(x))
	for i := range order {
		order[i] = i
	}
	sort.Slice(order, func(i, j int) bool { return x[order[i]] < x[order[j]] })
	out := make([]float64, len(f))
	for _, w := range b.drawn {
		before, j := 0.0, 0
		for _, o := range order {
			before += w[o/per]
			for ; j < len(f) && before > f[j]*float64(len(x)-1); j++ {
				out[j] = x[o]
			}
		}
		visit(out)
	}
}

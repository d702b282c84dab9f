package verify

import (
	"math"
	"math/rand/v2"
	"testing"
)

// losses imitates divergences: log-normal, of mean one, with a spread that all predictions of a chunk share and one of their
// own. Means of the divergences of real quantizations vary by 0.1 to 0.2 between chunks of 512.
func losses(r *rand.Rand, chunks, per int, shared, own float64) []float64 {
	x := make([]float64, chunks*per)
	for c := range chunks {
		level := shared * r.NormFloat64()
		for i := range per {
			x[c*per+i] = math.Exp(level + own*r.NormFloat64() - (shared*shared+own*own)/2)
		}
	}
	return x
}

// Intervals hold the truth about as often as they say. Independence of predictions would give a much lower rate here.
func TestBootstrapCoverage(t *testing.T) {
	const trials, chunks, per = 300, 12, 40
	r := rand.New(rand.NewPCG(3, 4))
	b := newBootstrap(chunks)
	held, naive, median := 0, 0, 0
	for range trials {
		x := losses(r, chunks, per, 0.25, 1.2)
		e := b.mean(mean(x), x, same)
		if e.Low <= 1 && 1 <= e.High {
			held++
		}
		if math.Abs(e.Value-1) <= 1.96*e.Error {
			naive++
		}
		m := estimate(0, math.NaN())
		b.quantiles(x, []float64{.5}, &m)
		d := b.distribution(x)
		if truth := math.Exp(-(0.25*0.25 + 1.2*1.2) / 2); d.Median.Low <= truth && truth <= d.Median.High {
			median++
		}
	}
	if held < trials*91/100 || held == trials {
		t.Errorf("the mean's interval held in %d of %d trials", held, trials)
	}
	if median < trials*91/100 {
		t.Errorf("the median's interval held in %d of %d trials", median, trials)
	}
	if naive > trials*90/100 {
		t.Errorf("the test is too easy: independence held in %d of %d trials", naive, trials)
	}
}

// Few chunks say little, but not that a perplexity may be negative, a divergence below nothing or a share above all.
func TestIntervalsStayInRange(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 9))
	for range 50 {
		base, quant := newTrack(2*8), newTrack(2*8)
		for i := range base.nll {
			level := float64(i / 8)
			base.nll[i], quant.nll[i] = 4*level+r.ExpFloat64(), 5*level+r.ExpFloat64()
			base.p[i], quant.p[i] = math.Exp(-base.nll[i]), math.Exp(-quant.nll[i])
			quant.kld[i], quant.overlap[i] = r.ExpFloat64()*level, 0.5+0.5*level
			base.top[i], quant.top[i] = 1, int32(i/8)
		}
		d := quant.versus(base, newBootstrap(2))
		for name, e := range map[string]Estimate{"perplexity": newBootstrap(2).perplexity(quant.nll), "ratio": d.PPLRatio, "divergence": d.KLD.Mean, "RMS Δp": d.RMSDeltaP,
			"same top": d.SameTop, "overlap": d.Overlap} {
			if !(0 <= e.Low && e.Low <= e.Value && e.Value <= e.High) {
				t.Errorf("%s: %+v", name, e)
			}
		}
		if d.SameTop.High > 1 || d.Overlap.High > 1 || d.Correlation.High > 1 {
			t.Errorf("same top %+v, overlap %+v, correlation %+v", d.SameTop, d.Overlap, d.Correlation)
		}
	}
}

// The walk over sorted samples equals quantiles of the samples that were drawn, but for interpolation between neighbours.
func TestQuantilesOfDraws(t *testing.T) {
	const chunks, per = 5, 200
	r := rand.New(rand.NewPCG(5, 6))
	x := losses(r, chunks, per, 0.25, 1.2)
	b := newBootstrap(chunks)
	b.drawn = b.drawn[:1]
	var drawn []float64
	for c, times := range b.drawn[0] {
		for range int(times) {
			drawn = append(drawn, x[c*per:(c+1)*per]...)
		}
	}
	got := make([]float64, 2)
	b.quantilesOf(x, []float64{.1, .9}, func(v []float64) { copy(got, v) })
	d := newBootstrap(chunks).distribution(drawn)
	for i, want := range []float64{d.P10.Value, d.P90.Value} {
		if math.Abs(got[i]-want) > 0.02*want {
			t.Errorf("quantile %d of the draw is %g, want %g", i, got[i], want)
		}
	}
}

package verify

import "math"

func (b *bootstrap) perplexity(nll []float64) Estimate { return b.mean(mean(nll).exp(), nll, math.Exp) }

// share estimates how often something is so.
func (b *bootstrap) share(is []bool) Estimate {
	x, hits := indicator(is), 0
	for _, v := range is {
		if v {
			hits++
		}
	}
	return b.mean(share(hits, len(is)), x, same).atMost(1)
}

// atMost cuts what an interval cannot reach.
func (e Estimate) atMost(most float64) Estimate {
	e.High = min(e.High, most)
	return e
}

func indicator(is []bool) []float64 {
	x := make([]float64, len(is))
	for i, v := range is {
		if v {
			x[i] = 1
		}
	}
	return x
}

// versus compares t with the base.
func (t *track) versus(base *track, b *bootstrap) *Divergence {
	n := len(t.nll)
	log, dp, dp2 := make([]float64, n), make([]float64, n), make([]float64, n)
	for i := range n {
		log[i] = t.nll[i] - base.nll[i]
		dp[i] = t.p[i] - base.p[i]
		dp2[i] = dp[i] * dp[i]
	}
	d := &Divergence{LogPPLRatio: b.mean(mean(log), log, same), KLD: b.distribution(t.kld), DeltaP: b.distribution(dp),
		SameTop: b.share(t.sameTop(base)), Flips: b.share(t.flips(base)), Overlap: b.mean(mean(t.overlap), t.overlap, same).atMost(1),
		Histogram: histogram(t.kld)}
	d.PPLRatio = b.mean(mean(log).exp(), log, math.Exp)
	ms := mean(dp2)
	rms := estimate(math.Sqrt(ms.Value), 0)
	if ms.Value > 0 {
		rms.Error = ms.Error / (2 * rms.Value)
	}
	d.RMSDeltaP = b.mean(rms, dp2, math.Sqrt)
	t.joint(base, b, d)
	return d
}

// joint are the numbers that the two sides' likelihoods make together.
func (t *track) joint(base *track, b *bootstrap, d *Divergence) {
	n := float64(len(t.nll))
	d.PPLDiff = difference(t.nll, base.nll)
	d.Correlation = estimate(correlation(t.nll, base.nll), math.NaN())
	per := len(t.nll) / b.chunks
	product := func(x, y []float64) []float64 {
		out := make([]float64, len(x))
		for i := range x {
			out[i] = x[i] * y[i]
		}
		return perChunk(out, per)
	}
	x, y := perChunk(t.nll, per), perChunk(base.nll, per)
	xx, yy, xy := product(t.nll, t.nll), product(base.nll, base.nll), product(t.nll, base.nll)
	b.around(func(w []float64) []float64 {
		mx, my := dot(w, x)/n, dot(w, y)/n
		cov := func(s []float64, ma, mb float64) float64 { return dot(w, s)/n - ma*mb }
		return []float64{math.Exp(mx) - math.Exp(my), cov(xy, mx, my) / math.Sqrt(cov(xx, mx, mx)*cov(yy, my, my))}
	}, &d.PPLDiff, &d.Correlation)
	d.Correlation = d.Correlation.atMost(1)
}

// difference of two perplexities measured on the same tokens: their covariance makes the error smaller.
func difference(nll, baseNLL []float64) Estimate {
	a, b := mean(nll).exp(), mean(baseNLL).exp()
	cov := covariance(nll, baseNLL) / float64(len(nll)-1)
	v := a.Error*a.Error + b.Error*b.Error - 2*a.Value*b.Value*cov
	return estimate(a.Value-b.Value, math.Sqrt(max(0, v)))
}

// sameTop says of each prediction whether both models find the same token most likely.
func (t *track) sameTop(base *track) []bool {
	out := make([]bool, len(t.top))
	for i := range out {
		out[i] = t.top[i] == base.top[i]
	}
	return out
}

// flips says of each prediction whether it was right before and is wrong now, or the other way round (Dutta et al.,
// Accuracy is Not All You Need, 2024): two models with the same accuracy may still disagree.
func (t *track) flips(base *track) []bool {
	out := make([]bool, len(t.right))
	for i := range out {
		out[i] = t.right[i] != base.right[i]
	}
	return out
}

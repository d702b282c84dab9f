package verify

import "math"

// A Report is the outcome of one run: the protocol, and for each model its perplexity and, against the base, what
// changed. The first model is the base when there are several.
type Report struct {
	Protocol Protocol `json:"protocol"`
	Mode     string   `json:"mode"`
	Tokens   int      `json:"tokens"` // in the text
	Scored   int      `json:"scored"` // predictions that count
	Models   []Result `json:"models"`
}

// A Result is what one model did.
type Result struct {
	Name       string      `json:"name"`
	Perplexity Estimate    `json:"perplexity"`
	Seconds    float64     `json:"seconds"` // spent in this model
	Versus     *Divergence `json:"versus_base,omitempty"`
}

// A Divergence compares a model with the base, prediction by prediction, on the same tokens. Names and definitions
// follow llama-perplexity's --kl-divergence mode; no logits file stands between, so nothing is clipped.
type Divergence struct {
	PPLRatio    Estimate     `json:"ppl_ratio"`     // PPL(model)/PPL(base)
	LogPPLRatio Estimate     `json:"log_ppl_ratio"` // mean of ln p_base − ln p_model
	PPLDiff     Estimate     `json:"ppl_diff"`      // PPL(model) − PPL(base)
	Correlation float64      `json:"correlation"`   // of the two negative log-likelihoods
	KLD         Distribution `json:"kld"`           // nats for each prediction
	DeltaP      Distribution `json:"delta_p"`       // change of the probability of the right token
	RMSDeltaP   Estimate     `json:"rms_delta_p"`
	SameTop     Estimate     `json:"same_top"` // share of predictions with the same most likely token
}

// track collects a model's predictions in the order of the text.
type track struct {
	nll, p, kld []float64
	top         []int
	seconds     float64
}

func newTrack(n int) *track {
	return &track{nll: make([]float64, n), p: make([]float64, n), kld: make([]float64, n), top: make([]int, n)}
}

func (t *track) perplexity() Estimate { return mean(t.nll).exp() }

func (t *track) versus(base *track) *Divergence {
	n := len(t.nll)
	log, dp, dp2, same := make([]float64, n), make([]float64, n), make([]float64, n), 0
	for i := range n {
		log[i] = t.nll[i] - base.nll[i]
		dp[i] = t.p[i] - base.p[i]
		dp2[i] = dp[i] * dp[i]
		if t.top[i] == base.top[i] {
			same++
		}
	}
	d := &Divergence{LogPPLRatio: mean(log), Correlation: correlation(t.nll, base.nll),
		KLD: distribution(t.kld), DeltaP: distribution(dp), SameTop: share(same, n)}
	d.PPLRatio = d.LogPPLRatio.exp()
	d.PPLDiff = difference(t, base)
	ms := mean(dp2)
	d.RMSDeltaP.Value = math.Sqrt(ms.Value)
	if ms.Value > 0 {
		d.RMSDeltaP.Error = ms.Error / (2 * d.RMSDeltaP.Value)
	}
	return d
}

// difference of two perplexities measured on the same tokens: their covariance makes the error smaller.
func difference(t, base *track) Estimate {
	a, b := t.perplexity(), base.perplexity()
	cov := covariance(t.nll, base.nll) / float64(len(t.nll)-1)
	v := a.Error*a.Error + b.Error*b.Error - 2*a.Value*b.Value*cov
	return Estimate{a.Value - b.Value, math.Sqrt(max(0, v))}
}

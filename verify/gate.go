package verify

import "fmt"

// Gates are limits on what quantization may cost; nil means no limit.
type Gates struct {
	MaxPPLRatio *float64 // PPL(model)/PPL(base)
	MaxKLD      *float64 // mean divergence, nats
	MinTop1     *float64 // share of predictions with the same most likely token
}

// Any reports whether there is a limit at all.
func (g Gates) Any() bool { return g.MaxPPLRatio != nil || g.MaxKLD != nil || g.MinTop1 != nil }

// A Failure is a gate that did not hold.
type Failure struct {
	Model string   `json:"model"`
	Gate  string   `json:"gate"`
	Limit float64  `json:"limit"`
	Got   Estimate `json:"got"`
}

func (f Failure) String() string {
	over := f.Got.Value - f.Limit
	word := "above"
	if over < 0 {
		over, word = -over, "below"
	}
	return fmt.Sprintf("%s: %s is %.6g ± %.2g, %.3g %s the limit %g", f.Model, f.Gate, f.Got.Value, f.Got.Error, over, word, f.Limit)
}

// Check returns the gates that r fails, in a fixed order. A value that is not a number fails every gate.
func (g Gates) Check(r *Report) []Failure {
	var out []Failure
	for _, m := range r.Models {
		if m.Versus == nil {
			continue
		}
		most := func(gate string, limit *float64, got Estimate) {
			if limit != nil && !(got.Value <= *limit) {
				out = append(out, Failure{m.Name, gate, *limit, got})
			}
		}
		most("perplexity ratio", g.MaxPPLRatio, m.Versus.PPLRatio)
		most("mean KL divergence", g.MaxKLD, m.Versus.KLD.Mean)
		if got := m.Versus.SameTop; g.MinTop1 != nil && !(got.Value >= *g.MinTop1) {
			out = append(out, Failure{m.Name, "same top token", *g.MinTop1, got})
		}
	}
	return out
}

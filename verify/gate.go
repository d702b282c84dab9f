package verify

import (
	"fmt"
	"math"
	"strings"
)

// A Gate is a limit that can be put on what quantization costs: one row of a table, with the name that is both its flag
// and its key in gates.yaml. Every gate is decided as the mean over predictions of something, so that one rule makes the
// intervals of all: that a quantile is at most a limit says that the share of predictions beyond the limit is small.
type Gate struct {
	Name  string
	Usage string
	Min   bool // the limit is a lower one
	// Check says whether a limit makes sense.
	Check func(limit float64) bool
	// Over is what is averaged, and Bound what the mean must not cross.
	Over  func(t, base *track, limit float64) []float64
	Bound func(limit float64) float64
	// Measured names the mean, or what Show makes of it.
	Measured func(limit float64) string
	Show     func(mean float64) float64
	// Share says that what is averaged is 0 or 1.
	Share bool
}

var gateTable []*Gate

func registerGate(g Gate) *Gate {
	if g.Bound == nil {
		g.Bound = same
	}
	if g.Show == nil {
		g.Show = same
	}
	gateTable = append(gateTable, &g)
	return &g
}

// AllGates returns the table of gates.
func AllGates() []*Gate { return gateTable }

func named(name string) func(float64) string { return func(float64) string { return name } }
func notNegative(x float64) bool             { return x >= 0 && !math.IsInf(x, 0) }
func positive(x float64) bool                { return x > 0 && !math.IsInf(x, 0) }
func isShare(x float64) bool                 { return x >= 0 && x <= 1 }

var (
	_ = registerGate(Gate{Name: "max-ppl-ratio", Usage: "perplexity relative to the base at most `R`", Check: positive,
		Over: func(t, base *track, _ float64) []float64 {
			return each(t, func(i int) float64 { return t.nll[i] - base.nll[i] })
		},
		Bound: math.Log, Show: math.Exp, Measured: named("perplexity ratio")})
	_ = registerGate(Gate{Name: "max-kld", Usage: "mean KL divergence at most `X` nats", Check: notNegative,
		Over:     func(t, _ *track, _ float64) []float64 { return t.kld },
		Measured: named("mean KL divergence")})
	_ = tailGate("max-kld-p99", 0.01)
	_ = tailGate("max-kld-p99.9", 0.001)
	_ = registerGate(Gate{Name: "min-top1", Usage: "share of predictions with the same top token at least `P`, 0 to 1", Check: isShare, Min: true, Share: true,
		Over:     func(t, base *track, _ float64) []float64 { return indicator(t.sameTop(base)) },
		Measured: named("share of the same top token")})
	_ = registerGate(Gate{Name: "min-top-overlap", Usage: "share of the base's ten likeliest tokens that are among the model's at least `P`, 0 to 1", Check: isShare, Min: true,
		Over:     func(t, _ *track, _ float64) []float64 { return t.overlap },
		Measured: named("overlap of the ten likeliest tokens")})
	_ = registerGate(Gate{Name: "max-flips", Usage: "share of predictions that became right or wrong at most `P`, 0 to 1", Check: isShare, Share: true,
		Over:     func(t, base *track, _ float64) []float64 { return indicator(t.flips(base)) },
		Measured: named("share of flips")})
	_ = registerGate(Gate{Name: "max-rms-dp", Usage: "root mean square change of the right token's probability at most `P`, 0 to 1", Check: isShare,
		Over: func(t, base *track, _ float64) []float64 {
			return each(t, func(i int) float64 { d := t.p[i] - base.p[i]; return d * d })
		},
		Bound: func(x float64) float64 { return x * x }, Show: math.Sqrt, Measured: named("RMS Δp")})
)

// tailGate limits a quantile: at most a share beyond of the predictions may diverge more than the limit.
func tailGate(name string, beyond float64) *Gate {
	return registerGate(Gate{Name: name, Usage: fmt.Sprintf("KL divergence of all but %g %% of predictions at most `X` nats", 100*beyond), Check: notNegative, Share: true,
		Over: func(t, _ *track, limit float64) []float64 {
			return each(t, func(i int) float64 {
				if t.kld[i] <= limit {
					return 0
				}
				return 1 // NaN too
			})
		},
		Bound:    func(float64) float64 { return beyond },
		Measured: func(limit float64) string { return fmt.Sprintf("share of KL divergences above %g", limit) }})
}

func each(t *track, f func(i int) float64) []float64 {
	x := make([]float64, len(t.nll))
	for i := range x {
		x[i] = f(i)
	}
	return x
}

// A Limit is a gate with its number.
type Limit struct {
	*Gate
	Value float64
}

// Decide says which end of a loss's interval has to keep the limit.
type Decide string

const (
	Upper Decide = "upper" // the worse end: passing proves that the limit holds, and doubt does not pass
	Point Decide = "point" // the measured value: a coin toss near the limit
	Lower Decide = "lower" // the better end: failing proves that the limit does not hold, and doubt passes
)

// Gates are the limits of a run and how they are decided.
type Gates struct {
	Limits     []Limit
	Decide     Decide
	Alpha      float64 // probability of any wrong decision about any model, half for passes; 0 = DefaultAlpha
	Sequential bool    // decide as soon as enough chunks are seen
	Intact     bool    // besides: weights and tokenizers have no faults, see Diff.Faults and VocabFaults
}

// DefaultAlpha leaves 2.5 % to a wrong pass and 2.5 % to a wrong failure.
const DefaultAlpha = 0.05

// Set puts a limit on the named gate, replacing one that is there.
func (g *Gates) Set(name string, value float64) error {
	for _, t := range gateTable {
		if t.Name != name {
			continue
		}
		if !t.Check(value) {
			return fmt.Errorf("%s %g: the limit must be %s", name, value, t.domain())
		}
		for i := range g.Limits {
			if g.Limits[i].Gate == t {
				g.Limits[i].Value = value
				return nil
			}
		}
		g.Limits = append(g.Limits, Limit{t, value})
		return nil
	}
	var names []string
	for _, t := range gateTable {
		names = append(names, t.Name)
	}
	return fmt.Errorf("there is no gate %.60q; there are %s", name, strings.Join(names, ", "))
}

// domain says what limits a gate takes.
func (g *Gate) domain() string {
	switch {
	case !g.Check(1.5):
		return "between 0 and 1"
	case !g.Check(0):
		return "positive"
	}
	return "not negative"
}

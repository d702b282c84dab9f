package verify

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
)

// SummarySchema names the layout of a Summary in JSON.
const SummarySchema = "quern-summary/1"

// A Summary is what reports are rendered from: one run or several, and how they compare with those of an earlier release.
type Summary struct {
	Schema  string    `json:"schema"`
	Title   string    `json:"title,omitempty"`
	Runs    []*Report `json:"runs"`
	Changes []Change  `json:"changes,omitempty"`
}

// A Change compares a model with the one of the same name in an earlier report, chunk by chunk on the same text.
// Differences are new − old: a positive divergence means that the new one is worse.
type Change struct {
	Run     string   `json:"run,omitempty"`
	Model   string   `json:"model"`
	KLD     Estimate `json:"kld"`
	LogPPL  Estimate `json:"log_ppl"`
	P       Number   `json:"p_value"`
	Outcome string   `json:"outcome"`       // worse, better, unproved, new or incomparable
	Why     string   `json:"why,omitempty"` // of incomparable
}

// ReadReport reads a report in JSON and refuses one of another layout.
func ReadReport(b []byte) (*Report, error) {
	var r Report
	if err := json.Unmarshal(b, &r); err != nil {
		return nil, fmt.Errorf("not a report in JSON: %w", err)
	}
	if r.Schema != Schema {
		return nil, fmt.Errorf("the report has schema %q, want %q", r.Schema, Schema)
	}
	if len(r.Models) == 0 {
		return nil, errors.New("the report has no models")
	}
	for _, m := range r.Models {
		if len(m.Chunks) != r.Protocol.Chunks {
			return nil, fmt.Errorf("%s has %d chunks, the report says %d", m.Name, len(m.Chunks), r.Protocol.Chunks)
		}
	}
	return &r, nil
}

// Compare adds the changes since earlier reports.
func (s *Summary) Compare(old []*Report) {
	for _, run := range s.Runs {
		for _, m := range run.Models {
			if m.Versus == nil && len(run.Models) > 1 {
				continue // the base
			}
			s.Changes = append(s.Changes, change(run, m, old))
		}
	}
}

func change(run *Report, m Result, old []*Report) Change {
	c := Change{Run: run.Label, Model: m.Name, KLD: estimate(math.NaN(), math.NaN()), LogPPL: estimate(math.NaN(), math.NaN()),
		P: Number(math.NaN()), Outcome: "new"}
	for _, o := range old {
		for _, before := range o.Models {
			if before.Name != m.Name || (before.Versus == nil) != (m.Versus == nil) {
				continue
			}
			if c.Why = incomparable(run, o); c.Why != "" {
				c.Outcome = "incomparable"
				continue
			}
			c.measure(m.Chunks, before.Chunks, m.Versus != nil)
			return c
		}
	}
	return c
}

// incomparable says why numbers of two runs do not belong together, "" when they do.
func incomparable(a, b *Report) string {
	switch {
	case a.Text != b.Text:
		return "the texts differ"
	case a.Protocol.Ctx != b.Protocol.Ctx || a.Protocol.BOS != b.Protocol.BOS || a.Protocol.Conversations != b.Protocol.Conversations:
		return "the protocols differ"
	case a.Mode != b.Mode:
		return "the modes differ"
	}
	return ""
}

// measure compares the chunks that both have.
func (c *Change) measure(now, before []Chunk, versus bool) {
	n := min(len(now), len(before))
	if n == 0 {
		c.Outcome, c.Why = "incomparable", "no chunk was run in both"
		return
	}
	kld, nll := make([]float64, n), make([]float64, n)
	for i := range n {
		kld[i], nll[i] = float64(now[i].KLD-before[i].KLD), float64(now[i].NLL-before[i].NLL)
	}
	b := newBootstrap(n)
	c.KLD, c.LogPPL = b.mean(mean(kld), kld, same), b.mean(mean(nll), nll, same)
	by := c.KLD
	if !versus {
		by = c.LogPPL
	}
	if by.Error > 0 {
		c.P = Number(2 * studentTail(math.Abs(by.Value)/by.Error, float64(n-1)))
	}
	switch {
	case by.Low > 0:
		c.Outcome = "worse"
	case by.High < 0:
		c.Outcome = "better"
	default:
		c.Outcome, c.Why = "unproved", ""
	}
}

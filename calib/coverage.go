package calib

import (
	"slices"

	"quern/formats"
)

// A Coverage says how many tokens reached the matrices of one tensor of experts.
type Coverage struct {
	Tensor  string `json:"tensor"`
	Experts int    `json:"experts"`
	Min     int64  `json:"min_tokens"`
	Median  int64  `json:"median_tokens"`
	Max     int64  `json:"max_tokens"`
	Rare    []int  `json:"rare,omitempty"` // experts that fewer tokens reached than were demanded
}

// CoverageOf looks at the tensors of an importance matrix that have a count for each of several experts; least is how many
// tokens each should have seen.
func CoverageOf(m *formats.Imatrix, least int64) []Coverage {
	var all []Coverage
	for i := range m.Entries {
		e := &m.Entries[i]
		if len(e.Counts) < 2 {
			continue
		}
		c := Coverage{Tensor: e.Name, Experts: len(e.Counts)}
		for x, n := range e.Counts {
			if n < least {
				c.Rare = append(c.Rare, x)
			}
		}
		sorted := slices.Sorted(slices.Values(e.Counts))
		c.Min, c.Median, c.Max = sorted[0], sorted[len(sorted)/2], sorted[len(sorted)-1]
		all = append(all, c)
	}
	return all
}

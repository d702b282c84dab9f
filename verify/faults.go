package verify

import (
	"fmt"
	"math"
	"strings"

	"quern/internal/tokenizer"
)

// IntactGate is the name of the gate that finds no faults. It looks at files, not at predictions, so it is no row of the table.
const IntactGate = "intact"

// VocabFaults are the differences of two vocabularies that change which tokens a text becomes. Types of tokens, templates and
// what ends a text are written differently by different tools, and are none.
func VocabFaults(a, b *tokenizer.Vocab) []string {
	var out []string
	for _, s := range CompareVocab(a, b) {
		switch key, _, _ := strings.Cut(s.Key, " "); {
		case s.Key == "model", key == "pre-tokenizer", key == "token", key == "merge", s.Key == "number of merges", s.Key == "scores", s.Key == "BOS":
			out = append(out, fmt.Sprintf("wrong tokenizer: %s is %q, in the base %q", s.Key, s.B, s.A))
		}
	}
	return out
}

// Intact adds the verdict of the gate for a model that has so many faults.
func (r *Report) Intact(model string, faults int) {
	n := float64(faults)
	v := Verdict{Model: model, Gate: IntactGate, Measured: "number of faults", Got: Estimate{n, math.NaN(), n, n}, Decide: Point, Outcome: Pass, Chunks: r.Protocol.Chunks}
	if faults > 0 {
		v.Outcome = Fail
	}
	r.Verdicts = append(r.Verdicts, v)
}

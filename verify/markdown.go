package verify

import (
	"fmt"
	"strings"
)

// Markdown renders a summary for a pull request or GitHub's step summary: what was decided first, then the numbers.
func (s *Summary) Markdown() ([]byte, error) {
	var b strings.Builder
	for _, r := range s.Runs {
		fmt.Fprintf(&b, "## %s %s\n\n", r.mark(), markdownText(r.title()))
		fmt.Fprintf(&b, "%d chunks of %d tokens, %d predictions scored, %s mode", r.Protocol.Chunks, r.Protocol.Ctx, r.Scored, r.Mode)
		if n := r.Protocol.Conversations; n > 0 {
			fmt.Fprintf(&b, ", of what is said in %d conversations", n)
		}
		if r.Stopped {
			b.WriteString("; stopped early, every gate was certain")
		}
		b.WriteString("\n\n")
		for _, h := range r.Hints {
			fmt.Fprintf(&b, "> %s\n\n", markdownText(h))
		}
		r.markdownGates(&b)
		r.markdownModels(&b)
		r.markdownPairs(&b)
	}
	if len(s.Changes) > 0 {
		b.WriteString("## Since the previous report\n\n")
		for _, c := range s.Changes {
			fmt.Fprintf(&b, "- %s\n", markdownText(c.String()))
		}
		b.WriteString("\n")
	}
	return []byte(b.String()), nil
}

// mark is the outcome of a run as a sign; none where there are no gates.
func (r *Report) mark() string {
	switch r.Outcome() {
	case Pass:
		return "✅"
	case Fail:
		return "❌"
	case Inconclusive:
		return "❔"
	}
	return "📏"
}

// Outcome of all gates together: the worst; "" when there are none.
func (r *Report) Outcome() Outcome {
	var out Outcome
	for _, v := range r.Verdicts {
		if out == "" || v.Outcome == Fail || v.Outcome == Inconclusive && out == Pass {
			out = v.Outcome
		}
	}
	return out
}

func (r *Report) markdownGates(b *strings.Builder) {
	if len(r.Verdicts) == 0 {
		return
	}
	b.WriteString("| model | gate | limit | measured | value | interval | outcome |\n| --- | --- | ---: | --- | ---: | :---: | --- |\n")
	for _, v := range r.Verdicts {
		outcome := string(v.Outcome)
		if v.Needed > 0 {
			outcome += fmt.Sprintf(", %d more chunks needed", v.Needed)
		}
		fmt.Fprintf(b, "| %s | `%s` | %g | %s | %.5g | %s | **%s** |\n", markdownText(v.Model), v.Gate, v.Limit, v.Measured, v.Got.Value, v.Got.bounds(4), outcome)
	}
	b.WriteString("\n")
}

func (r *Report) markdownModels(b *strings.Builder) {
	b.WriteString("| model | size | bits | perplexity | × base | KL divergence | p99.9 | same top token | flips |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n")
	for _, m := range r.Models {
		cells := []string{markdownText(m.Name), megabytes(m.Bytes), optional("%.2f", m.Bits),
			fmt.Sprintf("%.4f ± %.4f", m.Perplexity.Value, m.Perplexity.Error), "", "", "", "", ""}
		if d := m.Versus; d != nil {
			cells[4] = fmt.Sprintf("%.4f %s", d.PPLRatio.Value, d.PPLRatio.bounds(4))
			cells[5] = fmt.Sprintf("%.5f %s", d.KLD.Mean.Value, d.KLD.Mean.bounds(4))
			cells[6] = fmt.Sprintf("%.4g", d.KLD.P99_9.Value)
			cells[7] = fmt.Sprintf("%.2f %%", 100*d.SameTop.Value)
			cells[8] = fmt.Sprintf("%.2f %%", 100*d.Flips.Value)
		}
		fmt.Fprintf(b, "| %s |\n", strings.Join(cells, " | "))
	}
	b.WriteString("\n")
}

func (r *Report) markdownPairs(b *strings.Builder) {
	for _, p := range r.Pairs {
		fmt.Fprintf(b, "- %s\n", markdownText(p.String()))
	}
	if len(r.Pairs) > 0 {
		b.WriteString("\n")
	}
}

// String is the comparison in a line.
func (p Pair) String() string {
	says := "no difference is proved"
	switch {
	case p.Better != "":
		says = p.Better + " is better"
	case p.Needed > 0:
		says = fmt.Sprintf("undecided, %d more chunks needed", p.Needed)
	}
	return fmt.Sprintf("%s or %s: %s (KL divergence %+.5f %s)", p.A, p.B, says, p.KLD.Value, p.KLD.bounds(4))
}

// bounds prints the interval.
func (e Estimate) bounds(digits int) string {
	if finite(e.Low) == nil || finite(e.High) == nil {
		return "[–]"
	}
	return fmt.Sprintf("[%.*g, %.*g]", digits, e.Low, digits, e.High)
}

func megabytes(n int64) string { return optional("%.1f MB", float64(n)/1e6) }

// optional prints a number that is 0 when it is not known.
func optional(format string, x float64) string {
	if x == 0 {
		return ""
	}
	return fmt.Sprintf(format, x)
}

// markdownText keeps names from being read as markup: a file's name is anybody's.
func markdownText(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\n' || r == '\r':
			b.WriteByte(' ')
			continue
		case strings.ContainsRune("\\`*_{}[]<>()#!|&@~", r):
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

package verify

import (
	"fmt"
	"strings"
)

// A model card keeps what was measured between these comments, so that the next run replaces it.
const (
	cardBegin = "<!-- measured by quern verify -->\n"
	cardEnd   = "<!-- end of what quern verify measured -->\n"
)

// Card is the section of a model card that tells what the given model lost; text is what the tokens came from.
func (r *Report) Card(model int, text string) string {
	var b strings.Builder
	m := &r.Models[model]
	b.WriteString(cardBegin + "## Measured loss\n\n| | |\n| --- | --- |\n")
	row := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "| %s | %s |\n", name, fmt.Sprintf(format, args...))
	}
	row("perplexity", "%.4f ± %.4f", m.Perplexity.Value, m.Perplexity.Error)
	if d := m.Versus; d != nil {
		row("perplexity, × base", "%.4f %s", d.PPLRatio.Value, d.PPLRatio.bounds(4))
		row("mean KL divergence from the base, nats", "%.5f %s", d.KLD.Mean.Value, d.KLD.Mean.bounds(4))
		row("KL divergence of all but 1 %", "at most %.4g", d.KLD.P99.Value)
		row("same top token", "%.2f %%", 100*d.SameTop.Value)
		row("predictions that became right or wrong", "%.2f %%", 100*d.Flips.Value)
		row("base", "%s", markdownText(r.Models[0].Name))
	}
	row("measured on", "%d predictions in %d chunks of %d tokens of %s", r.Scored, r.Protocol.Chunks, r.Protocol.Ctx, markdownText(text))
	if r.Text != "" {
		row("SHA-256 of the text", "%s", r.Text)
	}
	row("mode", "%s", r.Mode)
	b.WriteString(cardEnd)
	return b.String()
}

// PutCard puts a section into a card, in the place of the one that an earlier run left, else at its end.
func PutCard(card, section string) string {
	if before, rest, ok := strings.Cut(card, cardBegin); ok {
		if _, after, ok := strings.Cut(rest, cardEnd); ok {
			return before + section + after
		}
	}
	if card != "" {
		card = strings.TrimRight(card, "\n") + "\n\n"
	}
	return card + section
}

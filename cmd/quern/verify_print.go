package main

import (
	"fmt"
	"strings"

	"quern/verify"
)

func printReport(ui *ui, r *verify.Report) {
	for i, m := range r.Models {
		line := fmt.Sprintf("%s: perplexity %.4f ± %.5f", m.Name, m.Perplexity.Value, m.Perplexity.Error)
		if i == 0 {
			line += fmt.Sprintf(" (%d chunks of %d, %d tokens scored, %s mode)", r.Protocol.Chunks, r.Protocol.Ctx, r.Scored, r.Mode)
		}
		if n := r.Protocol.Conversations; i == 0 && n > 0 {
			line += fmt.Sprintf(", of what is said in %d conversations", n)
		}
		ui.say("%s", line)
		if m.Versus != nil {
			printDivergence(ui, m.Versus)
			printParts(ui, "positions", m.Versus.Positions)
			printWorst(ui, m.Versus.Worst)
		}
		printParts(ui, "text", m.Domains)
		ui.note("%s: %.1f s, %.0f tokens/s", m.Name, m.Seconds, float64(r.Protocol.Chunks*r.Protocol.Ctx)/max(m.Seconds, 1e-9))
	}
	printPairs(ui, r.Pairs)
	printSwaps(ui, r.Swaps)
	printVerdicts(ui, r.Verdicts)
	if r.Stopped {
		ui.say("stopped after %d chunks: every gate was certain", r.Protocol.Chunks)
	}
	for _, h := range r.Hints {
		ui.say("%s", h)
	}
}

// scaled prints an estimate with its 95 % interval.
func scaled(e verify.Estimate, scale float64) []string {
	return []string{fmt.Sprintf("%.6f", scale*e.Value), fmt.Sprintf("± %.6f", scale*e.Error), fmt.Sprintf("[%.6f, %.6f]", scale*e.Low, scale*e.High)}
}

func printDivergence(ui *ui, d *verify.Divergence) {
	row := func(name string, e verify.Estimate, scale float64) []string {
		return append([]string{name}, scaled(e, scale)...)
	}
	ui.table([]string{"against the base", "value", "error", "95 % of draws"}, [][]string{
		row("perplexity ratio", d.PPLRatio, 1),
		row("ln perplexity ratio", d.LogPPLRatio, 1),
		row("perplexity difference", d.PPLDiff, 1),
		row("correlation of ln p, %", d.Correlation, 100),
		row("mean KL divergence", d.KLD.Mean, 1),
		row("same top token, %", d.SameTop, 100),
		row("flips, %", d.Flips, 100),
		row(fmt.Sprintf("top %d in common, %%", verify.TopK), d.Overlap, 100),
		row("mean Δp, %", d.DeltaP.Mean, 100),
		row("RMS Δp, %", d.RMSDeltaP, 100),
	}, 1, 2, 3)
	ui.say("")
	printQuantiles(ui, d)
}

// printQuantiles shows all lines of llama-perplexity's distributions.
func printQuantiles(ui *ui, d *verify.Divergence) {
	var rows [][]string
	add := func(name string, kld, dp string) { rows = append(rows, []string{name, kld, dp}) }
	plain := func(x verify.Number, scale float64) string { return fmt.Sprintf("%.6f", scale*float64(x)) }
	with := func(e verify.Estimate, scale float64) string {
		return fmt.Sprintf("%.6f [%.6f, %.6f]", scale*e.Value, scale*e.Low, scale*e.High)
	}
	add("maximum", plain(d.KLD.Max, 1), plain(d.DeltaP.Max, 100))
	k, p := d.KLD.Quantiles(), d.DeltaP.Quantiles()
	for i := len(k) - 1; i >= 0; i-- {
		add(k[i].Name, with(k[i].Estimate, 1), with(p[i].Estimate, 100))
	}
	add("minimum", plain(d.KLD.Min, 1), plain(d.DeltaP.Min, 100))
	ui.table([]string{"distribution", "KL divergence", "Δp, %"}, rows, 1, 2)
	ui.say("")
}

func printParts(ui *ui, what string, parts []verify.Part) {
	if len(parts) == 0 {
		return
	}
	var rows [][]string
	for _, p := range parts {
		row := []string{p.Name, fmt.Sprint(p.Scored), fmt.Sprintf("%.4f [%.4f, %.4f]", p.Perplexity.Value, p.Perplexity.Low, p.Perplexity.High), "", ""}
		if p.KLD != nil {
			row[3] = fmt.Sprintf("%.5f [%.5f, %.5f]", p.KLD.Value, p.KLD.Low, p.KLD.High)
			row[4] = fmt.Sprintf("%.2f %%", 100*p.SameTop.Value)
		}
		rows = append(rows, row)
	}
	ui.table([]string{what, "scored", "perplexity", "KL divergence", "same top token"}, rows, 1, 2, 3, 4)
	ui.say("")
}

// worstPrinted is how many of the worst predictions a terminal shows; reports hold more.
const worstPrinted = 5

// printWorst shows the predictions that changed most behind the text that led to them.
func printWorst(ui *ui, worst []verify.Token) {
	if len(worst) == 0 {
		return
	}
	var rows [][]string
	for _, w := range worst[:min(worstPrinted, len(worst))] {
		before := []rune(w.Before)
		rows = append(rows, []string{fmt.Sprintf("%.4f", float64(w.KLD)), quote(string(before[max(0, len(before)-contextPrinted):])), quote(w.Token),
			fmt.Sprintf("%.4f", float64(w.Base)), fmt.Sprintf("%.4f", float64(w.Model)), quote(w.TopBase), quote(w.Top)})
	}
	ui.table([]string{"KL divergence", "after", "token", "p base", "p", "base expects", "expects"}, rows, 0, 3, 4)
	ui.say("")
}

const contextPrinted = 32 // characters

func printPairs(ui *ui, pairs []verify.Pair) {
	if len(pairs) == 0 {
		return
	}
	var rows [][]string
	for _, p := range pairs {
		says := "no difference is proved"
		switch {
		case p.Better != "":
			says = p.Better + " is better"
		case p.Needed > 0:
			says = fmt.Sprintf("undecided: %d more chunks needed", p.Needed)
		}
		rows = append(rows, []string{p.A, p.B, fmt.Sprintf("%+.6f [%+.6f, %+.6f]", p.KLD.Value, p.KLD.Low, p.KLD.High),
			fmt.Sprintf("%+.5f", p.LogPPL.Value), fmt.Sprintf("%+.3f %%", 100*p.SameTop.Value), strings.ToLower(fmt.Sprintf("%.2g", float64(p.Adjusted))), says})
	}
	ui.table([]string{"A", "B", "KL divergence A − B", "ln PPL", "same top", "p, Holm", ""}, rows, 2, 3, 4, 5)
	ui.say("")
}

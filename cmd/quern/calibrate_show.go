package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"quern/calib"
	"quern/formats"
)

// showCalibrated prints the result and decides the gate.
func showCalibrated(c *cli.Context, ui *ui, out string, m *formats.Imatrix) error {
	least := c.Int64("min-expert-tokens")
	r := calibrated{Path: out, Tensors: len(m.Entries), Chunks: m.Chunks, ChunkSize: m.ChunkSize, Datasets: m.Datasets}
	r.Experts = calib.CoverageOf(m, max(least, formats.RareTokens))
	if c.Bool("statistics") {
		r.Statistics = calib.Statistics(m)
		r.Layers = calib.ByLayer(r.Statistics)
	}
	for _, e := range r.Experts {
		if e.Min < least {
			r.Failures = append(r.Failures, fmt.Sprintf("%s: an expert was reached by %d tokens, %d are demanded", e.Tensor, e.Min, least))
		}
	}
	if c.Bool("json") {
		if err := ui.json(r); err != nil {
			return err
		}
	} else {
		r.print(ui, m)
	}
	if n := len(r.Failures); n > 0 {
		return &formats.Error{Err: fmt.Errorf("%w: %s (%d tensors fail)", errGate, r.Failures[0], n), Hint: "calibrate on more text, or on text of more kinds"}
	}
	return nil
}

func (r *calibrated) print(ui *ui, m *formats.Imatrix) {
	if r.Path != "" {
		ui.say("%s: %s", r.Path, m)
	}
	printCoverage(ui, r.Experts)
	if r.Statistics != nil {
		printStatistics(ui, r.Statistics, r.Layers)
	}
}

// printCoverage shows how many tokens reached the experts of every tensor.
func printCoverage(ui *ui, list []calib.Coverage) {
	if len(list) == 0 {
		return
	}
	var rows [][]string
	for _, e := range list {
		rows = append(rows, []string{printable(e.Tensor), fmt.Sprint(e.Experts), fmt.Sprint(e.Min), fmt.Sprint(e.Median), fmt.Sprint(e.Max), fmt.Sprint(len(e.Rare))})
	}
	ui.say("")
	ui.table([]string{"experts of", "experts", "fewest tokens", "median", "most", "rare"}, rows, 1, 2, 3, 4, 5)
}

// printStatistics is the table of llama-imatrix --show-statistics.
func printStatistics(ui *ui, list []calib.Statistic, layers []calib.LayerStatistic) {
	var rows [][]string
	for _, s := range list {
		layer, cosine := "-", "-"
		if s.Layer >= 0 {
			layer = layerName(s.Side, s.Layer)
		}
		if s.Cosine != nil {
			cosine = fmt.Sprintf("%.4f", *s.Cosine)
		}
		rows = append(rows, []string{layer, printable(s.Kind), fmt.Sprintf("%.2f", s.Total), fmt.Sprintf("%.4f", s.Min), fmt.Sprintf("%.4f", s.Max),
			fmt.Sprintf("%.2f", s.Mean), fmt.Sprintf("%.2f", s.Dev), fmt.Sprintf("%.2f %%", 100*s.Active), fmt.Sprint(s.N),
			fmt.Sprintf("%.4f", s.Entropy), fmt.Sprintf("%.2f %%", 100*s.Uniformity()), fmt.Sprintf("%.2f %%", 100*s.ZD), cosine})
	}
	ui.say("")
	ui.table([]string{"layer", "tensor", "Σ(act²)", "min", "max", "μ", "σ", "active", "n", "entropy", "of most", "z > 1", "cosine"}, rows,
		0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)
	rows = nil
	for _, l := range layers {
		rows = append(rows, []string{layerName(l.Side, l.Layer), fmt.Sprintf("%.2f", l.Total), fmt.Sprintf("%.4f %%", 100*l.ZD), fmt.Sprintf("%.4f", l.Cosine)})
	}
	ui.say("\nmeans of each layer, tensors counted by their columns")
	ui.table([]string{"layer", "Σ(act²)", "z > 1", "cosine"}, rows, 0, 1, 2, 3)
}

// layerName is the number of a layer, behind which of two stacks has it.
func layerName(side string, layer int) string { return strings.TrimSpace(fmt.Sprint(side, " ", layer)) }

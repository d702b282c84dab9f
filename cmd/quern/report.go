package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"quern/verify"
)

func reportCommand(ui *ui) *cli.Command {
	return &cli.Command{
		Name:      "report",
		Usage:     "merge reports of quern verify, and compare them with an earlier release's",
		UsageText: "quern report REPORT.json… [--previous OLD.json] [--html FILE] [--markdown FILE] [--junit FILE]",
		Description: "REPORT.json is what quern verify --json-file wrote. Models are compared with those of the same name in\n" +
			"the earlier reports, chunk by chunk, where text and protocol are the same. Exit code 5 when a gate of a\n" +
			"report had failed, or with --no-worse when a model is proved to be worse than before.\n\n" +
			"Examples:\n" +
			"  quern report wiki.json code.json --html report.html\n" +
			"  quern report now.json --previous v1.2.json --no-worse --markdown \"$GITHUB_STEP_SUMMARY\"",
		Flags: append([]cli.Flag{
			&cli.StringSliceFlag{Name: "previous", Usage: "report of an earlier release, `FILE`; may be repeated"},
			&cli.BoolFlag{Name: "no-worse", Usage: "gate: no model is proved to be worse than before"},
			&cli.StringFlag{Name: "title", Usage: "`TITLE` of the page"},
			&cli.BoolFlag{Name: "json", Usage: "print the merged reports as JSON"},
		}, reportFlags()[1:]...),
		Action: func(c *cli.Context) error { return reportAction(c, ui) },
	}
}

func reportAction(c *cli.Context, ui *ui) error {
	if c.NArg() == 0 {
		return usagef("quern report takes at least one REPORT.json")
	}
	if c.Bool("no-worse") && !c.IsSet("previous") {
		return usagef("--no-worse compares with --previous")
	}
	if err := prepareOutputs(c); err != nil {
		return err
	}
	runs, err := readReports(c.Args().Slice())
	if err != nil {
		return err
	}
	old, err := readReports(c.StringSlice("previous"))
	if err != nil {
		return err
	}
	s := &verify.Summary{Schema: verify.SummarySchema, Title: c.String("title"), Runs: runs}
	if len(old) > 0 {
		s.Compare(old)
	}
	if err := writeOutputs(c, s); err != nil {
		return err
	}
	if c.Bool("json") {
		err = ui.json(s)
	} else {
		printSummary(ui, s)
	}
	if err != nil {
		return err
	}
	return summaryError(s, c.Bool("no-worse"))
}

// readReports reads reports and labels those that have no label with the name of their file.
func readReports(names []string) ([]*verify.Report, error) {
	var out []*verify.Report
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		r, err := verify.ReadReport(b)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if r.Label == "" {
			r.Label = strings.TrimSuffix(filepath.Base(name), ".json")
		}
		out = append(out, r)
	}
	return out, nil
}

func printSummary(ui *ui, s *verify.Summary) {
	var rows [][]string
	for _, r := range s.Runs {
		for _, m := range r.Models {
			row := []string{r.Label, m.Name, bytes(m.Bytes), fmt.Sprintf("%.4f ± %.4f", m.Perplexity.Value, m.Perplexity.Error), "", "", ""}
			if v := m.Versus; v != nil {
				row[4], row[5] = fmt.Sprintf("%.4f", v.PPLRatio.Value), fmt.Sprintf("%.5f [%.5f, %.5f]", v.KLD.Mean.Value, v.KLD.Mean.Low, v.KLD.Mean.High)
				row[6] = fmt.Sprintf("%.2f %%", 100*v.SameTop.Value)
			}
			rows = append(rows, row)
		}
	}
	ui.table([]string{"run", "model", "size", "perplexity", "× base", "KL divergence", "same top token"}, rows, 2, 3, 4, 5, 6)
	ui.say("")
	for _, r := range s.Runs {
		printVerdicts(ui, r.Verdicts)
		for _, h := range r.Hints {
			ui.say("%s", h)
		}
	}
	for _, c := range s.Changes {
		ui.say("%s", c)
	}
}

// summaryError is the reason for exit code 5.
func summaryError(s *verify.Summary, noWorse bool) error {
	for _, r := range s.Runs {
		if err := gateError(r.Verdicts); err != nil {
			return err
		}
	}
	if !noWorse {
		return nil
	}
	var worse []string
	for _, c := range s.Changes {
		if c.Outcome == "worse" {
			worse = append(worse, c.String())
		}
	}
	if len(worse) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %s", errGate, strings.Join(worse, "; "))
}

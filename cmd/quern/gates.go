package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"quern/formats"
	"quern/verify"
)

// gateFlags are one flag for each row of the table of gates, and how they are decided.
func gateFlags() []cli.Flag {
	var flags []cli.Flag
	for _, g := range verify.AllGates() {
		flags = append(flags, &cli.Float64Flag{Name: g.Name, Usage: "gate: " + g.Usage})
	}
	return append(flags,
		&cli.BoolFlag{Name: verify.IntactGate, Usage: "gate: no weights, settings or tokens that no method of quantizing makes, such as flipped, zeroed or permuted ones"},
		&cli.StringFlag{Name: "gates", Usage: "`FILE` of gates in YAML; flags replace its limits"},
		&cli.StringFlag{Name: "decide", Value: string(verify.Upper),
			Usage: "end of a loss's interval that keeps the limit: upper (proved), point (the value itself), lower (not disproved)"},
		&cli.Float64Flag{Name: "alpha", Value: verify.DefaultAlpha, Usage: "probability of any wrong decision in the run, all gates of all models together; half for passes, half for failures"},
		&cli.BoolFlag{Name: "sequential", Usage: "stop as soon as all gates are certain; alpha is spent over the looks"},
	)
}

// gatesOf reads the gates of the command line; nil when there are none.
func gatesOf(c *cli.Context, models int) (*verify.Gates, error) {
	g, err := gatesFile(c.String("gates"))
	if err != nil {
		return nil, err
	}
	for _, t := range verify.AllGates() {
		if !c.IsSet(t.Name) {
			continue
		}
		if err := g.Set(t.Name, c.Float64(t.Name)); err != nil {
			return nil, usagef("%v", err)
		}
	}
	if c.IsSet("decide") {
		g.Decide = verify.Decide(c.String("decide"))
	}
	if c.IsSet("alpha") {
		g.Alpha = c.Float64("alpha")
	}
	if c.IsSet("sequential") {
		g.Sequential = c.Bool("sequential")
	}
	if c.IsSet(verify.IntactGate) {
		g.Intact = c.Bool(verify.IntactGate)
	}
	if c.IsSet("alpha") && g.Alpha == 0 {
		return nil, usagef("--alpha 0: want more than 0 and less than 0.5")
	}
	if err := g.Complete(); err != nil {
		return nil, usagef("%v", err)
	}
	switch {
	case len(g.Limits) == 0 && (c.IsSet("decide") || c.IsSet("alpha") || c.IsSet("sequential")):
		return nil, usagef("there is no gate to decide")
	case len(g.Limits) == 0 && !g.Intact:
		return nil, nil
	case models < 2:
		return nil, usagef("gates compare with a base: give --base and --quant")
	}
	return g, nil
}

func gatesFile(name string) (*verify.Gates, error) {
	if name == "" {
		return &verify.Gates{}, nil
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	g, err := verify.ReadGates(b)
	if err != nil {
		return nil, usagef("%s: %v", name, err)
	}
	return g, nil
}

// gateError is the reason for exit code 5, in one line: what failed, then what is in doubt.
func gateError(verdicts []verify.Verdict) error {
	var failed, doubt []string
	for _, v := range verdicts {
		switch v.Outcome {
		case verify.Fail:
			failed = append(failed, v.String())
		case verify.Inconclusive:
			doubt = append(doubt, v.String())
		}
	}
	switch {
	case len(failed) > 0:
		return fmt.Errorf("%w: %s", errGate, strings.Join(failed, "; "))
	case len(doubt) > 0:
		return fmt.Errorf("%w: %s", errGate, strings.Join(doubt, "; "))
	}
	return nil
}

// printVerdicts shows what every gate found.
func printVerdicts(ui *ui, verdicts []verify.Verdict) {
	if len(verdicts) == 0 {
		return
	}
	var rows [][]string
	for _, v := range verdicts {
		outcome := string(v.Outcome)
		if v.Needed > 0 {
			outcome += fmt.Sprintf(": %d more chunks needed", v.Needed)
		}
		rows = append(rows, []string{v.Model, v.Gate, fmt.Sprintf("%g", v.Limit), v.Measured,
			fmt.Sprintf("%.6g", v.Got.Value), fmt.Sprintf("[%.5g, %.5g]", v.Got.Low, v.Got.High), outcome})
	}
	ui.table([]string{"model", "gate", "limit", "measured", "value", "interval", "outcome"}, rows, 2, 4, 5)
	ui.say("")
}

// hinted adds the first likely cause to an error.
func hinted(err error, hints []string) error {
	if err == nil || len(hints) == 0 {
		return err
	}
	return &formats.Error{Err: err, Hint: hints[0]}
}

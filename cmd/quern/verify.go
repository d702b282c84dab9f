package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"quern/internal/model"
	"quern/verify"
)

func verifyCommand(ui *ui) *cli.Command {
	return &cli.Command{
		Name:      "verify",
		Usage:     "measure perplexity, and what a quantization lost against its base",
		UsageText: "quern verify MODEL --text FILE\nquern verify --base MODEL --quant MODEL [--quant MODEL …] --text FILE [gates]",
		Description: "MODEL is a Hugging Face folder, a safetensors file or a GGUF of any type. Perplexity follows\n" +
			"llama-perplexity's protocol. With --base and --quant both models run side by side, with no file of\n" +
			"logits between them. A gate that fails ends the command with exit code 5.\n\n" +
			"Examples:\n" +
			"  quern verify model-Q4_K_M.gguf --text wiki.test.raw --chunks 20\n" +
			"  quern verify --base ./model --quant model-Q4_K_M.gguf --text wiki.test.raw --max-kld 0.02 --min-top1 0.95",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "text", Usage: "text to score: `FILE`, or - for standard input"},
			&cli.StringFlag{Name: "base", Usage: "`MODEL` that the others are compared with"},
			&cli.StringSliceFlag{Name: "quant", Usage: "`MODEL` to compare with the base; may be repeated"},
			&cli.IntFlag{Name: "ctx", Value: verify.DefaultCtx, Usage: "tokens in a chunk"},
			&cli.IntFlag{Name: "chunks", Usage: "chunks at most (default: the whole text)"},
			modeFlag("deploy"),
			&cli.Float64Flag{Name: "max-ppl-ratio", Usage: "gate: perplexity relative to the base at most `R`"},
			&cli.Float64Flag{Name: "max-kld", Usage: "gate: mean KL divergence at most `X` nats"},
			&cli.Float64Flag{Name: "min-top1", Usage: "gate: share of predictions with the same top token at least `P`, 0 to 1"},
			&cli.BoolFlag{Name: "json", Usage: "print the report as JSON"},
			preFlag(),
			threadsFlag(),
		},
		Action: func(c *cli.Context) error { return verifyAction(c, ui) },
	}
}

func modeFlag(value string) cli.Flag {
	return &cli.StringFlag{Name: "mode", Value: value,
		Usage: "exact: weights as float32; deploy: activations in int8 as llama.cpp runs them"}
}

func mode(c *cli.Context) (model.Mode, error) {
	switch c.String("mode") {
	case "exact":
		return model.Exact, nil
	case "deploy":
		return model.Deploy, nil
	}
	return 0, usagef("--mode %s: want exact or deploy", c.String("mode"))
}

func verifyAction(c *cli.Context, ui *ui) error {
	if err := needs(c, "text"); err != nil {
		return err
	}
	paths, err := verifyPaths(c)
	if err != nil {
		return err
	}
	gates, err := gatesOf(c, len(paths))
	if err != nil {
		return err
	}
	opt, err := verifyOptions(c)
	if err != nil {
		return err
	}
	text, err := readText(ui, c.String("text"))
	if err != nil {
		return err
	}
	sides, closeAll, err := openSides(paths)
	defer closeAll()
	if err != nil {
		return err
	}
	tokens, err := sameTokens(c, paths, text, &opt)
	if err != nil {
		return err
	}
	bar := ui.progress("verifying", "chunks")
	opt.Progress = bar.setInt
	rep, err := verify.Run(c.Context, sides, tokens, opt)
	bar.done()
	if err != nil {
		return err
	}
	failures := gates.Check(rep)
	if c.Bool("json") {
		if err := ui.json(verifyJSON{rep, failures}); err != nil {
			return err
		}
	} else {
		printReport(ui, rep)
	}
	return gateError(failures)
}

type verifyJSON struct {
	*verify.Report
	Failures []verify.Failure `json:"failures,omitempty"`
}

// verifyPaths are the models of the command line, the base first.
func verifyPaths(c *cli.Context) ([]string, error) {
	base, quants := c.String("base"), c.StringSlice("quant")
	if base == "" && len(quants) == 0 {
		return c.Args().Slice(), exactArgs(c, "MODEL")
	}
	if base == "" || len(quants) == 0 || c.NArg() > 0 {
		return nil, usagef("quern verify takes either MODEL, or --base and at least one --quant")
	}
	return append([]string{base}, quants...), nil
}

func gatesOf(c *cli.Context, models int) (g verify.Gates, err error) {
	for name, dst := range map[string]**float64{"max-ppl-ratio": &g.MaxPPLRatio, "max-kld": &g.MaxKLD, "min-top1": &g.MinTop1} {
		if c.IsSet(name) {
			v := c.Float64(name)
			*dst = &v
			if !(v >= 0) {
				return g, usagef("--%s %v: want a number that is not negative", name, v)
			}
		}
	}
	if g.MinTop1 != nil && *g.MinTop1 > 1 {
		return g, usagef("--min-top1 %v: want a share from 0 to 1", *g.MinTop1)
	}
	if g.Any() && models < 2 {
		return g, usagef("a gate compares a --quant with its --base; only one model was given")
	}
	return g, nil
}

func verifyOptions(c *cli.Context) (opt verify.Options, err error) {
	if opt.Mode, err = mode(c); err != nil {
		return opt, err
	}
	if opt.Threads, err = threads(c); err != nil {
		return opt, err
	}
	opt.Ctx, opt.Protocol.Chunks = c.Int("ctx"), c.Int("chunks")
	if opt.Ctx < 4 || opt.Protocol.Chunks < 0 {
		return opt, usagef("--ctx must be at least 4 and --chunks not negative")
	}
	return opt, nil
}

// openSides opens every model; closeAll closes those that were opened, also after an error.
func openSides(paths []string) (sides []verify.Side, closeAll func(), err error) {
	var open []*openedModel
	closeAll = func() {
		for _, m := range open {
			m.Close()
		}
	}
	names := shortNames(paths)
	for i, p := range paths {
		m, err := openModel(p)
		if err != nil {
			return nil, closeAll, err
		}
		open = append(open, m)
		sides = append(sides, verify.Side{Name: names[i], Model: m.Model, Vocab: m.Params().Vocab})
	}
	return sides, closeAll, nil
}

// shortNames are base names where these tell the models apart, else the paths.
func shortNames(paths []string) []string {
	seen, out := map[string]bool{}, make([]string, len(paths))
	for i, p := range paths {
		out[i] = filepath.Base(filepath.Clean(p))
		if seen[out[i]] {
			return paths
		}
		seen[out[i]] = true
	}
	return out
}

// sameTokens tokenizes the text with every model's tokenizer: where the ids differ, the numbers could not be compared.
func sameTokens(c *cli.Context, paths []string, text []byte, opt *verify.Options) ([]int32, error) {
	var first []int32
	for i, p := range paths {
		tokens, bos, err := tokenizeFor(p, c.String("pre"), text)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			first, opt.BOS = tokens, bos
			continue
		}
		if at := firstDifference(first, tokens); at >= 0 || bos != opt.BOS {
			return nil, fmt.Errorf("%s and %s tokenize the text differently, first at token %d: their numbers cannot be compared", paths[0], p, max(at, 0))
		}
	}
	return first, nil
}

func firstDifference(a, b []int32) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	if len(a) != len(b) {
		return min(len(a), len(b))
	}
	return -1
}

func gateError(failures []verify.Failure) error {
	if len(failures) == 0 {
		return nil
	}
	lines := make([]string, len(failures))
	for i, f := range failures {
		lines[i] = f.String()
	}
	return fmt.Errorf("%w: %s", errGate, strings.Join(lines, "; "))
}

func printReport(ui *ui, r *verify.Report) {
	for i, m := range r.Models {
		line := fmt.Sprintf("%s: perplexity %.4f ± %.5f", m.Name, m.Perplexity.Value, m.Perplexity.Error)
		if i == 0 {
			line += fmt.Sprintf(" (%d chunks of %d, %d tokens scored, %s mode)", r.Protocol.Chunks, r.Protocol.Ctx, r.Scored, r.Mode)
		}
		ui.say("%s", line)
		if m.Versus != nil {
			printDivergence(ui, m.Versus)
		}
		ui.note("%s: %.1f s, %.0f tokens/s", m.Name, m.Seconds, float64(r.Protocol.Chunks*r.Protocol.Ctx)/max(m.Seconds, 1e-9))
	}
}

func printDivergence(ui *ui, d *verify.Divergence) {
	est := func(e verify.Estimate) string { return fmt.Sprintf("%.6f ± %.6f", e.Value, e.Error) }
	ui.table([]string{"against the base", "value"}, [][]string{
		{"perplexity ratio", est(d.PPLRatio)},
		{"ln perplexity ratio", est(d.LogPPLRatio)},
		{"perplexity difference", est(d.PPLDiff)},
		{"correlation of ln p", fmt.Sprintf("%.4f %%", 100*d.Correlation)},
		{"mean KL divergence", est(d.KLD.Mean)},
		{"same top token", fmt.Sprintf("%.3f %% ± %.3f", 100*d.SameTop.Value, 100*d.SameTop.Error)},
		{"mean Δp", fmt.Sprintf("%.3f %% ± %.3f", 100*d.DeltaP.Mean.Value, 100*d.DeltaP.Mean.Error)},
		{"RMS Δp", fmt.Sprintf("%.3f %% ± %.3f", 100*d.RMSDeltaP.Value, 100*d.RMSDeltaP.Error)},
	}, 1)
	ui.say("")
	row := func(name string, scale float64, x verify.Distribution) []string {
		out := []string{name}
		for _, v := range []float64{x.Min, x.P1, x.P10, x.Median, x.P90, x.P95, x.P99, x.P99_9, x.Max} {
			out = append(out, fmt.Sprintf("%.5f", scale*v))
		}
		return out
	}
	ui.table([]string{"distribution", "min", "1 %", "10 %", "median", "90 %", "95 %", "99 %", "99.9 %", "max"},
		[][]string{row("KL divergence", 1, d.KLD), row("Δp, %", 100, d.DeltaP)}, 1, 2, 3, 4, 5, 6, 7, 8, 9)
	ui.say("")
}

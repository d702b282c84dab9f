package main

import (
	"path/filepath"

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
			"  quern verify --base ./model --quant model-Q4_K_M.gguf --text wiki.test.raw --max-kld 0.02 --min-top1 0.95\n" +
			"  quern verify --base ./model --quant a.gguf --quant b.gguf --text wiki.test.raw --text code.txt --html report.html",
		Flags: append(append([]cli.Flag{
			&cli.StringSliceFlag{Name: "text", Usage: "text to score: `FILE`, or - for standard input; several are domains of their own"},
			&cli.StringFlag{Name: "base", Usage: "`MODEL` that the others are compared with"},
			&cli.StringSliceFlag{Name: "quant", Usage: "`MODEL` to compare with the base; may be repeated"},
			&cli.IntFlag{Name: "ctx", Value: verify.DefaultCtx, Usage: "tokens in a chunk"},
			&cli.IntFlag{Name: "chunks", Usage: "chunks at most, of each text (default: all)"},
			modeFlag("deploy"),
			&cli.StringFlag{Name: "label", Usage: "what the run is called in reports"},
			&cli.BoolFlag{Name: "json", Usage: "print the report as JSON"},
			preFlag(),
			threadsFlag(),
			modelMemoryFlag(),
		}, gateFlags()...), reportFlags()...),
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
	sides, closeAll, err := openSides(paths)
	defer closeAll()
	if err != nil {
		return err
	}
	opt.Gates = gates
	tokens, hash, err := verifyText(c, ui, paths, &opt)
	if err != nil {
		return err
	}
	bar := ui.progress("verifying", "tokens")
	opt.Progress = bar.verifying
	rep, err := verify.Run(c.Context, sides, tokens, opt)
	bar.done()
	if err != nil {
		return err
	}
	rep.Version, rep.Label, rep.Text = version(), c.String("label"), hash
	addSizes(rep, sides)
	if err := diagnose(c.Context, rep, sides, opt.Threads); err != nil {
		return err
	}
	if err := writeOutputs(c, &verify.Summary{Runs: []*verify.Report{rep}}); err != nil {
		return err
	}
	if c.Bool("json") {
		err = ui.json(rep)
	} else {
		printReport(ui, rep)
	}
	if err != nil {
		return err
	}
	return hinted(gateError(rep.Verdicts), rep.Hints)
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

func verifyOptions(c *cli.Context) (opt verify.Options, err error) {
	if opt.Mode, err = mode(c); err != nil {
		return opt, err
	}
	if opt.Threads, err = threads(c); err != nil {
		return opt, err
	}
	if opt.MaxRAM, err = modelMemory(c); err != nil {
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
		sides = append(sides, verify.Side{Name: names[i], Model: m, Vocab: m.Params().Vocab})
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

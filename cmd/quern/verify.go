package main

import (
	"path/filepath"
	"slices"

	"github.com/urfave/cli/v2"

	"quern/internal/model"
	"quern/verify"
)

func verifyCommand(ui *ui) *cli.Command {
	return &cli.Command{
		Name:  "verify",
		Usage: "measure perplexity, and what a quantization lost against its base",
		UsageText: "quern verify MODEL --text FILE\nquern verify --base MODEL --quant MODEL [--quant MODEL …] --text FILE [gates]\n" +
			"quern verify --baseline FILE --quant MODEL [--quant MODEL …] [gates]",
		Description: "MODEL is a Hugging Face folder, a safetensors file or a GGUF of any type. Perplexity follows\n" +
			"llama-perplexity's protocol. With --base and --quant both models run side by side, with no file of\n" +
			"logits between them. A gate that fails ends the command with exit code 5.\n\n" +
			"Examples:\n" +
			"  quern verify model-Q4_K_M.gguf --text wiki.test.raw --chunks 20\n" +
			"  quern verify --base ./model --quant model-Q4_K_M.gguf --text wiki.test.raw --max-kld 0.02 --min-top1 0.95\n" +
			"  quern verify --base ./model --quant a.gguf --quant b.gguf --text wiki.test.raw --text code.txt --html report.html\n" +
			"  quern verify --base ./model --quant model-Q4_K_M.gguf --chat conversations.jsonl --ctx 2048 --chunks 50\n" +
			"  quern verify ./model --text wiki.test.raw --chunks 50 --write-baseline model.qbase\n" +
			"  quern verify --baseline model.qbase --quant model-Q4_K_M.gguf --max-kld 0.02",
		Flags: append(append([]cli.Flag{
			&cli.StringSliceFlag{Name: "text", Usage: "text to score: `FILE`, or - for standard input; several are domains of their own"},
			&cli.StringSliceFlag{Name: "chat", Usage: "conversations to score instead of texts: `FILE` of JSON lines or Parquet with messages; what the assistant says is scored, in the model's chat template"},
			&cli.StringFlag{Name: "base", Usage: "`MODEL` that the others are compared with"},
			&cli.StringSliceFlag{Name: "quant", Usage: "`MODEL` to compare with the base; may be repeated"},
			&cli.IntFlag{Name: "ctx", Value: verify.DefaultCtx, Usage: "tokens in a chunk"},
			&cli.IntFlag{Name: "chunks", Usage: "chunks at most, of each text (default: all)"},
			modeFlag("deploy"),
			&cli.StringFlag{Name: "label", Usage: "what the run is called in reports"},
			&cli.BoolFlag{Name: "json", Usage: "print the report as JSON"},
			cardFlag(),
			preFlag(),
			threadsFlag(),
			modelMemoryFlag(),
		}, slices.Concat(gateFlags(), baselineFlags(), attributionFlags())...), reportFlags()...),
		Action: func(c *cli.Context) error { return verifyAction(c, ui) },
	}
}

func modeFlag(value string) cli.Flag {
	return &cli.StringFlag{Name: "mode", Value: value,
		Usage: "exact: weights as float32; coded: weights and activations in 16-bit codes, activations in int8 where weights are integers, nearly that and faster; deploy: activations in int8 as llama.cpp runs them"}
}

func mode(c *cli.Context) (model.Mode, error) {
	for m := model.Exact; m <= model.Deploy; m++ {
		if m.String() == c.String("mode") {
			return m, nil
		}
	}
	return 0, usagef("--mode %s: want exact, coded or deploy", c.String("mode"))
}

func verifyAction(c *cli.Context, ui *ui) error {
	v := &verifying{c: c, ui: ui}
	defer v.close()
	for _, step := range []func() error{v.parse, v.open, v.tokenize, v.attach} {
		if err := step(); err != nil {
			return err
		}
	}
	rep, err := v.run()
	if err != nil {
		return err
	}
	if err := writeOutputs(c, &verify.Summary{Runs: []*verify.Report{rep}}); err != nil {
		return err
	}
	if err := v.writeCards(rep); err != nil {
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

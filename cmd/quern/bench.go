package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"quern/internal/bench"
	"quern/internal/store"
)

func benchCommand(ui *ui) *cli.Command {
	return &cli.Command{
		Name:      "bench",
		Usage:     "measure kernels, encoders and the forward pass against the limits of this machine",
		UsageText: "quern bench [MODEL] [--prompt 512] [--threads N] [--only SECTION] [--json]",
		Description: "Limits are measured first: copying memory, and multiply-adds in registers. What follows is given in its own unit and as a\n" +
			"part of the limit. Encoders and decoders go through memory as copying does, far more of it than caches hold; bytes are counted\n" +
			"alike, those read and those written. With a MODEL, of any format, its prompt is measured in deploy mode: all tokens through the layers, logits of\n" +
			"the last one.\n\n" +
			"Examples:\n  quern bench\n  quern bench model-Q4_K_M.gguf --only model --json\n  QUERN_CPU=avx2 quern bench --only encoders",
		Flags: []cli.Flag{
			&cli.IntFlag{Name: "prompt", Value: 512, Usage: "`TOKENS` of a prompt"},
			&cli.StringFlag{Name: "only", Usage: "measure one `SECTION`: " + strings.Join(bench.Sections(), ", ")},
			&cli.DurationFlag{Name: "each", Value: 100 * time.Millisecond, Usage: "how long each figure is measured"},
			modelMemoryFlag(),
			threadsFlag(),
			&cli.BoolFlag{Name: "json", Usage: "print JSON"},
		},
		Action: func(c *cli.Context) error { return runBench(c, ui) },
	}
}

func runBench(c *cli.Context, ui *ui) error {
	if c.NArg() > 1 {
		return usagef("quern bench takes one MODEL at most, %d given", c.NArg())
	}
	opt := bench.Options{Prompt: c.Int("prompt"), Each: c.Duration("each"), Only: c.String("only"), Memory: store.FreeMemory() / 4, Say: func(section string) { ui.note("measuring: %s", section) }}
	switch {
	case opt.Prompt < 1:
		return usagef("--prompt %d: want one token at least", opt.Prompt)
	case opt.Each <= 0:
		return usagef("--each %v: want some time", opt.Each)
	case opt.Only != "" && !slices.Contains(bench.Sections(), opt.Only):
		return usagef("--only %s: want one of %s", opt.Only, strings.Join(bench.Sections(), ", "))
	case opt.Only == "model" && c.NArg() == 0:
		return usagef("--only model needs a MODEL")
	}
	var err error
	if opt.Threads, err = threads(c); err != nil {
		return err
	}
	if opt.MaxRAM, err = modelMemory(c); err != nil {
		return err
	}
	if c.NArg() == 1 {
		m, err := openLanguage(c.Args().First())
		if err != nil {
			return err
		}
		defer m.Close()
		opt.Model = m.Model
	}
	r, err := bench.Run(c.Context, opt)
	if err != nil {
		return err
	}
	if c.Bool("json") {
		return ui.json(r)
	}
	printBench(ui, r)
	return nil
}

func printBench(ui *ui, r *bench.Report) {
	features := "portable code"
	if len(r.CPU) > 0 {
		features = strings.Join(r.CPU, ", ")
	}
	ui.say("%d threads; %s", r.Threads, features)
	ui.say("copy %.1f GB/s in and out; multiply-adds: float32 %.0f GFLOP/s, int8 %.0f GOP/s", r.CopyGBs, r.Float32, r.Int8)
	section := func(head []string, rows [][]string) {
		if len(rows) > 0 {
			ui.say("")
			ui.table(head, rows, 1, 2, 3, 4, 5, 6)
		}
	}
	var rows [][]string
	for _, p := range r.Products {
		rows = append(rows, []string{p.Name, fmt.Sprintf("%.0f", p.Rate), part(p.Part)})
	}
	section([]string{"product", "GFLOP/s", "of peak"}, rows)
	rows = nil
	for _, c := range r.Encoders {
		row := []string{c.Type, speed(c.Mweights), part(c.PartCopy), speed(c.BF16), part(c.BF16Part), "", ""}
		if c.Ggml > 0 {
			row[5], row[6] = speed(c.Ggml), part(c.GgmlPart)
		}
		rows = append(rows, row)
	}
	section([]string{"encode", "M weights/s", "of copy", "from BF16", "of copy", "--encoder ggml", "of copy"}, rows)
	rows = nil
	for _, c := range r.Decoders {
		rows = append(rows, []string{c.Type, speed(c.Mweights), part(c.PartCopy)})
	}
	section([]string{"decode", "M weights/s", "of copy"}, rows)
	rows = nil
	for _, l := range r.Layers {
		rows = append(rows, []string{l.Type, fmt.Sprintf("%.0f", l.Gops), part(l.Part)})
	}
	section([]string{fmt.Sprintf("layer, %d tokens", r.Prompt), "GOP/s", "of peak"}, rows)
	if r.Tokens > 0 {
		ui.say("\nprompt of %d tokens, %s mode: %.1f tokens/s (%.2f s)", r.Prompt, r.Mode, r.Tokens, r.Seconds)
	}
}

func part(p float64) string { return fmt.Sprintf("%.0f %%", 100*p) }

// speed shows three digits.
func speed(m float64) string {
	if m < 10 {
		return fmt.Sprintf("%.2f", m)
	}
	return fmt.Sprintf("%.0f", m)
}

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/urfave/cli/v2"

	"quern/convert"
	"quern/formats"
	"quern/internal/model"
	"quern/testdata"
	"quern/verify"
)

// demoTypes is what the demo makes of its model, from the largest to the smallest.
var demoTypes = []string{"Q8_0", "Q6_K", "Q5_K_M", "Q4_K_M", "Q4_0", "Q3_K_M", "Q2_K"}

const demoChunks = 12

func demoCommand(ui *ui) *cli.Command {
	return &cli.Command{
		Name:      "demo",
		Usage:     "convert, quantize and verify a small model that is part of the program",
		UsageText: "quern demo [--keep DIR]",
		Description: "Unpacks a Hugging Face folder, converts it to GGUF, quantizes it to several types in one pass over the\n" +
			"weights, and measures what each type lost on text that the model has never seen.\n\n" +
			"Examples:\n  quern demo\n  quern demo --keep ./demo    # leaves the files, for quern or llama.cpp",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "keep", Usage: "leave the files in `DIR`"},
			&cli.BoolFlag{Name: "json", Usage: "print the report as JSON"},
			threadsFlag(),
		},
		Action: func(c *cli.Context) error { return demo(c, ui) },
	}
}

func demo(c *cli.Context, ui *ui) error {
	if err := exactArgs(c); err != nil {
		return err
	}
	n, err := threads(c)
	if err != nil {
		return err
	}
	dir := c.String("keep")
	if dir == "" {
		if dir, err = os.MkdirTemp("", "quern-demo-"); err != nil {
			return err
		}
		defer os.RemoveAll(dir)
	}
	d := &demonstration{ui: ui, dir: dir, threads: n}
	for _, step := range []func(context.Context) error{d.unpack, d.convert, d.quantize, d.verify} {
		if err := step(c.Context); err != nil {
			return err
		}
	}
	if c.Bool("json") {
		return ui.json(d.report)
	}
	d.print()
	if c.String("keep") != "" {
		ui.note("the files are in %s", dir)
	}
	return nil
}

// demonstration is the state that the steps of the demo pass on.
type demonstration struct {
	ui      *ui
	dir     string
	threads int
	plans   []*convert.Plan // the converted model first
	report  *verify.Report
}

// took says what a step did and how long it took.
func (d *demonstration) took(began time.Time, format string, a ...any) {
	d.ui.note("%6.2f s  %s", time.Since(began).Seconds(), fmt.Sprintf(format, a...))
}

func (d *demonstration) folder() string { return filepath.Join(d.dir, "tiny") }

func (d *demonstration) unpack(context.Context) error {
	defer d.took(time.Now(), "unpacked the model, a Hugging Face folder with BF16 weights")
	return testdata.Tiny(d.folder())
}

func (d *demonstration) convert(ctx context.Context) error {
	began := time.Now()
	if err := d.run(ctx, "BF16"); err != nil {
		return err
	}
	d.took(began, "converted it to GGUF, %s", bytes(d.plans[0].FileBytes()))
	return nil
}

func (d *demonstration) quantize(ctx context.Context) error {
	began := time.Now()
	if err := d.run(ctx, demoTypes...); err != nil {
		return err
	}
	d.took(began, "quantized it to %d types in one pass over the weights", len(demoTypes))
	return nil
}

// run makes the files of the named types from the Hugging Face folder.
func (d *demonstration) run(ctx context.Context, types ...string) error {
	src, err := formats.Open(d.folder())
	if err != nil {
		return err
	}
	defer src.Close()
	outs, err := plans(src, types, convert.Options{}, convert.RunOptions{}, func(t string) string { return filepath.Join(d.dir, "tiny-"+t+".gguf") })
	if err != nil {
		return err
	}
	d.plans = append(d.plans, outs...)
	return convert.Run(ctx, outs, convert.RunOptions{Threads: d.threads, Force: true})
}

func (d *demonstration) verify(ctx context.Context) error {
	began := time.Now()
	var sides []verify.Side
	for _, p := range d.plans {
		m, err := openModel(p.Out)
		if err != nil {
			return err
		}
		defer m.Close()
		sides = append(sides, verify.Side{Name: p.TypeName(), Model: m.Model, Vocab: m.Params().Vocab})
	}
	tokens, bos, err := tokenizeFor(d.plans[0].Out, "", testdata.HeldOut())
	if err != nil {
		return err
	}
	bar := d.ui.progress("verifying", "tokens")
	defer bar.done()
	d.report, err = verify.Run(ctx, sides, tokens, verify.Options{
		Protocol: verify.Protocol{Chunks: demoChunks, BOS: bos},
		Options:  model.Options{Mode: model.Deploy, Threads: d.threads},
		Progress: bar.verifying,
	})
	if err == nil {
		d.took(began, "verified all %d on %d tokens of held-out text", len(sides), d.report.Protocol.Chunks*d.report.Protocol.Ctx)
	}
	return err
}

func (d *demonstration) print() {
	head := []string{"type", "size", "bits/weight", "perplexity", "± error", "× base", "KL divergence", "same top token", "verified in"}
	var rows [][]string
	for i, m := range d.report.Models {
		p := d.plans[i]
		row := []string{m.Name, bytes(p.FileBytes()), fmt.Sprintf("%.2f", p.BitsPerWeight()),
			fmt.Sprintf("%.3f", m.Perplexity.Value), fmt.Sprintf("%.3f", m.Perplexity.Error), "", "", "", fmt.Sprintf("%.2f s", m.Seconds)}
		if v := m.Versus; v != nil {
			row[5] = fmt.Sprintf("%.4f", v.PPLRatio.Value)
			row[6] = fmt.Sprintf("%.5f ± %.5f", v.KLD.Mean.Value, v.KLD.Mean.Error)
			row[7] = fmt.Sprintf("%.2f %% ± %.2f", 100*v.SameTop.Value, 100*v.SameTop.Error)
		}
		rows = append(rows, row)
	}
	d.ui.say("")
	d.ui.table(head, rows, 1, 2, 3, 4, 5, 6, 7, 8)
	d.ui.say("")
	d.ui.say("perplexity by llama-perplexity's protocol, activations in int8 as llama.cpp runs them; %d threads on %s/%s", d.threads, runtime.GOOS, runtime.GOARCH)
}

package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"

	"quern/convert"
	"quern/formats"
)

func convertCommand(ui *ui) *cli.Command {
	return &cli.Command{
		Name:      "convert",
		Usage:     "convert a checkpoint to GGUF, or between formats of codes",
		UsageText: "quern convert SRC [-o OUT] [--outtype f32|f16|bf16|q8_0|auto] [--format FORMAT]",
		Description: "SRC is a Hugging Face folder, a safetensors file beside its config.json, or a GGUF. A folder without safetensors\n" +
			"may have pytorch_model.bin, of which nothing is executed. Without -o the output lies beside SRC. Integer codes of a\n" +
			"quantized folder (GPTQ, AWQ, compressed-tensors, MLX …) go into the GGUF types that hold them, unless --outtype names a type to decode into.\n\n" +
			"Examples:\n  quern convert ./SmolLM2-135M -o smollm2-f16.gguf --outtype f16\n  quern convert ./SmolLM2-135M --plan\n" +
			"  quern convert ./llava-1.5-7b --mmproj --outtype f16                   # the part that sees\n" +
			"  quern convert ./EAGLE3-Llama-3.1-8B --target ./Llama-3.1-8B-Instruct  # a draft head, for --model-draft\n" +
			"  quern convert ./DeepSeek-V3/config.json --plan --config-only          # without its weights\n" +
			"  quern convert model-Q4_K_M.gguf --split-max-size 5G -o part.gguf      # cut into files …\n" +
			"  quern convert part-00001-of-00008.gguf -o whole.gguf                  # … and joined again\n" +
			"  quern convert ./Llama-3.1-8B-GPTQ -o llama-Q4_0.gguf                  # the same codes\n" +
			"  quern convert ./Llama-3.1-8B-AWQ --format compressed-tensors -o out   # the same codes\n" +
			"  quern convert ./DeepSeek-FP8 --format hf --outtype bf16 -o out        # plain weights",
		Flags: append(outputFlags(),
			formatFlag(), likeFlag(),
			&cli.BoolFlag{Name: "mmproj", Usage: "write the vision tower and the projector of a model that sees (clip in llama.cpp) instead of its language model"},
			&cli.StringFlag{Name: "outtype", Value: "auto", Usage: "f32, f16, bf16, q8_0, or auto: the first matrix decides between f16 and bf16; a GGUF keeps its types, GPTQ, AWQ and other codes are kept"},
		),
		Action: func(c *cli.Context) error { return convertAction(c, ui) },
	}
}

// outputFlags are shared by the commands that write a GGUF.
func outputFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "`FILE` to write"},
		&cli.BoolFlag{Name: "force", Aliases: []string{"f"}, Usage: "replace the file if it is there"},
		&cli.BoolFlag{Name: "plan", Usage: "print every tensor's fate, sizes, peak memory and disk, and write nothing"},
		&cli.BoolFlag{Name: "config-only", Usage: "with --plan: SRC is a config.json, whose weights need not be there"},
		&cli.BoolFlag{Name: "json", Usage: "print the plan, or what was written, as JSON"},
		&cli.StringSliceFlag{Name: "override-kv", Usage: "`KEY=TYPE:VALUE`, TYPE int, float, bool or str: set a metadata key; may be repeated"},
		&cli.StringFlag{Name: "split-max-size", Usage: "start a new file before its tensors exceed `SIZE` (such as 5G)"},
		&cli.IntFlag{Name: "split-max-tensors", Usage: "tensors in a file at most"},
		&cli.StringFlag{Name: "max-ram", Usage: "refuse to use more than `SIZE` of memory beyond the page cache (such as 500M)"},
		&cli.StringFlag{Name: "target", Usage: "of a draft head (EAGLE 3, DFlash, DSpark …): `MODEL` that it guesses for, a folder with config.json and the tokenizer's files, or a GGUF"},
		preFlag(),
		threadsFlag(),
	}
}

func convertAction(c *cli.Context, ui *ui) error {
	if c.IsSet("format") {
		return packAction(c, ui, true)
	}
	if err := without(c, codesOnly, "is for folders of codes: add --format"); err != nil {
		return err
	}
	if err := exactArgs(c, "SRC"); err != nil {
		return err
	}
	opt := convert.Options{OverrideKV: c.StringSlice("override-kv"), Pre: c.String("pre"), Convert: true, Mmproj: c.Bool("mmproj")}
	if opt.Mmproj && c.Bool("config-only") {
		return usagef("--mmproj needs the weights: --config-only plans the language model")
	}
	return produce(c, ui, []string{c.String("outtype")}, opt)
}

// produce plans the named types of a source and, unless only the plan was asked for, writes them.
func produce(c *cli.Context, ui *ui, types []string, opt convert.Options) error {
	run, err := runOptions(c)
	if err != nil {
		return err
	}
	name := c.Args().First()
	if len(types) > 1 && c.IsSet("output") && !strings.Contains(c.String("output"), "{type}") {
		return usagef("several types need {type} in the name after -o")
	}
	open := formats.Open
	if c.Bool("config-only") {
		if open = convert.FromConfig; !c.Bool("plan") {
			return usagef("--config-only makes plans: add --plan")
		}
	}
	src, err := open(name)
	if err != nil {
		return err
	}
	defer src.Close()
	return produceFrom(c, ui, src, types, opt, run)
}

// produceFrom writes files of an open checkpoint.
func produceFrom(c *cli.Context, ui *ui, src *formats.Source, types []string, opt convert.Options, run convert.RunOptions) error {
	if name := c.String("target"); name != "" {
		target, err := openTarget(name, convert.WantsWeights(src))
		if err != nil {
			return err
		}
		defer target.Close()
		opt.Target = target
	}
	all, err := plans(src, types, opt, run, func(t string) string { return outName(c, src.Path, t, opt) }) // a configuration's is that of its folder
	if err != nil {
		return err
	}
	if c.Bool("plan") {
		return showPlans(c, ui, all)
	}
	return writePlans(c, ui, all, run)
}

// writePlans runs plans of one source, and says what was written.
func writePlans(c *cli.Context, ui *ui, all []*convert.Plan, run convert.RunOptions) error {
	wakeGC()
	began := time.Now()
	bar := ui.progress("writing", "B")
	run.Progress = bar.set
	err := convert.Run(c.Context, all, run)
	bar.done()
	if err != nil {
		return err
	}
	return showWritten(c, ui, all, time.Since(began))
}

// outName is the output's for a type.
func outName(c *cli.Context, src, typ string, opt convert.Options) string {
	if o := c.String("output"); o != "" {
		return strings.ReplaceAll(o, "{type}", typ)
	}
	if opt.Mmproj {
		return convert.MmprojName(src, typ)
	}
	return convert.OutName(src, typ)
}

func runOptions(c *cli.Context) (run convert.RunOptions, err error) {
	if run.Threads, err = threads(c); err != nil {
		return run, err
	}
	run.Force = c.Bool("force")
	run.SplitTensors = c.Int("split-max-tensors")
	if run.SplitBytes, err = sizeFlag(c, "split-max-size"); err != nil {
		return run, err
	}
	run.MaxRAM, err = sizeFlag(c, "max-ram")
	return run, err
}

// sizeFlag reads a size such as 500M or 4GiB; 0 when the flag is not set.
func sizeFlag(c *cli.Context, name string) (int64, error) {
	if !c.IsSet(name) {
		return 0, nil
	}
	n, err := humanize.ParseBytes(c.String(name))
	if err != nil || n == 0 || n > 1<<62 {
		return 0, usagef("--%s %s: want a size such as 500M or 4GiB", name, c.String(name))
	}
	return int64(n), nil
}

func showPlans(c *cli.Context, ui *ui, all []*convert.Plan) error {
	if c.Bool("json") {
		return ui.json(all)
	}
	for _, p := range all {
		if _, err := p.WriteTo(ui.out); err != nil {
			return err
		}
	}
	return nil
}

// written is the JSON form of what a command wrote.
type written struct {
	Path          string   `json:"path"` // of the first file, which runtimes are given
	Files         []string `json:"files"`
	Type          string   `json:"type"`
	Bytes         int64    `json:"bytes"`
	BitsPerWeight float64  `json:"bits_per_weight"`
}

func showWritten(c *cli.Context, ui *ui, all []*convert.Plan, spent time.Duration) error {
	var out []written
	for _, p := range all {
		w := written{Path: p.Files[0].Path, Type: p.TypeName(), Bytes: p.FileBytes(), BitsPerWeight: p.BitsPerWeight()}
		for _, f := range p.Files {
			w.Files = append(w.Files, f.Path)
		}
		out = append(out, w)
		for _, w := range p.Warnings {
			if len(all) > 1 {
				w = p.TypeName() + ": " + w
			}
			ui.note("warning: %s", w)
		}
	}
	if text := all[0].LeftOut(); text != "" {
		ui.note("%s", text)
	}
	if c.Bool("json") {
		return ui.json(out)
	}
	for _, w := range out {
		name := w.Path
		if n := len(w.Files); n > 1 {
			name = fmt.Sprintf("%s and %d more", name, n-1)
		}
		ui.say("%s: %s, %s, %.2f bits per weight", name, w.Type, bytes(w.Bytes), w.BitsPerWeight)
	}
	ui.note("%.1f s", spent.Seconds())
	return nil
}

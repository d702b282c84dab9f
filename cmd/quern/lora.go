package main

import (
	"os"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"quern/convert"
	"quern/formats"
)

func loraCommand(ui *ui) *cli.Command {
	return &cli.Command{
		Name:      "lora",
		Usage:     "merge adapters into their base model, or convert them between PEFT folders and GGUF",
		UsageText: "quern lora merge BASE ADAPTER [ADAPTER …] [TYPE] [-o OUT] [--scale S]\nquern lora merge BASE --task TASK [TYPE] [-o OUT]\nquern lora convert ADAPTER --base BASE [-o OUT]\nquern lora convert BASE --task TASK [-o OUT]",
		Description: "Examples:\n  quern lora merge ./Llama-3.1-8B ./my-adapter Q4_K_M\n" +
			"  quern lora convert ./my-adapter --base ./Llama-3.1-8B -o my-adapter.gguf",
		Subcommands: []*cli.Command{loraMergeCommand(ui), loraConvertCommand(ui)},
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return noCommand("quern lora", c.Args().First(), c.Command.Subcommands)
			}
			return cli.ShowSubcommandHelp(c)
		},
	}
}

func loraMergeCommand(ui *ui) *cli.Command {
	return &cli.Command{
		Name:      "merge",
		Usage:     "add LoRA adapters to their base model, into a file of any type, in one pass",
		UsageText: "quern lora merge BASE ADAPTER [ADAPTER …] [TYPE] [-o OUT] [--scale S]",
		Description: "BASE is a Hugging Face folder or a GGUF, ADAPTER a folder as PEFT writes it, or a GGUF adapter. TYPE is hf for a folder in\n" +
			"the base's type, or any type of quern convert and quern quantize (default: f16 or bf16, as the base is stored).\n" +
			"LoRA, rsLoRA, DoRA, rank and alpha patterns, modules_to_save, embeddings and new tokens: docs/lora.md. An adapter for\n" +
			"modules that the base does not have is an error.\n\n" +
			"Examples:\n  quern lora merge ./Llama-3.1-8B ./my-adapter -o merged-bf16.gguf\n" +
			"  quern lora merge ./Llama-3.1-8B ./my-adapter Q4_K_M\n" +
			"  quern lora merge ./Llama-3.1-8B ./style ./facts hf -o merged --scale 0.5 --scale 1\n" +
			"  quern lora merge base-f16.gguf adapter.gguf q8_0 -o merged-q8_0.gguf\n" +
			"  quern lora merge ./jina-embeddings-v3 --task retrieval.query Q8_0 -o jina-query-Q8_0.gguf",
		Flags: append(outputFlags(),
			&cli.StringFlag{Name: "outtype", Usage: "`TYPE` of the output, as the last argument"},
			taskFlag(),
			&cli.Float64SliceFlag{Name: "scale", Usage: "times `S`: once for all adapters, or once for each in their order (default: 1, as it was trained)"},
			&cli.StringFlag{Name: "imatrix", Usage: "importance matrix `FILE` for types that quantize"},
		),
		Action: func(c *cli.Context) error { return loraMergeAction(c, ui) },
	}
}

func taskFlag() cli.Flag {
	return &cli.StringFlag{Name: "task", Usage: "an adapter that BASE itself holds for `TASK`, as jina-embeddings-v3 does"}
}

// mergeArgs are the base, the adapters, and the type, which may be the last argument where no file has that name.
func mergeArgs(c *cli.Context) (base string, adapters []string, typ string, err error) {
	args := c.Args().Slice()
	typ = c.String("outtype")
	least := 2
	if c.IsSet("task") {
		least = 1
	}
	if n := len(args); typ == "" && n > least {
		_, missing := os.Stat(args[n-1])
		if _, err := convert.RecipeByName(args[n-1]); missing != nil && (err == nil || args[n-1] == "hf") {
			args, typ = args[:n-1], args[n-1]
		}
	}
	if len(args) < least {
		return "", nil, "", usagef("quern lora merge takes BASE and at least one ADAPTER, or --task")
	}
	if typ == "" {
		typ = "auto"
	}
	return args[0], args[1:], typ, nil
}

// scales are the factors of n adapters.
func scales(c *cli.Context, n int) ([]float64, error) {
	given := c.Float64Slice("scale")
	switch len(given) {
	case 0:
		given = []float64{1}
	case 1, n:
	default:
		return nil, usagef("--scale is there %s times for %d adapters: want it once, or once for each", strconv.Itoa(len(given)), n)
	}
	out := make([]float64, n)
	for i := range out {
		out[i] = given[min(i, len(given)-1)]
		if out[i]-out[i] != 0 {
			return nil, usagef("--scale %v is no number", out[i])
		}
	}
	return out, nil
}

func loraMergeAction(c *cli.Context, ui *ui) error {
	base, names, typ, err := mergeArgs(c)
	if err != nil {
		return err
	}
	if err := without(c, []string{"config-only"}, "plans what has no weights: an adapter has"); err != nil {
		return err
	}
	src, err := formats.Open(base)
	if err != nil {
		return err
	}
	defer src.Close()
	var adapters []*convert.Adapter
	if c.IsSet("task") {
		own, a, err := convert.WithoutTasks(src, c.String("task"))
		if err != nil {
			return err
		}
		src, adapters = own, append(adapters, a)
	}
	factors, err := scales(c, len(adapters)+len(names))
	if err != nil {
		return err
	}
	for _, n := range names {
		a, err := openAdapter(n, src)
		if err != nil {
			return err
		}
		defer a.Close()
		adapters = append(adapters, a)
	}
	merged, notes, err := convert.Merge(src, adapters, factors)
	if err != nil {
		return err
	}
	for _, n := range notes {
		ui.note("%s", n)
	}
	if typ == "hf" {
		return mergeFolder(c, ui, merged)
	}
	return mergeFile(c, ui, merged, src.Meta.String("general.name"), typ)
}

// openAdapter reads a PEFT folder, or a GGUF adapter, whose names the base explains.
func openAdapter(path string, base *formats.Source) (*convert.Adapter, error) {
	if info, err := os.Stat(path); err == nil && !info.IsDir() {
		return convert.AdapterOfGGUF(path, base)
	}
	return convert.OpenAdapter(path)
}

// mergeFolder writes a Hugging Face folder.
func mergeFolder(c *cli.Context, ui *ui, src *formats.Source) error {
	if err := without(c, append([]string{"imatrix"}, ggufOnly...), "is for GGUF files, not for hf"); err != nil {
		return err
	}
	run, err := runOptions(c)
	if err != nil {
		return err
	}
	p, err := convert.NewPack(src, convert.PackOptions{Format: "hf", AsSaid: true})
	if err != nil {
		return err
	}
	if p.Out = c.String("output"); p.Out == "" {
		p.Out = strings.TrimSuffix(src.Path, ".gguf") + "-merged"
	}
	if c.Bool("plan") {
		return showPack(c, ui, p)
	}
	return runPack(c, ui, p, run, nil)
}

// mergeFile writes a GGUF, whose name in it is the base's where that has one: as quern convert does where TYPE is one of its own, as quern quantize does otherwise.
func mergeFile(c *cli.Context, ui *ui, src *formats.Source, name, typ string) error {
	opt := convert.Options{OverrideKV: c.StringSlice("override-kv"), Pre: c.String("pre")}
	if name != "" { // of a base that is a GGUF
		opt.OverrideKV = append([]string{"general.name=str:" + name}, opt.OverrideKV...)
	}
	switch strings.ToLower(typ) {
	case "auto", "f32", "f16", "bf16", "q8_0":
		opt.Convert = true
	}
	if name := c.String("imatrix"); name != "" {
		var err error
		if opt.Imatrix, err = formats.ReadImatrix(name); err != nil {
			return err
		}
	}
	run, err := runOptions(c)
	if err != nil {
		return err
	}
	all, err := plans(src, []string{typ}, opt, run, func(t string) string {
		if o := c.String("output"); o != "" {
			return o
		}
		return strings.TrimSuffix(convert.OutName(src.Path, t), ".gguf") + "-merged.gguf"
	})
	if err != nil {
		return err
	}
	if c.Bool("plan") {
		return showPlans(c, ui, all)
	}
	return writePlans(c, ui, all, run)
}

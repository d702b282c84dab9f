package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"quern/convert"
	"quern/formats"
	"quern/quantize"
)

func loraConvertCommand(ui *ui) *cli.Command {
	return &cli.Command{
		Name:      "convert",
		Usage:     "convert a PEFT folder to a GGUF adapter, or back",
		UsageText: "quern lora convert ADAPTER --base BASE [-o OUT]\nquern lora convert BASE --task TASK [-o OUT]",
		Description: "A folder becomes a GGUF that llama.cpp adds to a model when it runs (--lora), a GGUF adapter becomes a folder for PEFT.\n" +
			"BASE tells the names and the order of rows: a Hugging Face folder, of which config.json is enough, or a GGUF of the model.\n" +
			"What a GGUF adapter cannot hold (DoRA, modules_to_save, new tokens) is an error; quern lora merge takes it.\n\n" +
			"Examples:\n  quern lora convert ./my-adapter --base ./Llama-3.1-8B -o my-adapter.gguf\n" +
			"  quern lora convert ./my-adapter --base Llama-3.1-8B-Q4_K_M.gguf --outtype f16\n" +
			"  quern lora convert my-adapter.gguf --base ./Llama-3.1-8B -o ./my-adapter\n" +
			"  quern lora convert ./jina-embeddings-v3 --task retrieval.query -o jina-query.gguf",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "base", Usage: "`BASE` model of the adapter"},
			taskFlag(),
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "`OUT`, a file or a folder (default: beside ADAPTER)"},
			&cli.StringFlag{Name: "outtype", Value: "f32", Usage: "type of a GGUF adapter: f32, f16 or bf16"},
			&cli.BoolFlag{Name: "force", Aliases: []string{"f"}, Usage: "replace the output if it is there"},
		},
		Action: func(c *cli.Context) error { return loraConvertAction(c, ui) },
	}
}

func loraConvertAction(c *cli.Context, ui *ui) error {
	if err := exactArgs(c, "ADAPTER"); err != nil {
		return err
	}
	if c.IsSet("task") == c.IsSet("base") {
		return usagef("quern lora convert takes one of --base and --task")
	}
	typ := quantize.ByName(strings.ToUpper(c.String("outtype")))
	if !slices.Contains([]*quantize.Type{quantize.F32, quantize.F16, quantize.BF16}, typ) {
		return usagef("--outtype %s: want f32, f16 or bf16", c.String("outtype"))
	}
	name := filepath.Clean(c.Args().First())
	base, a, err := adapterAndBase(c, name)
	if err != nil {
		return err
	}
	defer base.Close()
	defer a.Close()
	if info, err := os.Stat(name); err == nil && !info.IsDir() {
		return adapterFolder(c, ui, a, name)
	}
	out := c.String("output")
	if out == "" {
		out = strings.TrimSuffix(name+"-"+c.String("task"), "-") + ".gguf"
	}
	n, err := convert.WriteAdapter(a, base, out, typ, c.Bool("force"))
	if errors.Is(err, fs.ErrExist) {
		return &formats.Error{Err: err, Hint: "--force replaces it"}
	}
	if err == nil {
		ui.say("%s: an adapter of %d matrices, %s", out, n, typ)
	}
	if err == nil && c.IsSet("task") {
		ui.note("llama.cpp does not add what it changes of the vector of a text's part (token_types): quern lora merge --task does")
	}
	return err
}

// adapterAndBase opens an adapter and its base, which may be one folder.
func adapterAndBase(c *cli.Context, name string) (base *formats.Source, a *convert.Adapter, err error) {
	if c.IsSet("task") {
		src, err := formats.Open(name)
		if err != nil {
			return nil, nil, err
		}
		if base, a, err = convert.WithoutTasks(src, c.String("task")); err != nil {
			src.Close()
		}
		return base, a, err
	}
	if base, err = openBase(c.String("base")); err != nil {
		return nil, nil, err
	}
	if a, err = openAdapter(name, base); err != nil {
		base.Close()
	}
	return base, a, err
}

func adapterFolder(c *cli.Context, ui *ui, a *convert.Adapter, name string) error {
	if c.IsSet("outtype") {
		return usagef("--outtype is for GGUF adapters: a folder is written in f32")
	}
	out := c.String("output")
	if out == "" {
		out = strings.TrimSuffix(name, ".gguf")
	}
	err := convert.WriteFolder(a, out, c.String("base"), c.Bool("force"))
	if errors.Is(err, fs.ErrExist) {
		return &formats.Error{Err: err, Hint: "--force replaces it"}
	}
	if err == nil {
		ui.say("%s: a PEFT folder", out)
	}
	return err
}

// openBase opens a model of which only names and shapes matter: of a folder without weights the config.json is enough.
func openBase(path string) (*formats.Source, error) {
	config := path
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		if weights, _ := filepath.Glob(filepath.Join(path, "*.safetensors")); len(weights) > 0 {
			return formats.Open(path)
		}
		config = filepath.Join(path, "config.json")
	}
	if filepath.Base(config) == "config.json" {
		return convert.FromConfig(config)
	}
	return formats.Open(path)
}

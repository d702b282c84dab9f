package main

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"quern/convert"
	"quern/formats"
)

func exportCommand(ui *ui) *cli.Command {
	return &cli.Command{
		Name:      "export",
		Usage:     "rebuild a Hugging Face folder from a GGUF",
		UsageText: "quern export FILE.gguf -o DIR [--type bf16|f16|f32]",
		Description: "Writes safetensors weights, config.json, generation_config.json and the tokenizer's files, all of them from the GGUF\n" +
			"alone, so that transformers loads the folder and computes the same logits. Quantized weights are decoded.\n" +
			"Of a split GGUF any of its files will do. docs/export.md says what a GGUF does not tell.\n\n" +
			"Examples:\n  quern export SmolLM2-135M-Q8_0.gguf -o SmolLM2-135M\n  quern export llama-f32.gguf -o llama --type f32\n" +
			"  quern export model.gguf -o out --plan                       # every tensor, and its size\n" +
			"  quern export model.gguf -o out --tokenizer ./their-folder   # a tokenizer that cannot be rebuilt",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "`DIR` to write (default: the GGUF's name and -hf)"},
			&cli.StringFlag{Name: "type", Usage: "bf16, f16 or f32 (default: that of the file's first matrix, bf16 where it is quantized)"},
			&cli.StringFlag{Name: "tokenizer", Usage: "`FOLDER` whose tokenizer files the output gets, instead of rebuilt ones"},
			&cli.BoolFlag{Name: "force", Aliases: []string{"f"}, Usage: "replace the folder if it is there"},
			&cli.BoolFlag{Name: "plan", Usage: "print every tensor's type and size, and write nothing"},
			&cli.BoolFlag{Name: "json", Usage: "print the plan, or what was written, as JSON"},
			&cli.StringFlag{Name: "split-max-size", Usage: "start a new file before its tensors exceed `SIZE` (default: 5G)"},
			&cli.IntFlag{Name: "split-max-tensors", Usage: "tensors in a file at most"},
			&cli.StringFlag{Name: "max-ram", Usage: "refuse to use more than `SIZE` of memory beyond the page cache (such as 500M)"},
			threadsFlag(),
		},
		Action: func(c *cli.Context) error { return exportAction(c, ui) },
	}
}

func exportAction(c *cli.Context, ui *ui) error {
	if err := exactArgs(c, "FILE.gguf"); err != nil {
		return err
	}
	if t := c.String("type"); t != "" && !slices.Contains([]string{"bf16", "f16", "f32"}, strings.ToLower(t)) {
		return usagef("--type %s: want bf16, f16 or f32", t)
	}
	run, err := runOptions(c)
	if err != nil {
		return err
	}
	name := c.Args().First()
	src, err := formats.Open(name)
	if err != nil {
		return err
	}
	defer src.Close()
	var like *formats.Source
	if dir := c.String("tokenizer"); dir != "" {
		like = formats.Folder(dir)
	}
	p, err := convert.NewExport(src, c.String("type"), like)
	if err != nil {
		return err
	}
	if p.Out = c.String("output"); p.Out == "" {
		p.Out = strings.TrimSuffix(filepath.Clean(name), ".gguf") + "-hf"
	}
	if c.Bool("plan") {
		return showPack(c, ui, p)
	}
	return runPack(c, ui, p, run, nil)
}

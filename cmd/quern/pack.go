package main

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"quern/convert"
	"quern/formats"
)

// formatFlag chooses a Hugging Face folder instead of a GGUF.
func formatFlag() cli.Flag {
	return &cli.StringFlag{Name: "format", Usage: "write a Hugging Face `FORMAT` instead of a GGUF: " + strings.Join(append(convert.StoreNames(), "hf"), ", ") +
		" (hf: plain weights)"}
}

func likeFlag() cli.Flag {
	return &cli.StringFlag{Name: "like", Usage: "with --format and a GGUF: `FOLDER` whose config.json and tokenizer the output gets"}
}

// gridFlags choose the codes that quantize makes.
func gridFlags() []cli.Flag {
	return []cli.Flag{
		formatFlag(), likeFlag(),
		&cli.IntFlag{Name: "bits", Usage: "with --format: `BITS` of a code (default: 4)"},
		&cli.IntFlag{Name: "group", Usage: "with --format: `COLUMNS` that share a scale, -1 for whole rows (default: 128, 64 for mlx)"},
		&cli.BoolFlag{Name: "sym", Usage: "with --format: codes around zero, without zero points (default for gptq and compressed-tensors)"},
		&cli.BoolFlag{Name: "asym", Usage: "with --format: codes with zero points (default for awq)"},
		&cli.BoolFlag{Name: "lm-head", Usage: "with --format: quantize the output head too; few runtimes read that"},
		&cli.StringFlag{Name: "order", Value: "groups", Usage: "with --format and --method gptq: the columns that are rounded first, whose errors all others take back. " +
			"groups: those of groups with large inputs, so within them; natural: as they stand; static: those with large inputs, on scales chosen before; " +
			"desc-act: the same, and groups are cut in that order (g_idx), which few runtimes take"},
		&cli.BoolFlag{Name: "no-search", Usage: "with --format: scales from the range of each group, without a search"},
	}
}

// packOptions reads the flags; keep is for convert, which makes no codes.
func packOptions(c *cli.Context, keep bool) (opt convert.PackOptions, err error) {
	opt.Format, opt.Keep = c.String("format"), keep
	if opt.Format != "hf" && formats.StoreByName(opt.Format) == nil {
		return opt, usagef("--format %s: want %s or hf", opt.Format, strings.Join(convert.StoreNames(), ", "))
	}
	if keep {
		if t := c.String("outtype"); t != "auto" {
			opt.Float = t
		}
		return opt, nil
	}
	opt.Bits, opt.Group, opt.Head, opt.Plain = c.Int("bits"), c.Int("group"), c.Bool("lm-head"), c.Bool("no-search")
	switch {
	case opt.Format == "hf":
		return opt, usagef("--format hf holds no codes: quern convert writes it")
	case c.IsSet("bits") && (opt.Bits < 2 || opt.Bits > 8):
		return opt, usagef("--bits %d: want 2 to 8", opt.Bits)
	case c.IsSet("group") && (opt.Group < -1 || opt.Group == 0):
		return opt, usagef("--group %d: want a number of columns, or -1", opt.Group)
	case c.Bool("sym") && c.Bool("asym"):
		return opt, usagef("--sym and --asym exclude each other")
	}
	if c.IsSet("sym") || c.IsSet("asym") {
		sym := c.Bool("sym")
		opt.Sym = &sym
	}
	return opt, nil
}

// ggufOnly are flags that say something about GGUF files alone, and codesOnly those that a folder of codes wants.
var (
	ggufOnly = []string{"tensor-type", "output-tensor-type", "token-embedding-type", "leave-output-tensor", "pure", "imatrix", "encoder", "effort", "strict",
		"override-kv", "pre", "mmproj", "config-only", "target"}
	codesOnly = []string{"bits", "group", "sym", "asym", "lm-head", "no-search", "like", "order"}
)

// without refuses flags that would do nothing.
func without(c *cli.Context, names []string, why string) error {
	for _, n := range names {
		if c.IsSet(n) {
			return usagef("--%s %s", n, why)
		}
	}
	return nil
}

// packAction writes a Hugging Face folder.
func packAction(c *cli.Context, ui *ui, keep bool) error {
	if err := exactArgs(c, "SRC"); err != nil {
		return err
	}
	if err := without(c, ggufOnly, "is for GGUF files, not for --format"); err != nil {
		return err
	}
	opt, err := packOptions(c, keep)
	if err != nil {
		return err
	}
	run, err := runOptions(c)
	if err != nil {
		return err
	}
	if !keep {
		if err := codeMethodArgs(c); err != nil {
			return err
		}
		opt.Method = codeMethodTitle(c)
	}
	src, err := folderSource(c.Args().First(), c.String("like"))
	if err != nil {
		return err
	}
	defer src.Close()
	p, err := convert.NewPack(src, opt)
	if err != nil {
		return err
	}
	if p.Out = c.String("output"); p.Out == "" {
		p.Out = filepath.Clean(c.Args().First()) + "-" + p.TypeName()
	}
	if c.Bool("plan") {
		return showPack(c, ui, p)
	}
	if !keep && c.String("method") != "nearest" {
		return packByMethod(c, ui, src, p, opt, run)
	}
	return runPack(c, ui, p, run, nil)
}

// showPack prints a plan.
func showPack(c *cli.Context, ui *ui, p *convert.Pack) error {
	if c.Bool("json") {
		return ui.json(p)
	}
	_, err := p.WriteTo(ui.out)
	return err
}

// folderSource opens a checkpoint in Hugging Face's layout; a GGUF needs a folder whose names and texts it takes.
func folderSource(path, like string) (*formats.Source, error) {
	src, err := formats.Open(path)
	if err != nil || src.Format != formats.GGUF {
		return src, err
	}
	if like == "" {
		src.Close()
		return nil, &formats.Error{File: path, Err: formats.Unsupported("a GGUF has no config.json and no tokenizer.json"),
			Hint: "--like names a folder that has them: the model that the file was made from"}
	}
	out, err := convert.Unfold(src, formats.Folder(like))
	if err != nil {
		src.Close()
	}
	return out, err
}

// runPack writes the folder of a plan, with the codes of a method where there is one.
func runPack(c *cli.Context, ui *ui, p *convert.Pack, run convert.RunOptions, maker convert.CodeMaker) error {
	began := time.Now()
	bar := ui.progress("writing", "weights")
	run.Progress = bar.set
	err := p.RunWith(c.Context, run, maker)
	bar.done()
	if errors.Is(err, fs.ErrExist) {
		return &formats.Error{Err: err, Hint: "--force replaces it"}
	}
	if err != nil {
		return err
	}
	for _, w := range p.Warnings {
		ui.note("warning: %s", w)
	}
	if c.Bool("json") {
		return ui.json(p)
	}
	ui.say("%s: %s, %s, %.2f bits per weight, read back and compared", p.Out, p.TypeName(), bytes(p.Bytes), p.Bits)
	ui.note("written in %.1f s", time.Since(began).Seconds())
	return nil
}

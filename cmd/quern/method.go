package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"quern/calib"
	"quern/convert"
	"quern/formats"
	"quern/quantize"
)

// methodFlags choose how weights are rounded, and the text that a method looks at.
func methodFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "method", Value: "nearest", Usage: "nearest: every weight by itself; gptq: errors are taken back by the weights that follow, layer by layer, for the inputs that --text makes"},
		&cli.StringFlag{Name: "text", Usage: "with --method gptq: calibrate with the text of `FILE`, or - for standard input"},
		&cli.StringFlag{Name: "text-format", Usage: "`NAME`: " + strings.Join(calib.TextFormatNames(), ", ") + " (default: by the ending of the file's name)"},
		&cli.StringFlag{Name: "field", Usage: "`NAME` of the field or column that holds the text or the messages"},
		&cli.IntFlag{Name: "ctx", Value: calib.DefaultCtx, Usage: "tokens in a chunk of the text"},
		&cli.IntFlag{Name: "chunks", Value: 128, Usage: "chunks at most"},
		&cli.IntFlag{Name: "from-chunk", Usage: "chunks to leave out at the beginning"},
		&cli.BoolFlag{Name: "parse-special", Usage: "text that spells a control token becomes that token"},
		&cli.Float64Flag{Name: "damp", Value: quantize.DefaultDamp, Usage: "`PART` of the mean square of the inputs that is added to each of them; a singular matrix gets more"},
		&cli.BoolFlag{Name: "static", Usage: "show layers what the layers before them made before they were rounded"},
		modeFlag("exact"),
		&cli.BoolFlag{Name: "resume", Usage: "go on where a run for the same output was cut off"},
	}
}

// journalSuffix ends the name of the folder that --resume reads.
const journalSuffix = ".quern-layers"

// byMethod quantizes with what the chosen method makes of every type.
func byMethod(c *cli.Context, ui *ui, types []string, opt convert.Options) error {
	if err := methodArgs(c); err != nil {
		return err
	}
	if c.String("method") == "nearest" {
		return produce(c, ui, types, opt)
	}
	for _, t := range types {
		if err := roundedByMethod(c, ui, t, opt); err != nil {
			return err
		}
	}
	return nil
}

func methodArgs(c *cli.Context) error {
	switch method := c.String("method"); method {
	case "nearest":
		for _, name := range []string{"text", "text-format", "field", "ctx", "chunks", "from-chunk", "parse-special", "damp", "static", "mode", "resume"} {
			if c.IsSet(name) {
				return usagef("--%s goes with --method gptq", name)
			}
		}
		return nil
	case "gptq":
	default:
		return usagef("--method %s: want nearest or gptq", method)
	}
	switch {
	case c.String("text") == "":
		return usagef("--method gptq needs --text FILE")
	case c.IsSet("imatrix"):
		return usagef("--method gptq finds importance itself: it takes no --imatrix")
	case c.IsSet("encoder") || c.IsSet("effort"):
		return usagef("--method gptq chooses codes itself: --encoder and --effort have nothing to do")
	case c.IsSet("max-ram"):
		return usagef("--max-ram does not bound --method gptq")
	case c.Bool("plan") && !c.IsSet("format"):
		return usagef("--plan shows --method nearest: types and sizes are the same")
	case c.Int("ctx") < 16 || c.Int("chunks") < 1 || c.Int("from-chunk") < 0:
		return usagef("--ctx must be at least 16, --chunks at least 1, --from-chunk not negative")
	case !(c.Float64("damp") > 0 && c.Float64("damp") <= 1):
		return usagef("--damp must be above 0, and at most 1")
	}
	return nil
}

func roundedByMethod(c *cli.Context, ui *ui, typ string, opt convert.Options) error {
	recipe, err := convert.RecipeByName(typ)
	if err != nil {
		return usagef("%v", err)
	}
	name := c.Args().First()
	src, err := formats.Open(name)
	if err != nil {
		return err
	}
	types, err := convert.Types(src, recipe, opt)
	if e := src.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	made, journal, err := roundLayers(c, ui, name, outName(c, name, typ, opt), types)
	if err != nil {
		return err
	}
	defer journal.Close()
	text := filepath.Base(c.String("text"))
	made.Imatrix.Path, made.Imatrix.Datasets = text, []string{text}
	opt.Ready, opt.Imatrix = made.Tensors, made.Imatrix
	opt.OverrideKV = append([]string{"quantize.method=str:gptq"}, opt.OverrideKV...)
	if err := produce(c, ui, []string{typ}, opt); err != nil {
		return err
	}
	return journal.Remove()
}

// roundLayers runs the text through the model.
func roundLayers(c *cli.Context, ui *ui, name, out string, types map[string]*quantize.Type) (made *calib.Rounded, journal *calib.Journal, err error) {
	docs, err := documents(c, ui)
	if err != nil {
		return nil, nil, err
	}
	s, err := calib.Open(name, c.String("pre"))
	if err != nil {
		return nil, nil, err
	}
	defer s.Close()
	chunks, err := chunksOf(c, s, docs)
	if err != nil {
		return nil, nil, err
	}
	run := &calib.FeedbackRun{Types: types, Damp: c.Float64("damp"), Static: c.Bool("static")}
	if run.Threads, err = threads(c); err != nil {
		return nil, nil, err
	}
	if run.Mode, err = mode(c); err != nil {
		return nil, nil, err
	}
	key, err := s.Key(chunks, fmt.Sprintf("gptq 1, mode %v, damp %v, static %v, types %v", run.Mode, run.Damp, run.Static, types))
	if err != nil {
		return nil, nil, err
	}
	if journal, err = calib.OpenJournal(out+journalSuffix, key, c.Bool("resume")); err != nil {
		return nil, nil, err
	}
	if n := journal.Layers(); n > 0 {
		ui.note("%d layers are done already", n)
	}
	run.Journal = journal
	began := time.Now()
	bar := ui.progress("rounding", "layers")
	run.Layer = bar.setInt
	made, err = s.Round(c.Context, chunks, run)
	bar.done()
	if err != nil {
		if journal.Layers() > 0 {
			ui.note("%d layers are kept in %s: --resume goes on from there", journal.Layers(), journal.Dir)
		}
		return nil, nil, err
	}
	if len(made.Damped) > 0 {
		ui.note("%d matrices needed more damping than --damp: %s", len(made.Damped), strings.Join(made.Damped, ", "))
	}
	ui.note("%s: %d tensors rounded with feedback, from %d chunks of %d tokens, in %.1f s",
		filepath.Base(out), made.Fed, len(chunks), c.Int("ctx"), time.Since(began).Seconds())
	return made, journal, nil
}

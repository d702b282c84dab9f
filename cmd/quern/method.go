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
		&cli.StringFlag{Name: "method", Value: "nearest", Usage: "nearest: every weight by itself; gptq: errors are taken back by the weights that follow, layer by layer, for the inputs that --text makes; " +
			"awq: channels with large inputs get finer steps, by factors that go into the weights before; awq+gptq: both"},
		&cli.StringFlag{Name: "text", Usage: "with a --method other than nearest: calibrate with the text of `FILE`, or - for standard input"},
		&cli.StringFlag{Name: "text-format", Usage: "`NAME`: " + strings.Join(calib.TextFormatNames(), ", ") + " (default: by the ending of the file's name)"},
		&cli.StringFlag{Name: "field", Usage: "`NAME` of the field or column that holds the text or the messages"},
		&cli.IntFlag{Name: "ctx", Value: calib.DefaultCtx, Usage: "tokens in a chunk of the text"},
		&cli.IntFlag{Name: "chunks", Value: 128, Usage: "chunks at most"},
		&cli.IntFlag{Name: "from-chunk", Usage: "chunks to leave out at the beginning"},
		&cli.BoolFlag{Name: "parse-special", Usage: "text that spells a control token becomes that token"},
		&cli.Float64Flag{Name: "damp", Value: quantize.DefaultDamp, Usage: "`PART` of the mean square of the inputs that is added to each of them; a singular matrix gets more"},
		&cli.BoolFlag{Name: "static", Usage: "show layers what the layers before them made before they were rounded"},
		modeFlag("coded"),
		&cli.BoolFlag{Name: "resume", Usage: "go on where a run for the same output was cut off"},
	}
}

// A method is what --method names.
type method struct {
	title string // for the model card; "" is rounding to nearest
	folds bool   // factors go into the weights first
	feeds bool   // errors are fed back
}

var methods = map[string]method{
	"nearest":  {},
	"gptq":     {title: "GPTQ", feeds: true},
	"awq":      {title: "AWQ", folds: true},
	"awq+gptq": {title: "AWQ's factors, then GPTQ", folds: true, feeds: true},
}

// journalSuffix ends the name of the folder that --resume reads, factorsSuffix that with the factors of AWQ.
const (
	journalSuffix = ".quern-layers"
	factorsSuffix = ".quern-factors"
)

// byMethod quantizes with what the chosen method makes of every type.
func byMethod(c *cli.Context, ui *ui, types []string, opt convert.Options) error {
	if err := methodArgs(c); err != nil {
		return err
	}
	if c.String("method") == "nearest" {
		return produce(c, ui, types, opt)
	}
	if !methods[c.String("method")].feeds && c.IsSet("static") {
		return usagef("--static goes with --method gptq, or with --format")
	}
	for _, t := range types {
		if err := roundedByMethod(c, ui, t, opt); err != nil {
			return err
		}
	}
	return nil
}

func methodArgs(c *cli.Context) error {
	name := c.String("method")
	m, ok := methods[name]
	switch {
	case !ok:
		return usagef("--method %s: want nearest, gptq, awq or awq+gptq", name)
	case m.title == "":
		for _, name := range []string{"text", "text-format", "field", "ctx", "chunks", "from-chunk", "parse-special", "damp", "static", "mode", "resume"} {
			if c.IsSet(name) {
				return usagef("--%s goes with --method gptq or awq", name)
			}
		}
		return nil
	case c.String("text") == "":
		return usagef("--method %s needs --text FILE", name)
	case c.IsSet("imatrix"):
		return usagef("--method %s finds importance itself: it takes no --imatrix", name)
	case m.feeds && (c.IsSet("encoder") || c.IsSet("effort")):
		return usagef("--method %s chooses codes itself: --encoder and --effort have nothing to do", name)
	case c.IsSet("max-ram"):
		return usagef("--max-ram does not bound --method %s", name)
	case c.Bool("plan") && !c.IsSet("format"):
		return usagef("--plan shows --method nearest: types and sizes are the same")
	case c.Int("ctx") < 16 || c.Int("chunks") < 1 || c.Int("from-chunk") < 0:
		return usagef("--ctx must be at least 16, --chunks at least 1, --from-chunk not negative")
	case !m.feeds && c.IsSet("damp"):
		return usagef("--damp goes with --method gptq")
	case !(c.Float64("damp") > 0 && c.Float64("damp") <= 1):
		return usagef("--damp must be above 0, and at most 1")
	}
	return nil
}

func roundedByMethod(c *cli.Context, ui *ui, typ string, opt convert.Options) error {
	recipe, err := recipeOf(typ)
	if err != nil {
		return usagef("%v", err)
	}
	run, err := runOptions(c)
	if err != nil {
		return err
	}
	src, err := formats.Open(c.Args().First())
	if err != nil {
		return err
	}
	defer src.Close()
	types, divisors, err := convert.Types(src, recipe, opt)
	if err != nil {
		return err
	}
	s, chunks, err := subject(c, ui, src)
	if err != nil {
		return err
	}
	defer s.Model.Close()
	out, how := outName(c, src.Path, typ, opt), methods[c.String("method")]
	var factors *calib.Journal
	if how.folds {
		var folded *calib.Folded
		if folded, factors, err = fold(c, ui, s, chunks, out, nearTypes(types), roundedTensors(s, types)); err != nil {
			return err
		}
		defer factors.Close()
		src = folded.Source
		if s, err = calib.Of(src, c.String("pre")); err != nil {
			return err
		}
		defer s.Model.Close()
	}
	var journal *calib.Journal
	if how.feeds {
		var made *calib.Rounded
		if made, journal, err = roundLayers(c, ui, s, chunks, out, types, divisors); err != nil {
			return err
		}
		defer journal.Close()
		opt.Ready, opt.Imatrix = made.Tensors, made.Imatrix
	} else if opt.Imatrix, err = importanceOf(c, ui, s, chunks); err != nil {
		return err
	}
	text := filepath.Base(c.String("text"))
	opt.Imatrix.Path, opt.Imatrix.Datasets = text, []string{text}
	opt.OverrideKV = append([]string{"quantize.method=str:" + c.String("method"), "quantize.tokens_sha256=str:" + tokensSum(chunks)}, opt.OverrideKV...)
	if err := produceFrom(c, ui, src, []string{typ}, opt, run); err != nil {
		return err
	}
	return removeJournals(journal, factors)
}

// removeJournals removes those that there are.
func removeJournals(all ...*calib.Journal) error {
	for _, j := range all {
		if j == nil {
			continue
		}
		if err := j.Remove(); err != nil {
			return err
		}
	}
	return nil
}

// subject is an open checkpoint that is calibrated, and the chunks of its text.
func subject(c *cli.Context, ui *ui, src *formats.Source) (*calib.Subject, [][]int32, error) {
	docs, err := documents(c, ui)
	if err != nil {
		return nil, nil, err
	}
	s, err := calib.Of(src, c.String("pre"))
	if err != nil {
		return nil, nil, err
	}
	chunks, err := chunksOf(c, s, docs)
	if err != nil {
		s.Model.Close()
	}
	return s, chunks, err
}

// roundLayers runs the text through the model.
func roundLayers(c *cli.Context, ui *ui, s *calib.Subject, chunks [][]int32, out string, types map[string]*quantize.Type, divisors map[string]float32) (made *calib.Rounded, journal *calib.Journal, err error) {
	run := &calib.FeedbackRun{Types: types, Factors: divisors, Damp: c.Float64("damp"), Static: c.Bool("static")}
	if run.Threads, err = threads(c); err != nil {
		return nil, nil, err
	}
	if run.Mode, err = mode(c); err != nil {
		return nil, nil, err
	}
	key, err := s.Key(chunks, fmt.Sprintf("gptq 6, mode %v, damp %v, static %v, types %v", run.Mode, run.Damp, run.Static, types))
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
		tellKept(ui, journal)
		return nil, nil, err
	}
	if len(made.Damped) > 0 {
		ui.note("%d matrices needed more damping than --damp: %s", len(made.Damped), strings.Join(made.Damped, ", "))
	}
	if len(made.Filled) > 0 {
		ui.note("%d tensors have experts that saw too few tokens, and were filled up: %s", len(made.Filled), strings.Join(made.Filled[:min(4, len(made.Filled))], ", "))
	}
	ui.note("%s: %d tensors rounded with feedback, from %d chunks of %d tokens, in %.1f s",
		filepath.Base(out), made.Fed, len(chunks), c.Int("ctx"), time.Since(began).Seconds())
	return made, journal, nil
}

// tellKept says what --resume would find.
func tellKept(ui *ui, j *calib.Journal) {
	if n := j.Layers(); n > 0 {
		ui.note("%d layers are kept in %s: --resume goes on from there", n, j.Dir)
	}
}

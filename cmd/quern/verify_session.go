package main

import (
	"errors"

	"github.com/urfave/cli/v2"

	"quern/internal/tokenizer"
	"quern/verify"
)

// verifying is a run of quern verify. Its steps are called in the order in which they stand here.
type verifying struct {
	c     *cli.Context
	ui    *ui
	paths []string // models, the base first unless a baseline stands for it
	opt   verify.Options

	baseline *verify.Baseline // nil: the base is a model
	opened   []*openedModel   // nil for a base that a baseline stands for
	sides    []verify.Side

	toks   []*tokenizer.Tokenizer // of paths
	tokens []int32
	hash   string // of the texts

	writers []verify.BaselineFileWriter
}

// parse checks the command line before anything is opened.
func (v *verifying) parse() error {
	c := v.c
	if err := v.models(); err != nil {
		return err
	}
	switch {
	case c.IsSet("chat") && (c.IsSet("text") || c.IsSet("baseline") || c.IsSet("write-baseline") || c.IsSet("cache")):
		return usagef("--chat stands in the place of --text; baselines are of texts")
	case !c.IsSet("baseline") && !c.IsSet("chat"):
		if err := needs(c, "text"); err != nil {
			return err
		}
	}
	var err error
	if v.opt, err = verifyOptions(c); err != nil {
		return err
	}
	models := len(v.paths)
	if c.IsSet("baseline") {
		models++
	}
	if v.opt.Gates, err = gatesOf(c, models); err != nil {
		return err
	}
	if v.attributed() && (models < 2 || c.IsSet("baseline")) {
		return usagef("parts of a --quant are put into its --base: give both")
	}
	if err := checkBaselineFlags(c, v.opt.Gates); err != nil {
		return err
	}
	if err := v.checkCards(); err != nil {
		return err
	}
	return prepareOutputs(c)
}

// models finds the paths of the command line.
func (v *verifying) models() error {
	c := v.c
	base, quants := c.String("base"), c.StringSlice("quant")
	switch {
	case c.IsSet("baseline") && (len(quants) == 0 || c.NArg() > 0):
		return usagef("--baseline stands for the base: give at least one --quant")
	case c.IsSet("baseline"):
		v.paths = quants
	case base == "" && len(quants) == 0:
		v.paths = c.Args().Slice()
		return exactArgs(c, "MODEL")
	case base == "" || len(quants) == 0 || c.NArg() > 0:
		return misused(c, "takes either MODEL, or --base and at least one --quant")
	default:
		v.paths = append([]string{base}, quants...)
	}
	return nil
}

// open opens the models and the baseline.
func (v *verifying) open() error {
	if err := v.openBaseline(); err != nil {
		return err
	}
	names := shortNames(v.paths)
	for i, p := range v.paths {
		m, err := openLanguage(p)
		if err != nil {
			return err
		}
		v.opened = append(v.opened, m)
		v.sides = append(v.sides, verify.Side{Name: names[i], Model: m, Vocab: m.Params().Vocab})
	}
	if v.opt.Gates != nil && v.opt.Gates.Intact && v.opened[0] == nil {
		return usagef("--%s compares with the base's weights, which %s does not hold", verify.IntactGate, v.c.String("baseline"))
	}
	return nil
}

// run measures and finds the causes of what is suspicious.
func (v *verifying) run() (*verify.Report, error) {
	bar := v.ui.progress("verifying", "tokens")
	v.opt.Progress = bar.verifying
	rep, err := verify.Run(v.c.Context, v.sides, v.tokens, v.opt)
	bar.done()
	if err != nil {
		return nil, err
	}
	for _, w := range v.writers {
		if rep.Stopped {
			break // a baseline of a part would have another key
		}
		if err := w.Finish(); err != nil {
			return nil, err
		}
	}
	rep.Version, rep.Label, rep.Text = version(), v.c.String("label"), v.hash
	v.addSizes(rep)
	if err := v.diagnose(v.c.Context, rep); err != nil {
		return nil, err
	}
	return rep, v.attribute(rep)
}

func (v *verifying) close() {
	var errs []error
	for _, w := range v.writers {
		errs = append(errs, w.Close())
	}
	for _, m := range v.opened {
		if m != nil {
			errs = append(errs, m.Close())
		}
	}
	if v.baseline != nil {
		errs = append(errs, v.baseline.Close())
	}
	if err := errors.Join(errs...); err != nil {
		v.ui.note("%v", err)
	}
}

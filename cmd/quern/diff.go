package main

import (
	"fmt"
	"sort"
	"strings"

	"github.com/urfave/cli/v2"

	"quern/convert"
	"quern/formats"
	"quern/verify"
)

func diffCommand(ui *ui) *cli.Command {
	return &cli.Command{
		Name:      "diff",
		Usage:     "compare two checkpoints weight by weight, across formats",
		UsageText: "quern diff A B [--equal | --max-error R | --min-cosine C] [--same-tokenizer] [--same-meta]",
		Description: "A and B are Hugging Face folders, safetensors files or GGUFs of any type. Both are brought to GGUF's names\n" +
			"and conventions first, so a converted file can be proved equal to its source. Metadata of a folder is what\n" +
			"quern convert would write. A gate that fails ends the command with exit code 5; weights of B that are not\n" +
			"finite where A's are always fail.\n\n" +
			"Examples:\n" +
			"  quern diff ./model model-F16.gguf --equal --same-tokenizer\n" +
			"  quern diff model-BF16.gguf model-Q4_K_M.gguf --max-error 0.15 --json",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "equal", Usage: "gate: every weight has the same value"},
			&cli.Float64Flag{Name: "max-error", Usage: "gate: relative RMS error of every tensor at most `R`"},
			&cli.Float64Flag{Name: "min-cosine", Usage: "gate: cosine of every tensor at least `C`"},
			&cli.BoolFlag{Name: "same-tokenizer", Usage: "gate: both make the same tokens"},
			&cli.BoolFlag{Name: "same-meta", Usage: "gate: metadata are the same"},
			&cli.IntFlag{Name: "rows", Usage: "compare at most `N` rows of each tensor (default: all)"},
			&cli.BoolFlag{Name: "all", Usage: "show every tensor, not only the ten most different"},
			&cli.BoolFlag{Name: "json", Usage: "print the comparison as JSON"},
			threadsFlag(),
		},
		Action: func(c *cli.Context) error { return diffAction(c, ui) },
	}
}

func diffAction(c *cli.Context, ui *ui) error {
	if err := exactArgs(c, "A", "B"); err != nil {
		return err
	}
	n, err := threads(c)
	if err != nil {
		return err
	}
	if c.Int("rows") < 0 {
		return usagef("--rows %d: want a number that is not negative", c.Int("rows"))
	}
	a, err := formats.Open(c.Args().Get(0))
	if err != nil {
		return err
	}
	defer a.Close()
	b, err := formats.Open(c.Args().Get(1))
	if err != nil {
		return err
	}
	defer b.Close()
	bar := ui.progress("comparing", "tensors")
	d, err := verify.CompareWeights(c.Context, a, b, verify.DiffOptions{Threads: n, Rows: c.Int("rows"), Progress: bar.setInt})
	bar.done()
	if err != nil {
		return err
	}
	if err := compareRest(d, a, b); err != nil {
		return err
	}
	if c.Bool("json") {
		err = ui.json(d)
	} else {
		printDiff(ui, d, c.Bool("all"))
	}
	if err != nil {
		return err
	}
	return diffGates(c, d)
}

// compareRest compares metadata and tokenizers. A side without a tokenizer is a difference, not an error.
func compareRest(d *verify.Diff, a, b *formats.Source) error {
	tower := isTower(a) || isTower(b)
	ma, err := metaOf(a, tower)
	if err != nil {
		return err
	}
	mb, err := metaOf(b, tower)
	if err != nil {
		return err
	}
	d.Meta = verify.CompareMeta(ma, mb)
	if tower {
		return nil // no tokenizer on either side
	}
	ta, errA := convert.Tokenizer(a, "")
	tb, errB := convert.Tokenizer(b, "")
	switch {
	case errA == nil && errB == nil:
		d.Tokenizer = verify.CompareVocab(ta.Vocab(), tb.Vocab())
	case errA == nil || errB == nil:
		d.Tokenizer = []verify.Setting{{Key: "tokenizer", A: presence(errA), B: presence(errB)}}
	}
	return nil
}

func presence(err error) string {
	if err == nil {
		return "there"
	}
	return err.Error()
}

// metaOf is a GGUF's metadata, or what converting a folder would write.
func metaOf(src *formats.Source, tower bool) (*formats.Meta, error) {
	if src.Meta.Has("general.architecture") {
		return &src.Meta, nil
	}
	plan, err := convert.NewPlan(src, convert.Auto, convert.Options{Convert: true, Mmproj: tower})
	if err != nil {
		return nil, err
	}
	return &plan.Meta, nil
}

// isTower says whether a source is the file of a vision tower, beside which a folder is compared by its own tower.
func isTower(src *formats.Source) bool { return src.Meta.String("general.architecture") == "clip" }

func printDiff(ui *ui, d *verify.Diff, all bool) {
	equal := 0
	order := make([]verify.TensorDiff, len(d.Tensors))
	copy(order, d.Tensors)
	for _, t := range d.Tensors {
		if t.Equal {
			equal++
		}
	}
	ui.say("%d of %d tensors are equal", equal, len(d.Tensors))
	sort.SliceStable(order, func(i, j int) bool { return !(order[i].RelRMS <= order[j].RelRMS) })
	var rows [][]string
	for i, t := range order {
		if t.Equal && !all || i == 10 && !all {
			break
		}
		rows = append(rows, []string{t.Name, t.TypeA, t.TypeB, fmt.Sprintf("%.6f", float64(t.RelRMS)), fmt.Sprintf("%.6f", float64(t.Cosine)),
			fmt.Sprintf("%.4f", float64(t.Scale)), fmt.Sprintf("%.4g", float64(t.MaxAbs)), fmt.Sprintf("%.4f (%d)", float64(t.Worst), t.Row), fmt.Sprint(t.NaNB)})
	}
	if len(rows) > 0 {
		ui.table([]string{"tensor", "A", "B", "relative error", "cosine", "scale", "max", "worst row", "not finite"}, rows, 3, 4, 5, 6, 7, 8)
		ui.say("")
	}
	printSettings(ui, d)
	only(ui, d.A, d.OnlyA)
	only(ui, d.B, d.OnlyB)
	for _, h := range d.Hints {
		ui.say("likely cause: %s", h)
	}
}

func printSettings(ui *ui, d *verify.Diff) {
	for _, group := range []struct {
		name string
		list []verify.Setting
	}{{"hyper-parameter", d.Params}, {"metadata", d.Meta}, {"tokenizer", d.Tokenizer}} {
		if len(group.list) == 0 {
			ui.say("%s: the same", group.name)
			continue
		}
		var rows [][]string
		for _, s := range group.list {
			rows = append(rows, []string{s.Key, quote(s.A), quote(s.B)})
		}
		ui.table([]string{group.name, "A", "B"}, rows)
		ui.say("")
	}
}

func only(ui *ui, side string, names []string) {
	if len(names) > 0 {
		ui.say("only in %s: %s", side, strings.Join(names, ", "))
	}
}

// diffGates is the reason for exit code 5.
func diffGates(c *cli.Context, d *verify.Diff) error {
	var why []string
	add := func(format string, a ...any) { why = append(why, fmt.Sprintf(format, a...)) }
	for _, t := range d.Tensors {
		switch {
		case t.NaNB > t.NaNA:
			add("%s has %d weights that are not finite", t.Name, t.NaNB-t.NaNA)
		case c.Bool("equal") && !t.Equal:
			add("%s differs by up to %.3g", t.Name, float64(t.MaxAbs))
		case c.IsSet("max-error") && !(float64(t.RelRMS) <= c.Float64("max-error")):
			add("%s has a relative error of %.4g, above %g", t.Name, float64(t.RelRMS), c.Float64("max-error"))
		case c.IsSet("min-cosine") && !(float64(t.Cosine) >= c.Float64("min-cosine")):
			add("%s has a cosine of %.4f, below %g", t.Name, float64(t.Cosine), c.Float64("min-cosine"))
		}
	}
	strict := c.Bool("equal") || c.IsSet("max-error") || c.IsSet("min-cosine")
	if n := len(d.OnlyA) + len(d.OnlyB); strict && n > 0 {
		add("%d tensors are on one side only", n)
	}
	if strict && len(d.Params) > 0 {
		add("%s is %s and %s", d.Params[0].Key, d.Params[0].A, d.Params[0].B)
	}
	if c.Bool("same-tokenizer") && len(d.Tokenizer) > 0 {
		add("tokenizers differ in %s", d.Tokenizer[0].Key)
	}
	if c.Bool("same-meta") && len(d.Meta) > 0 {
		add("metadata differ in %s", d.Meta[0].Key)
	}
	if len(why) == 0 {
		return nil
	}
	most := min(3, len(why))
	line := strings.Join(why[:most], "; ")
	if len(why) > most {
		line += fmt.Sprintf("; and %d more", len(why)-most)
	}
	if len(d.Hints) > 0 {
		return &formats.Error{Err: fmt.Errorf("%w: %s", errGate, line), Hint: d.Hints[0]}
	}
	return fmt.Errorf("%w: %s", errGate, line)
}

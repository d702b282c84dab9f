package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"quern/verify"
)

func scoreCommand(ui *ui) *cli.Command {
	names, usage := []string{}, []string{}
	for _, f := range verify.TaskFormats() {
		names, usage = append(names, f.Name), append(usage, "  "+f.Name+": "+f.Usage)
	}
	return &cli.Command{
		Name:      "score",
		Usage:     "answer multiple choice questions: HellaSwag, WinoGrande, ARC, MMLU",
		UsageText: "quern score MODEL --task FILE [--task FILE …]\nquern score --base MODEL --quant MODEL [--quant MODEL …] --task FILE [gates]",
		Description: "Scores are computed as llama-perplexity does, and compared question by question. Formats:\n" + strings.Join(usage, "\n") + "\n\n" +
			"Examples:\n" +
			"  quern score model.gguf --task arc-easy-test.bin --questions 400\n" +
			"  quern score --base ./model --quant model-Q4_K_M.gguf --task hellaswag_val_full.txt --max-drop 0.01",
		Flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "task", Usage: "`FILE` of questions; may be repeated"},
			&cli.StringFlag{Name: "format", Usage: "format of the files instead of what they look like: " + strings.Join(names, ", ")},
			&cli.IntFlag{Name: "questions", Usage: "questions of each file, picked as llama-perplexity picks them (default: all)"},
			&cli.StringFlag{Name: "base", Usage: "`MODEL` that the others are compared with"},
			&cli.StringSliceFlag{Name: "quant", Usage: "`MODEL` to compare with the base; may be repeated"},
			&cli.Float64Flag{Name: "max-drop", Usage: "gate: accuracy is proved to have dropped by at most `P`, 0 to 1"},
			modeFlag("deploy"),
			&cli.BoolFlag{Name: "json", Usage: "print the scores as JSON"},
			preFlag(),
			threadsFlag(),
			modelMemoryFlag(),
		},
		Action: func(c *cli.Context) error { return scoreAction(c, ui) },
	}
}

func scoreAction(c *cli.Context, ui *ui) error {
	if err := needs(c, "task"); err != nil {
		return err
	}
	v := &verifying{c: c, ui: ui}
	defer v.close()
	if err := v.models(); err != nil {
		return err
	}
	drop := c.Float64("max-drop")
	switch {
	case c.IsSet("max-drop") && (len(v.paths) < 2 || !(drop >= 0 && drop <= 1)):
		return usagef("--max-drop %g: want 0 to 1, and a --base", drop)
	case c.Int("questions") < 0:
		return usagef("--questions %d: want a number that is not negative", c.Int("questions"))
	}
	var err error
	if v.opt.Mode, err = mode(c); err != nil {
		return err
	}
	if v.opt.Threads, err = threads(c); err != nil {
		return err
	}
	if v.opt.MaxRAM, err = modelMemory(c); err != nil {
		return err
	}
	if err := v.open(); err != nil {
		return err
	}
	if v.toks, err = openTokenizers(v.paths, c.String("pre")); err != nil {
		return err
	}
	out := &verify.Tasks{Schema: verify.TaskSchema, Mode: v.opt.Mode.String()}
	for _, name := range c.StringSlice("task") {
		t, err := v.score(name)
		if err != nil {
			return err
		}
		out.Sets = append(out.Sets, *t)
	}
	if c.Bool("json") {
		err = ui.json(out)
	} else {
		printTasks(ui, out)
	}
	if err != nil || !c.IsSet("max-drop") {
		return err
	}
	return dropGate(out, drop)
}

// score runs one file of questions.
func (v *verifying) score(name string) (*verify.Task, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	questions, format, err := verify.ReadTask(name, b, v.c.String("format"), v.c.Int("questions"))
	if err != nil {
		return nil, err
	}
	for _, q := range questions[:min(len(questions), 20)] {
		if _, err := sameTokens(v.paths, v.toks, q.Prompt+q.Choices[0]); err != nil {
			return nil, err
		}
	}
	bar := v.ui.progress("scoring "+filepath.Base(name), "questions")
	defer bar.done()
	return verify.RunTask(v.c.Context, v.sides, v.toks[0], filepath.Base(name), format.Name, questions, v.opt.Options, bar.setInt)
}

func printTasks(ui *ui, t *verify.Tasks) {
	var rows [][]string
	for _, s := range t.Sets {
		for _, m := range s.Models {
			row := []string{s.Name, m.Model, fmt.Sprintf("%d of %d", m.Correct, s.Questions), fmt.Sprintf("%.2f %%", 100*m.Accuracy.Value),
				fmt.Sprintf("[%.2f, %.2f]", 100*m.Accuracy.Low, 100*m.Accuracy.High), "", "", ""}
			if m.Change != nil {
				row[5] = fmt.Sprintf("%+.2f [%+.2f, %+.2f]", 100*m.Change.Value, 100*m.Change.Low, 100*m.Change.High)
				row[6], row[7] = fmt.Sprintf("−%d +%d", m.Lost, m.Gained), fmt.Sprintf("%.2g", float64(m.P))
			}
			rows = append(rows, row)
		}
		rows = append(rows, []string{s.Name, "guessing", "", fmt.Sprintf("%.2f %%", 100*s.Chance), "", "", "", ""})
	}
	ui.table([]string{"task", "model", "right", "accuracy", "95 %", "change", "questions", "p"}, rows, 2, 3, 4, 5, 6, 7)
}

// dropGate fails where even the better end of the change's interval is beyond what is allowed.
func dropGate(t *verify.Tasks, most float64) error {
	for _, s := range t.Sets {
		for _, m := range s.Models {
			if m.Change != nil && !(m.Change.High >= -most) {
				return fmt.Errorf("%w: %s: accuracy on %s changed by %.4f [%.4f, %.4f], at most %g may be lost", errGate, m.Model, s.Name, m.Change.Value, m.Change.Low, m.Change.High, most)
			}
		}
	}
	return nil
}

package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"quern/convert"
	"quern/formats"
)

func checkCommand(ui *ui) *cli.Command {
	return &cli.Command{
		Name:      "check",
		Usage:     "say whether a runtime will take a checkpoint, and why not",
		UsageText: "quern check PATH --for RUNTIME [--tp N] [--json]",
		Description: "PATH is a Hugging Face folder or a GGUF; RUNTIME is " + strings.Join(convert.RuntimeNames(), ", ") + ".\n" +
			"Group sizes, widths, shapes and keys are compared with what the runtime's loader demands; zero points and the order of\n" +
			"columns are read from the tensors, since configurations lie. A finding is \"refuses\", \"wrong\" (it loads, and computes\n" +
			"something else) or a note. Exit code 4 when the runtime will not run it as it is meant.\n\n" +
			"Examples:\n  quern check ./Llama-3.1-8B-GPTQ --for vllm --tp 4\n  quern check model-Q4_K_M.gguf --for ollama\n" +
			"  quern check ./model --for mlx --json | jq -r '.[].findings[].fix'",
		Flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "for", Usage: "`RUNTIME`; may be repeated"},
			&cli.IntFlag{Name: "tp", Value: 1, Usage: "ranks of tensor parallelism"},
			&cli.BoolFlag{Name: "json", Usage: "print verdicts as JSON"},
		},
		Action: func(c *cli.Context) error { return check(c, ui) },
	}
}

func check(c *cli.Context, ui *ui) error {
	if err := exactArgs(c, "PATH"); err != nil {
		return err
	}
	names := c.StringSlice("for")
	if len(names) == 0 {
		return usagef("--for is missing: %s", strings.Join(convert.RuntimeNames(), ", "))
	}
	if tp := c.Int("tp"); tp < 1 || tp > 1024 {
		return usagef("--tp %d: want 1 to 1024", tp)
	}
	src, err := formats.Open(c.Args().First())
	if err != nil {
		return err
	}
	defer src.Close()
	var verdicts []*convert.Verdict
	var not []string
	for _, name := range names {
		v, err := convert.CheckFor(src, name, c.Int("tp"))
		if err != nil {
			return usagef("%v", err)
		}
		verdicts = append(verdicts, v)
		if !v.Loads {
			not = append(not, name)
		}
	}
	if c.Bool("json") {
		if err := ui.json(verdicts); err != nil {
			return err
		}
	} else {
		for _, v := range verdicts {
			showVerdict(ui, v)
		}
	}
	if not != nil {
		return &formats.Error{File: src.Path, Err: formats.Unsupported("not for %s", strings.Join(not, ", "))}
	}
	return nil
}

func showVerdict(ui *ui, v *convert.Verdict) {
	says := "takes it"
	if !v.Loads {
		says = "does not take it"
	}
	ui.say("%s (%s): %s", v.Runtime, v.Version, says)
	for _, f := range v.Findings {
		ui.say("  %s: %s", f.Level, f.What)
		if f.Fix != "" {
			ui.say("    fix: %s", f.Fix)
		}
		ui.say("    %s", fmt.Sprintf("source: %s", f.Source))
	}
}

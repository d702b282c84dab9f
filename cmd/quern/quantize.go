package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"quern/convert"
	"quern/formats"
	"quern/quantize"
)

func quantizeCommand(ui *ui) *cli.Command {
	return &cli.Command{
		Name:      "quantize",
		Usage:     "quantize a checkpoint into one or more GGUF files, in one pass over its weights, or into a folder of codes",
		UsageText: "quern quantize SRC TYPE [TYPE …] [-o OUT]\nquern quantize SRC --format FORMAT [--bits N] [--group N] [--sym|--asym] [-o DIR]",
		Description: "SRC is a Hugging Face folder, a safetensors file or a GGUF of any type. TYPE is one of\n" +
			wrap(strings.Join(convert.RecipeNames(), " "), 90) + "\n\n" +
			"OUT may hold {type}, which is needed with several types; without -o the file lies beside SRC.\n\n" +
			"Examples:\n" +
			"  quern quantize ./Llama-3.1-8B Q4_K_M\n" +
			"  quern quantize ./Llama-3.1-8B Q8_0 Q6_K Q4_K_M -o out/llama-{type}.gguf\n" +
			"  quern quantize model-F16.gguf Q4_K_M --tensor-type 'ffn_down=Q6_K' --plan\n" +
			"  quern quantize model-F16.gguf IQ2_M --imatrix imatrix.gguf\n" +
			"  quern quantize ./Llama-3.1-8B Q3_K_M --method gptq --text calibration.txt\n" +
			"  quern quantize ./Llama-3.1-8B --format awq --group 128 --method awq --text calibration.txt\n" +
			"  quern quantize ./Llama-3.1-8B --format gptq --bits 4 --group 128 -o ./Llama-3.1-8B-GPTQ",
		Flags: append(slices.Concat(outputFlags(), gridFlags(), methodFlags()),
			&cli.StringSliceFlag{Name: "tensor-type", Usage: "`REGEX=TYPE`: store the tensors whose GGUF name matches as TYPE; the first match decides; may be repeated"},
			&cli.StringFlag{Name: "output-tensor-type", Usage: "`TYPE` of the output head"},
			&cli.StringFlag{Name: "token-embedding-type", Usage: "`TYPE` of the token embedding"},
			&cli.BoolFlag{Name: "leave-output-tensor", Usage: "keep the output head as it is stored"},
			&cli.BoolFlag{Name: "pure", Usage: "use TYPE for every matrix, without the recipe's mix"},
			&cli.StringFlag{Name: "imatrix", Usage: "importance matrix `FILE` (from quern calibrate or llama-imatrix): errors count by the inputs that meet them"},
			&cli.StringFlag{Name: "encoder", Value: "default", Usage: "default: quern's search; ggml: the bytes of llama-quantize"},
			&cli.IntFlag{Name: "effort", Value: quantize.EffortDefault, Usage: "how long to search: 0 takes llama-quantize's choices (--encoder ggml), 1 searches as long as it pays, 2 and 3 longer where the type has more to try, and take llama-quantize's block where that loses less"},
			&cli.BoolFlag{Name: "strict", Usage: "refuse to store a tensor in another type because its rows do not fit the block"},
		),
		Action: func(c *cli.Context) error { return quantizeAction(c, ui) },
	}
}

func quantizeAction(c *cli.Context, ui *ui) error {
	if c.IsSet("format") {
		return packAction(c, ui, false)
	}
	if err := without(c, codesOnly, "is for folders of codes: add --format"); err != nil {
		return err
	}
	if c.NArg() < 2 {
		return &formats.Error{Err: usagef("quern quantize takes SRC and at least one TYPE"), Hint: "for example quern quantize ./model Q4_K_M"}
	}
	opt := convert.Options{
		TensorTypes:        c.StringSlice("tensor-type"),
		OutputTensorType:   c.String("output-tensor-type"),
		TokenEmbeddingType: c.String("token-embedding-type"),
		LeaveOutputTensor:  c.Bool("leave-output-tensor"),
		Pure:               c.Bool("pure"),
		Strict:             c.Bool("strict"),
		OverrideKV:         c.StringSlice("override-kv"),
		Pre:                c.String("pre"),
		Effort:             c.Int("effort"),
	}
	if opt.Effort < quantize.EffortGgml || opt.Effort > quantize.EffortMost {
		return usagef("--effort %d: want %d to %d", opt.Effort, quantize.EffortGgml, quantize.EffortMost)
	}
	opt.Ggml = opt.Effort == quantize.EffortGgml
	switch c.String("encoder") {
	case "default":
	case "ggml":
		if opt.Effort > quantize.EffortDefault {
			return usagef("--encoder ggml makes one choice only: --effort %d has nothing to do", opt.Effort)
		}
		opt.Ggml = true
	default:
		return usagef("--encoder %s: want default or ggml", c.String("encoder"))
	}
	if name := c.String("imatrix"); name != "" {
		var err error
		if opt.Imatrix, err = formats.ReadImatrix(name); err != nil {
			return err
		}
	}
	return byMethod(c, ui, c.Args().Slice()[1:], opt)
}

// wrap breaks a list of words into lines.
func wrap(s string, width int) string {
	var lines []string
	line := ""
	for _, w := range strings.Fields(s) {
		if line != "" && len(line)+1+len(w) > width {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += w
	}
	return strings.Join(append(lines, line), "\n")
}

// plans makes one plan for each type name.
func plans(src *formats.Source, types []string, opt convert.Options, run convert.RunOptions, out func(typ string) string) ([]*convert.Plan, error) {
	var all []*convert.Plan
	for _, t := range types {
		r, err := recipeOf(t)
		if err != nil {
			return nil, err
		}
		p, err := convert.NewPlan(src, r, opt)
		if err != nil {
			return nil, err
		}
		if err := p.Name(out(p.TypeName()), run); err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

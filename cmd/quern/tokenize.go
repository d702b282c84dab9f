package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"quern/internal/tokenizer"
)

func tokenizeCommand(ui *ui) *cli.Command {
	return &cli.Command{
		Name:      "tokenize",
		Usage:     "print the token ids and pieces of a text",
		UsageText: "quern tokenize MODEL [--text FILE|-] [--json] [--special]",
		Description: "MODEL is a GGUF, or a folder with tokenizer files. One line for each token: its id, its piece.\n\n" +
			"Examples:\n  echo -n 'Hello world' | quern tokenize model.gguf\n  quern tokenize ./model --text prompt.txt --json",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "text", Value: "-", Usage: "text to tokenize: `FILE`, or - for standard input"},
			&cli.BoolFlag{Name: "json", Usage: `print {"ids": […], "pieces": […]}`},
			&cli.BoolFlag{Name: "special", Usage: "add the tokens that the model wants around a text (BOS, EOS)"},
			&cli.BoolFlag{Name: "no-parse-special", Usage: "take special tokens that are written in the text as text"},
			preFlag(),
		},
		Action: func(c *cli.Context) error { return tokenize(c, ui) },
	}
}

func tokenize(c *cli.Context, ui *ui) error {
	if err := exactArgs(c, "MODEL"); err != nil {
		return err
	}
	t, err := openTokenizer(c.Args().First(), c.String("pre"))
	if err != nil {
		return err
	}
	text, err := readText(ui, c.String("text"))
	if err != nil {
		return err
	}
	ids := t.Encode(string(text), tokenizer.Options{AddSpecial: c.Bool("special"), ParseSpecial: !c.Bool("no-parse-special")})
	if c.Bool("json") {
		out := struct {
			IDs    []int32  `json:"ids"`
			Pieces []string `json:"pieces"` // bytes that are not UTF-8 show as U+FFFD
		}{IDs: append([]int32{}, ids...), Pieces: []string{}}
		for _, id := range ids {
			out.Pieces = append(out.Pieces, string(t.Piece(id)))
		}
		return ui.json(out)
	}
	for _, id := range ids {
		ui.say("%s", fmt.Sprintf("%6d  %q", id, t.Piece(id)))
	}
	return nil
}

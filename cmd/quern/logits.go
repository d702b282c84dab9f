package main

import (
	"encoding/json"
	"fmt"

	"github.com/urfave/cli/v2"

	"quern/formats"
	"quern/internal/model"
)

func logitsCommand(ui *ui) *cli.Command {
	return &cli.Command{
		Name:      "logits",
		Usage:     "write the logits of a model for given tokens as a .npy file",
		UsageText: "quern logits MODEL --tokens FILE.json|--text FILE -o FILE.npy [--states] [--read N] [--mode exact|deploy]",
		Description: "The file holds float32, one row for each token, one column for each entry of the vocabulary. With --states there is a column for\n" +
			"each dimension of the model instead: what it makes of a token before the output head, or as an encoder. Of an encoder that sorts\n" +
			"texts, as rerankers do, logits are one row with a number for each class. Of a model with an encoder and a decoder (T5), the encoder reads\n" +
			"half of the tokens and one, or as many as --read says, and there is a row for each token that the decoder is given: first the one\n" +
			"that it begins with, then those that were not read.\n\n" +
			"Example:\n  echo '[1, 15043, 3186]' > t.json && quern logits ./model --tokens t.json -o logits.npy",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "tokens", Usage: "JSON list of token ids: `FILE`, or - for standard input"},
			&cli.StringFlag{Name: "text", Usage: "text to tokenize instead: `FILE`, or -"},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "`FILE`.npy"},
			&cli.BoolFlag{Name: "states", Usage: "write final hidden states, from which embeddings are pooled"},
			&cli.IntFlag{Name: "read", Usage: "of a model with an encoder and a decoder: the encoder reads `N` tokens, the decoder goes on from there"},
			modeFlag("exact"),
			preFlag(),
			threadsFlag(),
			modelMemoryFlag(),
		},
		Action: func(c *cli.Context) error { return logits(c, ui) },
	}
}

func logits(c *cli.Context, ui *ui) error {
	if err := exactArgs(c, "MODEL"); err != nil {
		return err
	}
	if err := needs(c, "output"); err != nil {
		return err
	}
	opt := model.Options{}
	var err error
	if opt.Mode, err = mode(c); err != nil {
		return err
	}
	if opt.Threads, err = threads(c); err != nil {
		return err
	}
	if opt.MaxRAM, err = modelMemory(c); err != nil {
		return err
	}
	tokens, err := logitsTokens(c, ui)
	if err != nil {
		return err
	}
	m, err := openModel(c.Args().First())
	if err != nil {
		return err
	}
	defer m.Close()
	want, err := wantedBehind(c, m, len(tokens))
	if err != nil {
		return err
	}
	bar := ui.progress("computing", "layers")
	opt.Step = func(s model.Step) { bar.setInt(s.Layer, s.Layers) }
	states, err := m.States(c.Context, [][]int32{tokens}, want, opt)
	bar.done()
	if err != nil {
		return err
	}
	p := m.Params()
	switch {
	case c.Bool("states"):
		return writeRows(c, states.H, p.Embd)
	case p.Vectors > 0:
		x, err := m.Vectors(states.H, opt)
		if err != nil {
			return err
		}
		return writeRows(c, x, p.Vectors)
	case m.Classifies():
		scores, err := m.Classify(states, opt)
		if err != nil {
			return err
		}
		return writeRows(c, scores, len(scores))
	case m.Encoder():
		return &formats.Error{File: c.Args().First(), Err: formats.Unsupported("is an encoder without an output for tokens or classes"), Hint: "--states writes what it makes of the text"}
	}
	return writeLogits(c, m, states, opt)
}

// wantedBehind are the positions with logits, of so many: nil for all that there are.
func wantedBehind(c *cli.Context, m *openedModel, tokens int) (func(seq, pos int) bool, error) {
	if !c.IsSet("read") {
		return nil, nil
	}
	n := c.Int("read")
	switch {
	case !m.Decodes():
		return nil, usagef("--read is for models with an encoder and a decoder")
	case n < 1 || n > tokens:
		return nil, usagef("--read %d: the encoder reads from 1 to %d tokens here", n, tokens)
	}
	return func(_, pos int) bool { return pos >= n-1 }, nil
}

// writeRows writes a matrix of so many columns.
func writeRows(c *cli.Context, x []float32, cols int) error {
	out, err := formats.CreateNPY(c.String("output"), len(x)/cols, cols)
	if err != nil {
		return err
	}
	defer out.Abort()
	if err := out.Write(x); err != nil {
		return err
	}
	return out.Commit()
}

// logitsTokens reads the tokens that the command line names.
func logitsTokens(c *cli.Context, ui *ui) ([]int32, error) {
	if c.IsSet("tokens") == c.IsSet("text") {
		return nil, usagef("quern logits takes one of --tokens and --text")
	}
	if c.IsSet("text") {
		text, err := readText(ui, c.String("text"))
		if err != nil {
			return nil, err
		}
		tokens, _, err := tokenizeFor(c.Args().First(), c.String("pre"), text)
		return tokens, err
	}
	raw, err := readText(ui, c.String("tokens"))
	if err != nil {
		return nil, err
	}
	var tokens []int32
	if err := json.Unmarshal(raw, &tokens); err != nil {
		return nil, &formats.Error{File: c.String("tokens"), Err: formats.Corrupt("want a JSON list of token ids: %v", err)}
	}
	if len(tokens) == 0 {
		return nil, fmt.Errorf("%s: no tokens", c.String("tokens"))
	}
	return tokens, nil
}

// writeLogits streams blocks of rows, so that a long text with a large vocabulary does not have to fit into memory.
func writeLogits(c *cli.Context, m *openedModel, s *model.States, opt model.Options) error {
	vocab, n := m.Params().Vocab, len(s.Pos)
	out, err := formats.CreateNPY(c.String("output"), n, vocab)
	if err != nil {
		return err
	}
	defer out.Abort()
	step := max(1, (4<<20)/vocab)
	block := make([]float32, min(step, n)*vocab)
	for from := 0; from < n; from += step {
		to := min(from+step, n)
		if err := c.Context.Err(); err != nil {
			return err
		}
		if err := m.Logits(block, s, from, to, opt); err != nil {
			return err
		}
		if err := out.Write(block[:(to-from)*vocab]); err != nil {
			return err
		}
	}
	return out.Commit()
}

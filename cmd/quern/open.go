package main

import (
	"io"
	"os"

	"github.com/urfave/cli/v2"

	"quern/convert"
	"quern/formats"
	"quern/internal/model"
	"quern/internal/tokenizer"
)

// openedModel is a model and the checkpoint that it reads from and closes.
type openedModel struct {
	*model.Model
	src *formats.Source
}

func openModel(path string) (*openedModel, error) {
	src, err := formats.Open(path)
	if err != nil {
		return nil, err
	}
	m, err := model.Open(src)
	if err != nil {
		src.Close()
		return nil, err
	}
	return &openedModel{m, src}, nil
}

// openLanguage opens a model that predicts tokens. Others are refused: they have no perplexity, no divergence and no likeliest token.
func openLanguage(path string) (*openedModel, error) {
	m, err := openModel(path)
	if err == nil && m.Encoder() {
		m.Close()
		return nil, &formats.Error{File: path, Err: formats.Unsupported("is an encoder, which makes vectors of texts and predicts no token: there is nothing here to measure"),
			Hint: "quern logits --states writes the vectors, of two files for comparison; quern diff compares weights"}
	}
	if err == nil && m.FillsIn() {
		m.Close()
		return nil, &formats.Error{File: path, Err: formats.Unsupported("fills in masked tokens, and every position sees all others: texts have no perplexity in it"),
			Hint: "quern logits writes what it says of a text, of two files for comparison; quern diff compares weights"}
	}
	return m, err
}

// openTarget opens the model that a draft head guesses for: of a folder nothing but config.json and the tokenizer's files is read, unless weights are wanted.
func openTarget(path string, weights bool) (*formats.Source, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() && !weights {
		return formats.Folder(path), nil
	}
	return formats.Open(path)
}

func preFlag() cli.Flag {
	return &cli.StringFlag{Name: "pre", Usage: "pre-tokenizer `NAME` as llama.cpp knows it, instead of the one recognised"}
}

// openTokenizer reads the tokenizer of a GGUF, or of a folder, which needs no weights for that.
func openTokenizer(path, pre string) (*tokenizer.Tokenizer, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		src := formats.Folder(path)
		defer src.Close()
		return convert.Tokenizer(src, pre)
	}
	src, err := formats.Open(path)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	return convert.Tokenizer(src, pre)
}

// tokenizeFor cuts text into the tokens of llama-perplexity's protocol, and returns the token that begins a chunk, or -1.
func tokenizeFor(path, pre string, text []byte) (tokens []int32, bos int, err error) {
	t, err := openTokenizer(path, pre)
	if err != nil {
		return nil, 0, err
	}
	return t.Encode(string(text), tokenizer.Options{AddSpecial: true}), beginning(t), nil
}

// beginning is the token that begins every text, or -1.
func beginning(t *tokenizer.Tokenizer) int {
	if around := t.Encode("", tokenizer.Options{AddSpecial: true}); len(around) > 0 && int(around[0]) == t.Vocab().BOS {
		return t.Vocab().BOS
	}
	return -1
}

// readText reads a file, or standard input for "-".
func readText(ui *ui, name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(ui.in)
	}
	return os.ReadFile(name)
}

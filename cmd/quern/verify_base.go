package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"quern/internal/tokenizer"
	"quern/verify"
)

func baselineFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "baseline", Usage: "`FILE` of a base's predictions, instead of the base and the text: quern's, or llama-perplexity's --kl-divergence-base"},
		&cli.StringFlag{Name: "write-baseline", Usage: "write the base's predictions to `FILE`"},
		&cli.StringFlag{Name: "baseline-kind", Value: verify.KindTop,
			Usage: "top: the most likely tokens of each prediction; states: hidden states, nearly exact, to be read beside --base; llama: llama-perplexity's format"},
		&cli.IntFlag{Name: "baseline-top", Value: verify.TopTokens, Usage: "tokens of each prediction that kind top keeps"},
		&cli.StringFlag{Name: "cache", Usage: "`DIR` of hidden states of bases, found by the hashes of weights, tokenizer, text and protocol; made where they are missing"},
	}
}

func checkBaselineFlags(c *cli.Context, g *verify.Gates) error {
	sequential := g != nil && g.Sequential
	switch {
	case c.IsSet("baseline") && (c.IsSet("write-baseline") || c.IsSet("cache")):
		return usagef("--baseline is read: nothing is left to write or to cache")
	case c.IsSet("write-baseline") && sequential:
		return usagef("a sequential run may end early: write the baseline in a run of its own")
	case !slices.Contains([]string{verify.KindTop, verify.KindStates, verify.KindLlama}, c.String("baseline-kind")):
		return usagef("--baseline-kind %s: want top, states or llama", c.String("baseline-kind"))
	case c.Int("baseline-top") < verify.TopK:
		return usagef("--baseline-top %d: want at least %d", c.Int("baseline-top"), verify.TopK)
	}
	return nil
}

// openBaseline opens the file that stands for the base, and its output matrix where it needs that.
func (v *verifying) openBaseline() error {
	name := v.c.String("baseline")
	if name == "" {
		return nil
	}
	b, err := verify.OpenBaseline(name)
	if err != nil {
		return err
	}
	v.baseline = b
	v.opt.Ctx = b.Ctx
	v.ui.note("%s: %s", name, b.Describe)
	var base *openedModel
	if b.NeedsBase() {
		if !v.c.IsSet("base") {
			return usagef("%s holds hidden states: give the --base that they belong to, or write a baseline of kind top", name)
		}
		if base, err = openLanguage(v.c.String("base")); err != nil {
			return err
		}
		if err := b.Attach(base, base.Params().Embd); err != nil {
			return err
		}
	}
	if b.Header != nil && b.Header.Mode != v.opt.Mode.String() {
		return usagef("%s was made in %s mode, this run is in %s mode", name, b.Header.Mode, v.opt.Mode)
	}
	v.opened = append(v.opened, base)
	v.sides = append(v.sides, verify.Side{Name: filepath.Base(name), Model: b.Scorer, Vocab: b.Vocab})
	return nil
}

// tokensOfBaseline takes the text of the baseline, and sees that the quants' tokenizers are those that made it.
func (v *verifying) tokensOfBaseline() error {
	v.tokens = v.baseline.Tokens
	if n := v.opt.Protocol.Chunks; n > v.baseline.Chunks {
		return usagef("--chunks %d: the baseline holds %d", n, v.baseline.Chunks)
	}
	if n := len(v.tokens) / v.opt.Ctx; n == 1 {
		return fmt.Errorf("%w: the baseline holds one chunk", verify.ErrShort)
	}
	text := string(v.toks[0].Decode(v.tokens))
	ids := v.toks[0].Encode(text, tokenizer.Options{AddSpecial: true})
	if h := v.baseline.Header; h != nil {
		v.hash = h.Text
		if got := verify.HashVocab(v.toks[0].Vocab()); got != h.Tokenizer && firstDifference(ids[:min(len(ids), len(v.tokens))], v.tokens) >= 0 {
			return fmt.Errorf("%s was made with another tokenizer than that of %s: their numbers cannot be compared", v.c.String("baseline"), v.paths[0])
		}
		v.opt.BOS = h.BOS
	}
	_, err := sameTokens(v.paths, v.toks, text)
	return err
}

// attach puts a cached baseline in the place of the base, or writes down what the base predicts.
func (v *verifying) attach() error {
	dir, out := v.c.String("cache"), v.c.String("write-baseline")
	if dir == "" && out == "" {
		return nil
	}
	chunks, _, err := v.opt.Cut(v.tokens)
	if err != nil {
		return err
	}
	tokens := v.tokens[:len(chunks)*v.opt.Ctx]
	h := verify.BaselineHeader{Base: v.sides[0].Name, Mode: v.opt.Mode.String(), Ctx: v.opt.Ctx, BOS: v.opt.BOS, Chunks: len(chunks), Vocab: v.sides[0].Vocab,
		Tokenizer: verify.HashVocab(v.toks[0].Vocab()), Text: v.hash}
	if h.Weights, err = verify.HashWeights(v.opened[0].src); err != nil {
		return err
	}
	if out != "" {
		h.Kind, h.Width = v.c.String("baseline-kind"), v.c.Int("baseline-top")
		if err := v.record(out, h, tokens, chunks); err != nil {
			return err
		}
	}
	if dir == "" {
		return nil
	}
	h.Kind = verify.KindStates
	path := filepath.Join(dir, h.Key()+".qbase")
	b, err := verify.OpenBaseline(path)
	switch {
	case err == nil:
		v.baseline = b
		v.ui.note("the base is in the cache: %s", b.Describe)
		if err := b.Attach(v.sides[0].Model, v.opened[0].Params().Embd); err != nil {
			return err
		}
		v.sides[0].Model = b.Scorer
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		v.ui.note("the cached baseline is made anew: %s", strings.TrimSpace(err.Error()))
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return v.record(path, h, tokens, chunks)
}

// record writes what the base predicts to path while it is measured.
func (v *verifying) record(path string, h verify.BaselineHeader, tokens []int32, chunks [][]int32) error {
	if h.Kind == verify.KindStates {
		h.Width = v.opened[0].Params().Embd
		if part := verify.StatesPart(h.Vocab, h.Width); part < 20 {
			v.ui.note("hidden states take about 1/%d of llama-perplexity's file for this model; --write-baseline with --baseline-kind top may take less", part)
		}
	}
	w, err := verify.NewBaselineWriter(path, h, tokens, v.opened[0], v.opt.Options)
	if err != nil {
		return err
	}
	v.writers = append(v.writers, w)
	v.sides[0].Model = verify.Record(v.sides[0].Model, w, v.opt.Ctx, v.sides[0].Vocab, chunks)
	return nil
}

package main

import (
	"crypto/sha256"
	"fmt"
	"path/filepath"

	"quern/formats"
	"quern/internal/tokenizer"
	"quern/verify"
)

// worstShown is how many of the worst predictions a report quotes.
const worstShown = 10

// tokenize reads the texts and cuts them into tokens, whole chunks of each one after the other. It sets the protocol's BOS and
// what the analysis knows of the text. A baseline brings its own tokens.
func (v *verifying) tokenize() error {
	toks, err := openTokenizers(v.paths, v.c.String("pre"))
	if err != nil {
		return err
	}
	v.toks = toks
	v.opt.BOS = beginning(toks[0])
	v.opt.Worst, v.opt.Piece = worstShown, func(id int32) string { return string(toks[0].Decode([]int32{id})) }
	switch {
	case v.baseline != nil:
		return v.tokensOfBaseline()
	case v.c.IsSet("chat"):
		return v.converse()
	}
	names := v.c.StringSlice("text")
	sum := sha256.New()
	for _, name := range names {
		text, err := readText(v.ui, name)
		if err != nil {
			return err
		}
		sum.Write(text)
		ids, err := sameTokens(v.paths, toks, string(text))
		if err != nil {
			return err
		}
		if len(names) == 1 {
			if _, _, err := v.opt.Cut(ids); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			v.tokens = ids
			break
		}
		ids, n, err := wholeChunks(ids, v.opt.Protocol, name)
		if err != nil {
			return err
		}
		v.tokens = append(v.tokens, ids...)
		v.opt.Domains = append(v.opt.Domains, verify.Domain{Name: filepath.Base(name), Chunks: n})
	}
	if len(names) > 1 {
		v.opt.Protocol.Chunks = 0 // each text was cut already
	}
	v.hash = fmt.Sprintf("%x", sum.Sum(nil))
	return nil
}

// wholeChunks drops what does not fill a chunk, and what is beyond the number of chunks that is wanted.
func wholeChunks(ids []int32, p verify.Protocol, name string) ([]int32, int, error) {
	n := len(ids) / p.Ctx
	if p.Chunks > 0 {
		n = min(n, p.Chunks)
	}
	if n == 0 {
		return nil, 0, fmt.Errorf("%s: %w: %d tokens do not fill a chunk of %d", name, verify.ErrShort, len(ids), p.Ctx)
	}
	return ids[:n*p.Ctx], n, nil
}

func openTokenizers(paths []string, pre string) ([]*tokenizer.Tokenizer, error) {
	var out []*tokenizer.Tokenizer
	for _, p := range paths {
		t, err := openTokenizer(p, pre)
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

// sameTokens tokenizes the text once for all models whose vocabularies are the same; the others tokenize it, too: where the
// ids differ, the numbers could not be compared.
func sameTokens(paths []string, toks []*tokenizer.Tokenizer, text string) ([]int32, error) {
	var first []int32
	for i, t := range toks {
		if i > 0 && t.Vocab().Same(toks[0].Vocab()) {
			continue
		}
		ids := t.Encode(text, tokenizer.Options{AddSpecial: true})
		if i == 0 {
			first = ids
			continue
		}
		if at := firstDifference(first, ids); at >= 0 || beginning(t) != beginning(toks[0]) {
			return nil, differentTokens(paths[0], paths[i], max(at, 0), toks[0], t)
		}
	}
	return first, nil
}

// differentTokens is the error of two models whose tokenizers disagree; its hint is the first thing that differs in them.
func differentTokens(base, quant string, at int, a, b *tokenizer.Tokenizer) error {
	hint := "the tokenizers hold the same, but begin texts differently"
	if s := verify.CompareVocab(a.Vocab(), b.Vocab()); len(s) > 0 {
		hint = fmt.Sprintf("wrong tokenizer: %s is %s in the base, %s in %s", s[0].Key, quote(s[0].A), quote(s[0].B), filepath.Base(quant))
	}
	return &formats.Error{File: quant, Hint: hint, Err: fmt.Errorf("tokenizes the text differently from %s, first at token %d: their numbers cannot be compared", base, at)}
}

func firstDifference(a, b []int32) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	if len(a) != len(b) {
		return min(len(a), len(b))
	}
	return -1
}

package main

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"quern/calib"
	"quern/formats"
	"quern/internal/tokenizer"
	"quern/verify"
)

// converse reads conversations. The base's chat template renders them, for all models: what is compared are the weights.
func (v *verifying) converse() error {
	v.opt.BOS = -1 // templates begin texts themselves
	chat, err := calib.NewChat(v.toks[0], v.paths[0])
	if err != nil {
		return err
	}
	others := v.otherVocabularies()
	sum := sha256.New()
	for _, name := range v.c.StringSlice("chat") {
		raw, err := readText(v.ui, name)
		if err != nil {
			return err
		}
		sum.Write(raw)
		docs, err := calib.ReadText(strings.NewReader(string(raw)), name, "", "")
		if err != nil {
			return err
		}
		for i, d := range docs {
			if err := v.conversation(chat, others, d); err != nil {
				return &formats.Error{File: name, Err: fmt.Errorf("conversation %d: %w", i+1, err)}
			}
		}
	}
	if v.opt.Sequences == nil {
		return fmt.Errorf("%w: no assistant says anything within %d tokens", verify.ErrShort, v.opt.Ctx)
	}
	v.hash = fmt.Sprintf("%x", sum.Sum(nil))
	return nil
}

// otherVocabularies are those that differ from the base's, by the number of their model.
func (v *verifying) otherVocabularies() map[int]*tokenizer.Tokenizer {
	out := map[int]*tokenizer.Tokenizer{}
	for i, t := range v.toks {
		if !t.Vocab().Same(v.toks[0].Vocab()) {
			out[i] = t
		}
	}
	return out
}

// conversation adds one to what is scored, cut to the context.
func (v *verifying) conversation(chat *calib.Chat, others map[int]*tokenizer.Tokenizer, d calib.Document) error {
	if d.Chat == nil {
		return formats.Unsupported("it is a text, not a list of messages")
	}
	tokens, answer, err := chat.Turns(d.Chat)
	if err != nil {
		return err
	}
	for i, t := range others {
		text := string(v.toks[0].Decode(tokens))
		a, b := v.toks[0].Encode(text, tokenizer.Options{ParseSpecial: true}), t.Encode(text, tokenizer.Options{ParseSpecial: true})
		if at := firstDifference(a, b); at >= 0 {
			return differentTokens(v.paths[0], v.paths[i], at, v.toks[0], t)
		}
	}
	n := min(len(tokens), v.opt.Ctx)
	if slices.Contains(answer[:n], true) {
		v.opt.Sequences = append(v.opt.Sequences, verify.Sequence{Tokens: tokens[:n], Answer: answer[:n]})
	}
	return nil
}

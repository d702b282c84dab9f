package tokenizer

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// What the reference converter (convert_hf_to_gguf.py of llama.cpp) writes as tokens, types, scores and merges.

// looksSpecial names added tokens that do the work of control tokens although their files do not say so.
func looksSpecial(text string) bool {
	switch text {
	case "<pad>", "<mask>", "<2mass>", "[@BOS@]":
		return true
	}
	for _, b := range [][2]string{{"<|", "|>"}, {"<｜", "｜>"}, {"<unused", ">"}} {
		if strings.HasPrefix(text, b[0]) && strings.HasSuffix(text, b[1]) {
			return true
		}
	}
	return false
}

// padded makes lists of n tokens, all of them unused.
func padded(v *Vocab, n int, score float32) {
	v.Tokens, v.Types = make([]string, n), make([]int32, n)
	if v.Model == "llama" {
		v.Scores = make([]float32, n)
	}
	for i := range n {
		v.Tokens[i], v.Types[i] = fmt.Sprintf("[PAD%d]", i), Unused
		if v.Scores != nil {
			v.Scores[i] = score
		}
	}
}

// base fills in the tokens of tokenizer.json's model.
func (f *folder) base(v *Vocab) error {
	n := f.opt.VocabSize
	if n == 0 {
		n = f.tok.Top + 1
	}
	padded(v, n, lowestScore)
	for text, id := range f.tok.Vocab {
		if int(id) >= n {
			return corrupt("token %q has the id %d, the model has %d tokens", text, id, n)
		}
		if v.Types[id] != Unused {
			return corrupt("two tokens have the id %d", id)
		}
		v.Tokens[id], v.Types[id] = text, Normal
	}
	return nil
}

// gpt2Vocab is a byte-level vocabulary.
func (f *folder) gpt2Vocab(p *pre, name string) (*Vocab, error) {
	v := NewVocab("gpt2", name)
	if err := f.base(v); err != nil {
		return nil, err
	}
	for _, a := range f.tok.Added {
		text := a.Content
		if !a.Normalized {
			// The reference writes what the tokenizer makes of its own token, which undoes the alphabet of bytes. Where that is
			// no text (DeepSeek-Coder's ü, a single byte in the alphabet) it writes U+FFFD, several times over; this does not.
			if raw, ok := fromAlphabet(text); ok && utf8.ValidString(raw) {
				text = raw
			}
		}
		v.setAdded(a.ID, text, a.Special)
	}
	v.Merges = make([]string, len(f.tok.Merges))
	for i, m := range f.tok.Merges {
		v.Merges[i] = strings.ReplaceAll(m[0], " ", "\u0120") + " " + strings.ReplaceAll(m[1], " ", "\u0120")
	}
	if p.AddBOS {
		// A runtime would add a BOS to every text for the name alone: say that this tokenizer does not.
		no := false
		v.AddBOS = &no
	}
	return v, v.unique()
}

// setAdded writes an added token: a control token, or one that users define, whose blanks are blanks.
func (v *Vocab) setAdded(id int, text string, special bool) {
	v.Types[id] = Control
	if !special && !looksSpecial(text) {
		text = strings.ReplaceAll(text, blankMark, " ")
		v.Types[id] = UserDefined
	}
	v.Tokens[id] = text
}

// unique sees that no two tokens are spelled alike, which llama.cpp does not survive.
func (v *Vocab) unique() error {
	seen := make(map[string]int, len(v.Tokens))
	for i, t := range v.Tokens {
		if j, ok := seen[t]; ok {
			return corrupt("the tokens %d and %d are both spelled %q", j, i, t)
		}
		seen[t] = i
	}
	return nil
}

// lowestScore is the reference's for tokens that are never the result of a merge.
const lowestScore = -1000

// llamaHFVocab is a SentencePiece vocabulary of which only tokenizer.json is there. That has merges in the place of
// scores. The reference gives all tokens the same score, which merges from left to right and so tokenizes differently; here
// the score is minus the rank of the first merge that makes the token, which gives the order back.
func (f *folder) llamaHFVocab(blank bool) (*Vocab, error) {
	v := NewVocab("llama", "default")
	if err := f.base(v); err != nil {
		return nil, err
	}
	lowest := float32(min(lowestScore, -len(f.tok.Merges)))
	for i, text := range v.Tokens {
		v.Scores[i] = lowest
		if _, ok := fromByteToken(text); ok {
			v.Types[i] = Byte
		}
	}
	for rank := len(f.tok.Merges) - 1; rank >= 0; rank-- {
		if id, ok := f.tok.Vocab[f.tok.Merges[rank][0]+f.tok.Merges[rank][1]]; ok {
			v.Scores[id] = -float32(rank)
		}
	}
	for _, a := range f.tok.Added {
		v.setAdded(a.ID, a.Content, a.Special)
	}
	if id, ok := f.tok.Vocab[f.tok.Unk]; ok && f.tok.Unk != "" {
		v.Types[id] = Unknown
	}
	if !blank {
		v.AddSpacePrefix = &blank
	}
	return v, v.unique()
}

// spVocab is a SentencePiece vocabulary, from tokenizer.model and the tokens that were added to it.
func (f *folder) spVocab() (*Vocab, error) {
	v := NewVocab("llama", "default")
	n := f.opt.VocabSize
	if n == 0 {
		n = len(f.sp.Pieces)
	}
	padded(v, n, -10000)
	for i, p := range f.sp.Pieces[:min(n, len(f.sp.Pieces))] {
		v.Tokens[i], v.Scores[i], v.Types[i] = p.Text, p.Score, p.Type
		if p.Type == UserDefined {
			v.Types[i] = Normal // so the reference; those that matter are named again among the added tokens
		}
	}
	for _, a := range f.extra {
		if a.ID < n {
			v.Tokens[a.ID], v.Scores[a.ID], v.Types[a.ID] = a.Content, lowestScore, UserDefined
		}
	}
	for _, a := range f.listed {
		if a.ID < n {
			v.setAdded(a.ID, a.Content, a.Special)
			v.Scores[a.ID] = lowestScore
		}
	}
	if !f.sp.DummyPrefix {
		v.AddSpacePrefix = new(bool)
	}
	return v, v.unique()
}

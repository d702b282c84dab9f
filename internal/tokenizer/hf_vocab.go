package tokenizer

import (
	"slices"
	"strconv"
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

// room makes lists of n tokens, which pad has to fill.
func (v *Vocab) room(n int) {
	v.Tokens, v.Types = make([]string, n), make([]int32, n)
	if v.Model == "llama" || v.Model == "t5" || v.Model == "gemma4" || v.Model == "plamo2" {
		v.Scores = make([]float32, n)
	}
}

// pad fills the places that no token has taken.
func (v *Vocab) pad(score float32) {
	for i := range v.Tokens {
		if v.Types[i] != 0 {
			continue
		}
		v.Tokens[i], v.Types[i] = "[PAD"+strconv.Itoa(i)+"]", Unused
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
	v.room(n)
	for _, e := range f.tok.Vocab.entries {
		if int(e.id) >= n {
			return corrupt("token %q has the id %d, the model has %d tokens: its vocab_size and the tokenizer are of different models, or the embedding was not resized for added tokens", e.text, e.id, n)
		}
		if v.Types[e.id] != 0 {
			return corrupt("the tokens %q and %q have the same id, %d", v.Tokens[e.id], e.text, e.id)
		}
		v.Tokens[e.id], v.Types[e.id] = e.text, Normal
	}
	return nil
}

// gpt2Vocab is a byte-level vocabulary.
func (f *folder) gpt2Vocab() (*Vocab, error) {
	v := NewVocab("gpt2", "")
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
	v.pad(0)
	f.joinMerges(v)
	return v, v.unique(f.tok.Vocab)
}

// joinMerges writes merges as GGUF has them.
func (f *folder) joinMerges(v *Vocab) {
	if v.Merges = f.tok.Joined; len(v.Merges) == len(f.tok.Merges) {
		return
	}
	var all strings.Builder // of which each is a part
	size := 0
	for _, m := range f.tok.Merges {
		size += len(m[0]) + len(m[1]) + 1
	}
	all.Grow(size)
	v.Merges = make([]string, len(f.tok.Merges))
	for i, m := range f.tok.Merges {
		from := all.Len()
		all.WriteString(strings.ReplaceAll(m[0], " ", "\u0120"))
		all.WriteByte(' ')
		all.WriteString(strings.ReplaceAll(m[1], " ", "\u0120"))
		v.Merges[i] = all.String()[from:]
	}
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

// unique sees that no two tokens are spelled alike, which llama.cpp does not survive. Texts in known are tokens of these
// ids, and unlike already.
func (v *Vocab) unique(known *index) error {
	seen, look := newIndex(0), known != nil
	if !look {
		seen = newIndex(len(v.Tokens))
	}
	for i, t := range v.Tokens {
		if look && v.Types[i] == Normal {
			continue
		}
		j, twice := seen.add(t, int32(i))
		if look && !twice {
			k, there := known.get(t)
			j, twice = k, there && int(k) != i && v.Types[k] == Normal
		}
		if twice {
			return corrupt("the tokens %d and %d are both spelled %q", j, i, t)
		}
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
		if id, ok := f.tok.Vocab.get(f.tok.Merges[rank][0] + f.tok.Merges[rank][1]); ok {
			v.Scores[id] = -float32(rank)
		}
	}
	for _, a := range f.tok.Added {
		v.setAdded(a.ID, a.Content, a.Special)
	}
	if id, ok := f.tok.Vocab.get(f.tok.Unk); ok && f.tok.Unk != "" {
		v.Types[id] = Unknown
	}
	if !blank {
		v.AddSpacePrefix = &blank
	}
	v.pad(lowest)
	return v, v.unique(f.tok.Vocab)
}

// mergedTypes are models whose vocabularies of characters runtimes merge as they are, not by score.
var mergedTypes = []string{"gemma4_text", "gemma4"}

// parsed are tokens of the same models that answers are cut up at: they are shown although they are special.
var parsed = []string{"<|channel>", "<channel|>", "<|tool_call>", "<tool_call|>", "<|tool_response>", "<tool_response|>", "<|\"|>"}

// gemma4Vocab is a vocabulary of characters with its merges. Scores mean nothing; the reference writes the same one for all.
func (f *folder) gemma4Vocab() (*Vocab, error) {
	v := NewVocab("gemma4", "")
	if err := f.base(v); err != nil {
		return nil, err
	}
	for i, text := range v.Tokens {
		if _, ok := fromByteToken(text); ok {
			v.Types[i] = Byte
		}
	}
	for _, a := range f.tok.Added {
		v.setAdded(a.ID, a.Content, a.Special && !slices.Contains(parsed, a.Content))
	}
	v.pad(lowestScore)
	for i := range v.Scores {
		v.Scores[i] = lowestScore
	}
	f.joinMerges(v)
	yes := true
	v.AddSpacePrefix, v.AddBOS = new(bool), &yes
	return v, v.unique(f.tok.Vocab)
}

// spVocab is a SentencePiece vocabulary, from tokenizer.model and the tokens that were added to it.
func (f *folder) spVocab() (*Vocab, error) {
	v := NewVocab("llama", "default")
	if f.sp.ModelType == spUnigram {
		f.sp.t5(v)
	}
	n := f.opt.VocabSize
	if n == 0 {
		n = len(f.sp.Pieces)
	}
	v.room(n)
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
	v.pad(-10000)
	if !f.sp.DummyPrefix && v.Model == "llama" {
		v.AddSpacePrefix = new(bool)
	}
	return v, v.unique(nil)
}

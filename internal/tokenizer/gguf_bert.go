package tokenizer

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// bertFromVocab is WordPiece as llama.cpp runs it: tokens that begin a word have a blank mark before them.
func bertFromVocab(v *Vocab) (*Tokenizer, error) {
	if len(v.Tokens) == 0 {
		return nil, corrupt("the vocabulary is empty")
	}
	w := newWordPiece(indexOf(v.Tokens))
	w.begin = blankMark
	w.unk = int32(orElse(v, v.UNK, 100))
	t := &Tokenizer{vocab: v, model: w, split: splitBert, spelled: newPartition(v, w.ids), blank: true, tidy: true}
	small := is(v.Lowercase, true)
	bare := is(v.StripAccents, small)
	t.normalize = func(s string, _ place) string { return runtimeWords(s, small, bare) }
	t.surround(true, false, orElse(v, v.BOS, 101), -1)
	if sep := orElse(v, v.SEP, 102); sep >= 0 {
		t.after = []int32{int32(sep)}
	}
	return t, nil
}

// runtimeWords cleans text as llama.cpp does: of a letter with accents the first code point of its decomposition stays,
// which is less than all of it for Hangul.
func runtimeWords(s string, small, bare bool) string {
	var b strings.Builder
	for _, r := range s {
		if bare {
			for _, first := range norm.NFD.String(string(r)) {
				r = first
				break
			}
		}
		switch {
		case classOf(r)&space != 0:
			b.WriteByte(' ')
			continue
		case r == 0 || r == 0xfffd || unicode.In(r, unicode.Cc, unicode.Cf, unicode.Cs, unicode.Co) || bare && classOf(r)&mark != 0:
			continue
		}
		if small {
			r = unicode.ToLower(r)
		}
		if ideograph(r) {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
		if ideograph(r) {
			b.WriteByte(' ')
		}
	}
	return b.String()
}

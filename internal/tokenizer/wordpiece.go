package tokenizer

import (
	"strings"
	"unicode/utf8"
)

// wordPiece is BERT's model: of a word the longest token that it begins with, then the longest of the rest, to the end; a
// word that this fails for is one unknown token.
type wordPiece struct {
	ids       *index
	begin     string // before a word
	continued string // before what follows in a word
	most      int    // characters of the longest word that is looked at; 0: any
	longest   int    // bytes of the longest token
	unk       int32  // -1 for none
}

func newWordPiece(ids *index) *wordPiece {
	w := &wordPiece{ids: ids, unk: -1}
	for _, e := range ids.entries {
		w.longest = max(w.longest, len(e.text))
	}
	return w
}

func (w *wordPiece) tokens(dst []int32, word string, _ *merger) []int32 {
	if strings.TrimFunc(word, func(r rune) bool { return classOf(r)&space != 0 }) == "" {
		return dst // what lies between words
	}
	before := len(dst)
	if w.most == 0 || utf8.RuneCountInString(word) <= w.most {
		text := w.begin + word
		at := 0
		for at < len(text) {
			end, id := w.next(text, at)
			if end == at {
				break
			}
			dst = append(dst, id)
			at = end
		}
		if at == len(text) {
			return dst
		}
	}
	if w.unk < 0 {
		return dst[:before]
	}
	return append(dst[:before], w.unk)
}

// next is the longest token at a place of a word: where it ends, which is at when there is none.
func (w *wordPiece) next(text string, at int) (end int, id int32) {
	before := ""
	if at > 0 {
		before = w.continued
	}
	for end = min(len(text), at+w.longest); end > at; end-- {
		if end < len(text) && !utf8.RuneStart(text[end]) {
			continue
		}
		if id, ok := w.ids.get(before + text[at:end]); ok {
			return end, id
		}
	}
	return at, -1
}

// Words of BERT: what white space parts, punctuation by itself (every symbol of ASCII is punctuation here).
var splitBert = splitter{isolate(run(space), bertPunct)}

func bertPunct(s string, i int) int {
	c, n := at(s, i)
	if c&punct != 0 || c&sym != 0 && n == 1 {
		return i + n
	}
	return i
}

// ideograph reports whether a character is one of those that BERT makes words of.
func ideograph(r rune) bool {
	switch {
	case r < 0x3400:
		return false
	case r <= 0x4dbf, r >= 0x4e00 && r <= 0x9fff, r >= 0xf900 && r <= 0xfaff, r >= 0x20000 && r <= 0x2a6df, r >= 0x2a700 && r <= 0x2b81f,
		r >= 0x2b920 && r <= 0x2ceaf, r >= 0x2f800 && r <= 0x2fa1f:
		return true
	}
	return false
}

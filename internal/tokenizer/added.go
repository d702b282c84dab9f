package tokenizer

import (
	"unicode"
	"unicode/utf8"
)

// An added token is one that text spells out, beside the vocabulary that words are merged into.
type added struct {
	ID         int    `json:"id"`
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"` // only where no letter, digit or underscore touches it
	LStrip     bool   `json:"lstrip"`      // takes the white space before it along
	RStrip     bool   `json:"rstrip"`
	Normalized bool   `json:"normalized"` // is looked for in normalized text
	Special    bool   `json:"special"`
}

// An addedSet cuts text at added tokens, as Hugging Face's tokenizers do: leftmost first, the longest of those.
type addedSet struct {
	tokens []added
	find   *matcher
}

// newAddedSet looks for each token under the text that spell gives it.
func newAddedSet(tokens []added, spell func(string) string) *addedSet {
	s := &addedSet{tokens: tokens, find: newMatcher()}
	for i, t := range tokens {
		s.find.add(spell(t.Content), int32(i))
	}
	return s
}

// cut cuts text. Without special, special tokens are passed over, and so is the text that spells them: a shorter token
// inside is not looked for.
func (s *addedSet) cut(text string, special bool) []segment {
	var segs []segment
	done := 0
	for from := 0; ; {
		start, end, k := s.find.find(text, from)
		if k < 0 {
			break
		}
		from = end
		t := &s.tokens[k]
		if t.Special && !special || t.SingleWord && !alone(text, start, end) || start < done {
			continue
		}
		if t.LStrip {
			start = max(trimSpaceBefore(text, start), done)
		}
		if t.RStrip {
			end = spaces(text, end)
		}
		if done < start {
			segs = append(segs, segment{text[done:start], -1})
		}
		segs = append(segs, segment{"", int32(t.ID)})
		done = end
		from = max(from, done)
	}
	if done < len(text) {
		segs = append(segs, segment{text[done:], -1})
	}
	return segs
}

// alone reports whether no word character touches text[start:end].
func alone(text string, start, end int) bool {
	if r, n := utf8.DecodeLastRuneInString(text[:start]); n > 0 && wordRune(r) {
		return false
	}
	r, n := utf8.DecodeRuneInString(text[end:])
	return n == 0 || !wordRune(r)
}

// wordRune is \w: letters, marks, digits, connectors and joiners.
func wordRune(r rune) bool {
	return unicode.IsLetter(r) || unicode.Is(unicode.M, r) || unicode.Is(unicode.Nd, r) || unicode.Is(unicode.Nl, r) ||
		unicode.Is(unicode.Pc, r) || unicode.Is(unicode.Other_Alphabetic, r) || unicode.Is(unicode.Join_Control, r)
}

// trimSpaceBefore is where the white space that ends at i begins.
func trimSpaceBefore(text string, i int) int {
	for i > 0 {
		r, n := utf8.DecodeLastRuneInString(text[:i])
		if classOf(r)&space == 0 {
			break
		}
		i -= n
	}
	return i
}

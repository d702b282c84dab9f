package tokenizer

import (
	"strings"
	"unicode/utf8"
)

// An encoder is the memory of one Encode: words seen before are not merged again.
type encoder struct {
	merger
	ends, spare []int
	cache       map[string][2]uint32 // word → where its tokens lie in kept
	kept        []int32
}

const (
	cachedWord  = 64      // bytes of the longest word that is remembered
	cachedWords = 1 << 15 // after so many all are forgotten
)

func newEncoder() *encoder { return &encoder{cache: map[string][2]uint32{}} }

func (e *encoder) word(dst []int32, word string, by model) []int32 {
	if len(word) > cachedWord {
		return by.tokens(dst, word, &e.merger)
	}
	if at, ok := e.cache[word]; ok {
		return append(dst, e.kept[at[0]:at[1]]...)
	}
	from := len(dst)
	dst = by.tokens(dst, word, &e.merger)
	if len(e.cache) >= cachedWords {
		clear(e.cache)
		e.kept = e.kept[:0]
	}
	at := uint32(len(e.kept))
	e.kept = append(e.kept, dst[from:]...)
	e.cache[strings.Clone(word)] = [2]uint32{at, uint32(len(e.kept))}
	return dst
}

// chunks tokenizes text that is one word to its model, in smaller pieces and to the same effect: it cuts before a blank
// mark wherever no token has that mark after that character, since no merge can reach across.
func (t *Tokenizer) chunks(dst []int32, e *encoder, word string) []int32 {
	from := 0
	for i := 1; i < len(word); {
		k := strings.Index(word[i:], blankMark)
		if k < 0 {
			break
		}
		i += k
		if r, _ := utf8.DecodeLastRuneInString(word[:i]); i > from && t.apart(r) {
			dst = e.word(dst, word[from:i], t.model)
			from = i
		}
		i += len(blankMark)
	}
	return e.word(dst, word[from:], t.model)
}

// apartFrom finds the characters that no text has right before a blank mark, other than the mark itself.
func apartFrom(texts []string) func(before rune) bool {
	joined := map[rune]bool{'▁': true, utf8.RuneError: true}
	for _, s := range texts {
		for i := 1; i < len(s); {
			k := strings.Index(s[i:], blankMark)
			if k < 0 {
				break
			}
			i += k
			r, _ := utf8.DecodeLastRuneInString(s[:i])
			joined[r] = true
			i += len(blankMark)
		}
	}
	return func(r rune) bool { return !joined[r] }
}

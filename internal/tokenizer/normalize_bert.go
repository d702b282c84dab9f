package tokenizer

import (
	"encoding/base64"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// precompiled is SentencePiece's table inside a tokenizer.json.
func (n *node) precompiled() (*charsmap, error) {
	data, err := n.charsmapBytes()
	if err != nil {
		return nil, err
	}
	return readCharsmap(data)
}

func (n *node) charsmapBytes() ([]byte, error) {
	data, err := base64.StdEncoding.DecodeString(n.Charsmap)
	if err != nil {
		return nil, corrupt("normalizer: precompiled_charsmap: %v", err)
	}
	return data, nil
}

// lowercased is what Unicode calls lower case, character by character; İ alone becomes two.
func lowercased(s string) string {
	return strings.Map(unicode.ToLower, strings.ReplaceAll(s, "İ", "i\u0307"))
}

// dropped takes the characters of some tables out.
func dropped(tables ...*unicode.RangeTable) change {
	return func(s string) string {
		return strings.Map(func(r rune) rune {
			if r >= 0x80 && unicode.In(r, tables...) {
				return -1
			}
			return r
		}, s)
	}
}

// bert is BertNormalizer: control characters go, white space becomes blanks, ideographs are set apart, accents go,
// capitals become small.
func (n *node) bert() []change {
	var all []change
	if is(n.CleanText, true) {
		all = append(all, cleanText)
	}
	if is(n.Chinese, true) {
		all = append(all, apartIdeographs)
	}
	if is(n.StripAccents, is(n.Lowercase, true)) {
		all = append(all, norm.NFD.String, dropped(unicode.Mn))
	}
	if is(n.Lowercase, true) {
		all = append(all, lowercased)
	}
	return all
}

func cleanText(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n' || r == '\r':
			return ' '
		case r == 0 || r == 0xfffd || unicode.In(r, unicode.Cc, unicode.Cf, unicode.Cs, unicode.Co):
			return -1
		case classOf(r)&space != 0:
			return ' '
		}
		return r
	}, s)
}

func apartIdeographs(s string) string {
	var b strings.Builder
	for _, r := range s {
		if ideograph(r) {
			b.WriteByte(' ')
			b.WriteRune(r)
			b.WriteByte(' ')
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// nmt is the cleaning of Google's translation models: some control characters go, some others and marks of width zero
// become blanks.
func nmt(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 1 && r <= 8, r == 0x0b, r >= 0x0e && r <= 0x1f, r == 0x7f, r == 0x8f, r == 0x9f:
			return -1
		case r == '\t', r == '\n', r == '\f', r == '\r', r == 0x1680, r >= 0x200b && r <= 0x200f, r == 0x2028, r == 0x2029,
			r == 0x2581, r == 0xfeff, r == 0xfffd:
			return ' '
		}
		return r
	}, s)
}

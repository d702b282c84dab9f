package tokenizer

import "unicode/utf8"

// GPT-2's alphabet gives each of the 256 bytes a printable character: the printable Latin-1 ones stand for themselves, the
// other 68 follow from U+0100 on in the order of their bytes. Token texts and merges are written in it.
var (
	byteRune [256]rune
	runeByte = map[rune]byte{}
)

func init() {
	next := rune(0x100)
	for b := range 256 {
		r := rune(b)
		if !(r >= '!' && r <= '~' || r >= 0xa1 && r <= 0xac || r >= 0xae) {
			r = next
			next++
		}
		byteRune[b] = r
		runeByte[r] = byte(b)
	}
}

// fromAlphabet turns a token's text into the bytes that it stands for; ok is false when a character is outside the
// alphabet, as in special tokens.
func fromAlphabet(text string) (raw string, ok bool) {
	plain := true
	for i := 0; i < len(text); i++ {
		if text[i] < '!' || text[i] > '~' {
			plain = false
			break
		}
	}
	if plain {
		return text, true
	}
	buf := make([]byte, 0, len(text))
	for _, r := range text {
		b, ok := runeByte[r]
		if !ok {
			return "", false
		}
		buf = append(buf, b)
	}
	return string(buf), true
}

// toAlphabet is the inverse of fromAlphabet.
func toAlphabet(raw string) string {
	buf := make([]byte, 0, 2*len(raw))
	for i := 0; i < len(raw); i++ {
		buf = utf8.AppendRune(buf, byteRune[raw[i]])
	}
	return string(buf)
}

// byteToken is the text of the token that stands for one byte where a vocabulary is not byte-level: <0x00> … <0xFF>.
func byteToken(b byte) string {
	const hex = "0123456789ABCDEF"
	return string([]byte{'<', '0', 'x', hex[b>>4], hex[b&15], '>'})
}

// fromByteToken reads such a text.
func fromByteToken(text string) (b byte, ok bool) {
	if len(text) != 6 || text[:3] != "<0x" || text[5] != '>' {
		return 0, false
	}
	for _, c := range []byte(text[3:5]) {
		switch {
		case c >= '0' && c <= '9':
			b = b<<4 | (c - '0')
		case c >= 'A' && c <= 'F':
			b = b<<4 | (c - 'A' + 10)
		case c >= 'a' && c <= 'f':
			b = b<<4 | (c - 'a' + 10)
		default:
			return 0, false
		}
	}
	return b, true
}

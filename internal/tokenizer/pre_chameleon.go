package tokenizer

import "strings"

// Chameleon: the spellings of its image tokens, pairs and fours of blanks, digits and punctuation by themselves, and then
// GPT-2's words.
var _ = register(pre{Names: []string{"chameleon"}, AddBOS: true,
	Split: splitter{isolate(sentinel), isolate(imageToken), isolate(indent), isolate(one(anyNum)),
		isolate(func(s string, i int) int {
			r, n := decode(s, i)
			if r >= 0 && (classOf(r)&punct != 0 || r < 0x7f && classOf(r)&sym != 0) {
				return i + n
			}
			return i
		}), splitGPT2}})

// sentinel is <sentinel:[0-9]+>
func sentinel(s string, i int) int {
	const begin = "<sentinel:"
	if !strings.HasPrefix(s[i:], begin) {
		return i
	}
	j := i + len(begin)
	for j < len(s) && s[j] >= '0' && s[j] <= '9' {
		j++
	}
	if j == i+len(begin) || j >= len(s) || s[j] != '>' {
		return i
	}
	return j + 1
}

// imageToken is IMGIMG[A-I]{1,4}Z
func imageToken(s string, i int) int {
	const begin = "IMGIMG"
	if !strings.HasPrefix(s[i:], begin) {
		return i
	}
	j := i + len(begin)
	for j < len(s) && s[j] >= 'A' && s[j] <= 'I' {
		j++
	}
	if n := j - i - len(begin); n < 1 || n > 4 || j >= len(s) || s[j] != 'Z' {
		return i
	}
	return j + 1
}

// indent is [\t\n]|    |  , a tab, a line break, four blanks or two
func indent(s string, i int) int {
	switch rest := s[i:]; {
	case s[i] == '\t' || s[i] == '\n':
		return i + 1
	case strings.HasPrefix(rest, "    "):
		return i + 4
	case strings.HasPrefix(rest, "  "):
		return i + 2
	}
	return i
}

package tokenizer

import "unicode/utf8"

// The alternatives that the patterns of GPT-2 and its descendants are put together from.

// decode is the character at i; -1 for a byte that is none.
func decode(s string, i int) (rune, int) {
	if c := s[i]; c < utf8.RuneSelf {
		return rune(c), 1
	}
	r, n := utf8.DecodeRuneInString(s[i:])
	if r == utf8.RuneError && n == 1 {
		return -1, 1
	}
	return r, n
}

// contraction is 's|'t|'re|'ve|'m|'ll|'d
func contraction(s string, i int) int {
	if s[i] != '\'' || i+1 >= len(s) {
		return i
	}
	switch s[i+1] {
	case 's', 't', 'm', 'd':
		return i + 2
	}
	if i+2 < len(s) {
		switch s[i+1 : i+3] {
		case "re", "ve", "ll":
			return i + 3
		}
	}
	return i
}

// anyContraction is (?i:'s|'t|'re|'ve|'m|'ll|'d). Without case the long s, U+017F, is an s too.
func anyContraction(s string, i int) int {
	if s[i] != '\'' || i+1 >= len(s) {
		return i
	}
	switch s[i+1] | 0x20 {
	case 's', 't', 'm', 'd':
		return i + 2
	}
	if i+2 >= len(s) {
		return i
	}
	if s[i+1:i+3] == "ſ" {
		return i + 3
	}
	switch string([]byte{s[i+1] | 0x20, s[i+2] | 0x20}) {
	case "re", "ve", "ll":
		return i + 3
	}
	return i
}

// prefixed is [^\r\n not]?[of]+, the prefix being one character of none of the classes not.
func prefixed(not, of class) match {
	return func(s string, i int) int {
		c, n := at(s, i)
		if c&of == 0 {
			if n == 0 || c&(not|newline) != 0 {
				return i
			}
			if e := runOf(s, i+n, of); e > i+n {
				return e
			}
			return i
		}
		return runOf(s, i, of)
	}
}

// blankRun is " ?[of]+"
func blankRun(of class) match {
	return func(s string, i int) int {
		j := i
		if s[i] == ' ' {
			j++
		}
		if e := runOf(s, j, of); e > j {
			return e
		}
		return i
	}
}

// blankNot is " ?[^\s not]+" and as many of the characters in tail as follow, at most `most` of them.
func blankNot(not class, tail string, most int) match {
	return func(s string, i int) int {
		j := i
		if s[i] == ' ' {
			j++
		}
		e := runNot(s, j, not|space)
		if e == j {
			return i
		}
		for n := 0; n < most && e < len(s) && has(tail, s[e]); n++ {
			e++
		}
		return e
	}
}

func has(set string, c byte) bool {
	for i := 0; i < len(set); i++ {
		if set[i] == c {
			return true
		}
	}
	return false
}

const unlimited = 1 << 62

// newlines is \s*[\r\n]+: white space up to and with the last line break in it.
func newlines(s string, i int) int {
	end := i
	for j := i; ; {
		c, n := at(s, j)
		if c&space == 0 {
			return end
		}
		j += n
		if c&newline != 0 {
			end = j
		}
	}
}

// trailing is \s+(?!\S): white space, less its last character where something follows.
func trailing(s string, i int) int {
	last := i
	for j := i; ; {
		c, n := at(s, j)
		if n == 0 {
			return j
		}
		if c&space == 0 {
			return last
		}
		last = j
		j += n
	}
}

// spaces is \s+
func spaces(s string, i int) int { return runOf(s, i, space) }

// cased is o200k's word: [^\r\n\p{L}\p{N}]?[up]*[low]+ or, failing that, [^\r\n\p{L}\p{N}]?[up]+[low]*, where modifier
// and other letters and marks are of both kinds; then, where asked for, a contraction.
func cased(contracted bool) match {
	return func(s string, i int) int {
		c, n := at(s, i)
		e := i
		if n > 0 && c&(newline|letter|anyNum) == 0 {
			e = upLow(s, i+n)
			if e == i+n {
				e = i
			}
		}
		if e == i {
			e = upLow(s, i)
		}
		if e == i && n > 0 && c&(newline|letter|anyNum) == 0 {
			if u := runOf(s, i+n, anyUp); u > i+n {
				e = runOf(s, u, anyLow)
			}
		}
		if e == i {
			if u := runOf(s, i, anyUp); u > i {
				e = runOf(s, u, anyLow)
			}
		}
		if contracted && e > i && e < len(s) {
			e = anyContraction(s, e)
		}
		return e
	}
}

// upLow is [up]*[low]+. When nothing low follows the run, it gives back characters until one is low too.
func upLow(s string, i int) int {
	both := i // the end of the last character in the run that is of both kinds
	for j := i; ; {
		c, n := at(s, j)
		if c&anyUp == 0 {
			if e := runOf(s, j, anyLow); e > j {
				return e
			}
			return both
		}
		j += n
		if c&anyLow != 0 {
			both = j
		}
	}
}

package tokenizer

import "unicode/utf8"

// The alternatives that the patterns of GPT-2 and its descendants are put together from.

// decode is the character at i and its length; -1 for a byte that is none, -1 and 0 at the end.
func decode(s string, i int) (rune, int) {
	if i >= len(s) {
		return -1, 0
	}
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

// blankRun is " ?[of]+[tail]*"
func blankRun(of class, tail string) match {
	return func(s string, i int) int {
		j := i
		if s[i] == ' ' {
			j++
		}
		if e := runOf(s, j, of); e > j {
			return runBytes(s, e, tail)
		}
		return i
	}
}

// blankNot is " ?[^\s not]+[tail]*"
func blankNot(not class, tail string) match {
	return func(s string, i int) int {
		j := i
		if s[i] == ' ' {
			j++
		}
		if e := runNot(s, j, not|space); e > j {
			return runBytes(s, e, tail)
		}
		return i
	}
}

func runBytes(s string, i int, of string) int {
	for i < len(s) && has(of, s[i]) {
		i++
	}
	return i
}

func has(set string, c byte) bool {
	for i := 0; i < len(set); i++ {
		if set[i] == c {
			return true
		}
	}
	return false
}

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
// and other letters and marks are of both kinds; then, where asked for, a contraction. of tells which kinds a character is
// of; it is at, or one of its relatives.
func cased(contracted bool, of looked) match {
	return func(s string, i int) int {
		c, n := at(s, i)
		start, prefix := i, c&(newline|letter|anyNum) == 0
		if prefix {
			start += n
		}
		e := upLow(s, start, of)
		if e == start && prefix {
			start = i
			e = upLow(s, i, of)
		}
		if e == start {
			if prefix {
				start = i + n
			}
			if e = upThenLow(s, start, of); e == start && prefix {
				start = i
				e = upThenLow(s, i, of)
			}
		}
		if e == start {
			return i
		}
		if contracted && e < len(s) {
			e = anyContraction(s, e)
		}
		return e
	}
}

// A looked is at, or sees some characters as others.
type looked func(s string, i int) (class, int)

// atNoHan takes Chinese characters for no letters.
func atNoHan(s string, i int) (class, int) {
	c, n := at(s, i)
	if c&han != 0 {
		c = 0
	}
	return c, n
}

// upLow is [up]*[low]+. When nothing low follows the run, it gives back characters until one is low too.
func upLow(s string, i int, of looked) int {
	both := i // the end of the last character in the run that is of both kinds
	for j := i; ; {
		c, n := of(s, j)
		if c&anyUp == 0 {
			if c&anyLow == 0 {
				return both
			}
			return lowRun(s, j, of)
		}
		j += n
		if c&anyLow != 0 {
			both = j
		}
	}
}

// upThenLow is [up]+[low]*
func upThenLow(s string, i int, of looked) int {
	j := i
	for {
		c, n := of(s, j)
		if c&anyUp == 0 {
			break
		}
		j += n
	}
	if j == i {
		return i
	}
	return lowRun(s, j, of)
}

func lowRun(s string, i int, of looked) int {
	for {
		c, n := of(s, i)
		if c&anyLow == 0 {
			return i
		}
		i += n
	}
}

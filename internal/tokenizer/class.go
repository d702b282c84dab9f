package tokenizer

import (
	"unicode"
	"unicode/utf8"
)

// class is the set of the categories of a character that pre-tokenizers ask about.
type class uint16

const (
	upper   class = 1 << iota // Lu, Lt
	lower                     // Ll
	plainLm                   // Lm, Lo: neither upper nor lower
	mark                      // M
	digit                     // Nd
	number                    // Nl, No
	punct                     // P
	sym                       // S
	space                     // White_Space
	newline                   // \r and \n, besides space
	han                       // the script, besides its category

	letter = upper | lower | plainLm
	anyNum = digit | number
	anyUp  = upper | plainLm | mark // o200k's first half of a word
	anyLow = lower | plainLm | mark // and its second
)

// classes holds the characters up to the end of the supplementary multilingual plane; the few beyond are looked up.
var classes [0x20000]class

var tables = []struct {
	of    *unicode.RangeTable
	class class
}{
	{unicode.Lu, upper}, {unicode.Lt, upper}, {unicode.Ll, lower}, {unicode.Lm, plainLm}, {unicode.Lo, plainLm}, {unicode.M, mark},
	{unicode.Nd, digit}, {unicode.Nl, number}, {unicode.No, number}, {unicode.P, punct}, {unicode.S, sym},
	{unicode.White_Space, space}, {unicode.Han, han},
}

func init() {
	for _, t := range tables {
		for _, r := range t.of.R16 {
			for c := uint32(r.Lo); c <= uint32(r.Hi); c += uint32(r.Stride) {
				classes[c] |= t.class
			}
		}
		for _, r := range t.of.R32 {
			for c := r.Lo; c <= r.Hi && c < uint32(len(classes)); c += r.Stride {
				classes[c] |= t.class
			}
		}
	}
	classes['\r'] |= newline
	classes['\n'] |= newline
}

func classOf(r rune) class {
	if uint32(r) < uint32(len(classes)) {
		return classes[r]
	}
	var c class
	for _, t := range tables {
		if unicode.Is(t.of, r) {
			c |= t.class
		}
	}
	return c
}

// at is the class and the length of the character at i; 0 and 0 at the end. A byte that is no character has no class.
func at(s string, i int) (class, int) {
	if i >= len(s) {
		return 0, 0
	}
	if c := s[i]; c < utf8.RuneSelf {
		return classes[c], 1
	}
	r, n := utf8.DecodeRuneInString(s[i:])
	if r == utf8.RuneError && n == 1 {
		return 0, 1
	}
	return classOf(r), n
}

// runOf is the end of the run of characters of these classes that begins at i.
func runOf(s string, i int, in class) int {
	for {
		c, n := at(s, i)
		if c&in == 0 {
			return i
		}
		i += n
	}
}

// runNot is the end of the run of characters of none of these classes.
func runNot(s string, i int, out class) int {
	for i < len(s) {
		c, n := at(s, i)
		if c&out != 0 {
			return i
		}
		i += n
	}
	return i
}

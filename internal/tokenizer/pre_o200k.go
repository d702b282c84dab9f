package tokenizer

import (
	"strings"
	"unicode"
)

// The pattern of OpenAI's o200k. A word is capitals then small letters, contractions belong to it:
//
//	[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?
//	|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?
//	|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+
//
// llama.cpp comes near to it with patterns of its own, see atASCII and its relatives.
var (
	splitO200k = isolate(o200k(true, at, upTo(3, anyNum))...)
	splitASCII = isolate(o200k(true, atASCII, upTo(3, anyNum))...)
)

func o200k(contracted bool, of looked, digits match) []match {
	return []match{cased(contracted, of), digits, blankNot(letter|anyNum, "\r\n/"), newlines, trailing, spaces}
}

const (
	o200kCapital = `[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+`
	o200kSmall   = `[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*`
	o200kSuffix  = `(?i:'s|'t|'re|'ve|'m|'ll|'d)?`
	o200kRest    = `| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`
)

var shapeO200k = isolated(o200kCapital + o200kSuffix + "|" + o200kSmall + o200kSuffix + `|\p{N}{1,3}` + o200kRest)

var _ = register(pre{Names: []string{"gpt-4o", "kanana2", "talkie", "minimax-m2"}, Shape: shapeO200k, Split: splitter{splitASCII}, HF: splitter{splitO200k}})

var _ = register(pre{Names: []string{"llama4"}, Shape: shapeO200k, Split: splitter{splitASCII}, HF: splitter{splitO200k},
	Fits: func(e *evidence) bool { return e.token("<|begin_of_text|>") }})

var _ = register(pre{Names: []string{"granite-embed-multi-97m"}, IgnoreMerges: true,
	Split: splitter{isolate(o200k(true, atMarked, upTo(3, anyNum))...)}, HF: splitter{splitO200k}})

// Mistral's tekken: the same without contractions, each digit by itself.
var _ = register(pre{Names: []string{"tekken"}, Shape: isolated(o200kCapital + "|" + o200kSmall + `|\p{N}` + o200kRest),
	Split: splitter{isolate(o200k(false, atASCII, one(anyNum))...)}, HF: splitter{isolate(o200k(false, at, one(anyNum))...)}, IgnoreMerges: true, AddBOS: true})

// Tiny Aya: digits by threes from the right, where the number is a word of its own; llama.cpp does so everywhere.
var _ = register(pre{Names: []string{"tiny_aya", "cohere2moe"}, HF: splitter{isolate(alignedDigits), splitO200k},
	Split: splitter{isolate(run(anyNum)), rightTriples(anyNum), isolate(o200k(true, atCaseless, upTo(3, anyNum))...)},
	Shape: strings.TrimSuffix(isolated(`\d{1,3}(?=(?:\d{3})*\b)`), "bytes") + shapeO200k})

// alignedDigits is \d{1,3}(?=(?:\d{3})*\b)
func alignedDigits(s string, i int) int {
	var ends [3]int
	n, j := 0, i
	for {
		c, size := at(s, j)
		if c&digit == 0 {
			break
		}
		j += size
		if n < 3 {
			ends[n] = j
		}
		n++
	}
	if n == 0 {
		return i
	}
	if r, _ := decode(s, j); r >= 0 && joins(r) {
		return i
	}
	if n <= 3 {
		return j
	}
	return ends[(n+2)%3]
}

// joins reports whether there is no word boundary between a digit and r, as Oniguruma sees it: ² and the other
// numbers of Latin-1 are characters of words to it, ① and its like are not.
func joins(r rune) bool {
	return classOf(r)&(letter|mark|digit) != 0 || unicode.In(r, unicode.Pc, unicode.Nl) || r < 0x100 && unicode.Is(unicode.No, r)
}

// Youtu: Hangul, East Asian punctuation, Bopomofo and Chinese with kana first.
var _ = register(pre{Names: []string{"youtu"}, IgnoreMerges: true,
	Split: splitter{eastFirst, isolate(o200k(true, atCaseless, one(anyNum))...)}, HF: splitter{eastFirst, isolate(o200k(true, at, one(anyNum))...)}})

var eastFirst = isolate(runesIn(`가-힣ㄱ-ㆎ`), runesIn(`！…“”‘’—：；，、-〿︰-﹏`), runesIn(`ㄅ-ㄯ`), runesIn(`一-龥぀-ゟ゠-ヿ`))

// Kimi K2: runs of Chinese characters, which are then no part of other words. llama.cpp knows no case here, and no marks.
var _ = register(pre{Names: []string{"kimi-k2"},
	Split: splitter{isolate(run(han), cased(true, atLetters), upTo(3, anyNum), blankNot(letter|anyNum, "\r\n"), newlines, trailing, spaces)},
	HF:    splitter{isolate(run(han), cased(true, atNoHan), upTo(3, anyNum), blankNot(letter|anyNum, "\r\n"), newlines, trailing, spaces)}})

// The four ways in which llama.cpp comes near to o200k's words: only letters of ASCII have case and marks are no letters;
// the same, with marks; nothing has case; nothing has case and neither marks nor Chinese characters are letters.

func atASCII(s string, i int) (class, int) {
	c, n := atMarked(s, i)
	return c &^ mark, n
}

func atMarked(s string, i int) (class, int) {
	c, n := at(s, i)
	if n > 1 && c&letter != 0 {
		c = c&^letter | plainLm
	}
	return c, n
}

func atCaseless(s string, i int) (class, int) {
	c, n := at(s, i)
	if c&letter != 0 {
		c = c&^letter | plainLm
	}
	return c, n
}

func atLetters(s string, i int) (class, int) {
	c, n := atCaseless(s, i)
	if c&han != 0 {
		c = 0
	}
	return c &^ mark, n
}

package tokenizer

import "unicode/utf8"

// Arcee's AFMoE: numbers by threes from the right, runs of Asian scripts, then DeepSeek-V3's words.
var _ = register(pre{Names: []string{"afmoe"}, Split: splitter{isolate(run(anyNum)), rightTriples(anyNum),
	isolate(runesIn(`一-鿿㐀-䶿豈-﫿぀-ゟ゠-ヿ･-ﾟ⼀-⿟เ-๿຀-໿ក-៿က-႟ꩠ-ꩿꧠ-꧿가-힯ᄀ-ᇿ`)), isolate(deepseekV3...)}})

// SuperBPE: numbers, and those by threes from the right: \p{N}+ then (?=(\d{3})+(?!\d)).
var _ = register(pre{Names: []string{"superbpe"}, Split: splitter{isolate(run(anyNum)), rightTriples(digit)}})

// rightTriples cuts before every place that a multiple of three of a class, and then none, follows.
func rightTriples(of class) step {
	return func(ends []int, s string, base int) []int {
		for i := 0; i < len(s); {
			e := runOf(s, i, of)
			if e == i {
				i += runeLen(s[i:])
				continue
			}
			left := utf8.RuneCountInString(s[i:e])
			for k := range s[i:e] {
				if left%3 == 0 && i+k > 0 {
					ends = append(ends, base+i+k)
				}
				left--
			}
			i = e
		}
		if len(s) > 0 {
			ends = append(ends, base+len(s))
		}
		return ends
	}
}

// Spark 2.5 is near to DeepSeek-V3: line breaks and digits stand by themselves.
var _ = register(pre{Names: []string{"spark2_5"}, Split: splitter{isolate(upTo(3, anyNum)), isolate(runesIn(`一-龥぀-ゟ゠-ヿ`)),
	isolate(punctWord, prefixed(letter|punct|sym, letter|mark), blankRun(punct|sym, ""), one(newline), trailing, spaces), isolate(one(anyNum))}})

package tokenizer

// DeepSeek-Coder: five patterns, one after the other.
var _ = register(pre{Names: []string{"deepseek-coder"},
	Shape: isolated(`[\r\n]`, `\s?\p{L}+`, `\s?\p{P}+`, `[`+easternSet+`]+`, `\p{N}`),
	Split: splitter{isolate(one(newline)), isolate(afterSpace(run(letter))), isolate(afterSpace(run(punct))),
		isolate(runesIn(easternSet)), isolate(one(anyNum))}})

const easternSet = `一-龥ࠀ-一가-퟿`

// DeepSeek-LLM spells out the letters that have case, as Unicode 11 or so had them, and leaves the others to a later step.
// They are written as numbers because some of them are not the same after composing.
const (
	casedSet = "A-Za-z\u00b5\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u01ba\u01bc-\u01bf\u01c4-\u0293\u0295-\u02af\u0370-\u0373\u0376\u0377" +
		"\u037b-\u037d\u037f\u0386\u0388-\u038a\u038c\u038e-\u03a1\u03a3-\u03f5\u03f7-\u0481\u048a-\u052f\u0531-\u0556" +
		"\u10a0-\u10c5\u13a0-\u13f5\u13f8-\u13fd\u1c90-\u1cba\u1cbd-\u1cbf\u1d00-\u1d2b\u1d6b-\u1d77\u1d79-\u1d9a\u1e00-\u1f15" +
		"\u1f18-\u1f1d\u1f20-\u1f45\u1f48-\u1f4d\u1f50-\u1f57\u1f59\u1f5b\u1f5d\u1f5f-\u1f7d\u1f80-\u1fb4\u1fb6-\u1fbc\u1fbe" +
		"\u1fc2-\u1fc4\u1fc6-\u1fcc\u1fd0-\u1fd3\u1fd6-\u1fdb\u1fe0-\u1fec\u1ff2-\u1ff4\u1ff6-\u1ffc\u2102\u2107\u210a-\u2113" +
		"\u2115\u2119-\u211d\u2124\u2126\u2128\u212a-\u212d\u212f-\u2134\u2139\u213c-\u213f\u2145-\u2149\u214e\u2183\u2184" +
		"\u2c00-\u2c7b\u2c7e-\u2ce4\u2ceb-\u2cee\u2cf2\u2cf3\ua640-\ua66d\ua680-\ua69b\ua722-\ua76f\ua771-\ua787\ua78b-\ua78e" +
		"\uab70-\uabbf\ufb00-\ufb06\ufb13-\ufb17\uff21-\uff3a\uff41-\uff5a\U00010400-\U0001044f\U000104b0-\U000104d3" +
		"\U000104d8-\U000104fb\U00010c80-\U00010cb2\U00010cc0-\U00010cf2\U000118a0-\U000118df\U0001e900-\U0001e943"
	punctSet = `!-/:-~！-／：-～‘-‟　-。`
)

var _ = register(pre{Names: []string{"deepseek-llm"},
	Shape: isolated(`[\r\n]`, `\s?[`+casedSet+`]+`, `\s?[`+punctSet+`]+`, `\s+$`, `[`+easternSet+`]+`, `\p{N}+`),
	Split: splitter{isolate(one(newline)), isolate(afterSpace(runesIn(casedSet))), isolate(afterSpace(runesIn(punctSet))),
		isolate(lastSpaces), isolate(runesIn(easternSet)), isolate(run(anyNum))}})

// lastSpaces is \s+$
func lastSpaces(s string, i int) int {
	if e := spaces(s, i); e == len(s) {
		return e
	}
	return i
}

// DeepSeek-V3 and R1: digits by threes, Chinese and kana, then a pattern of its own:
//
//	[ASCII punctuation][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
var _ = register(pre{Names: []string{"deepseek-v3", "hunyuan-dense", "joyai-llm", "hy_v4"},
	Shape: isolated(`\p{N}{1,3}`, `[一-龥぀-ゟ゠-ヿ]+`,
		"[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"),
	Split: splitter{isolate(upTo(3, anyNum)), isolate(runesIn(`一-龥぀-ゟ゠-ヿ`)), isolate(deepseekV3...)}})

var deepseekV3 = []match{punctWord, prefixed(letter|punct|sym, letter|mark), blankRun(punct|sym, "\r\n"), newlines, trailing, spaces}

// punctWord is an ASCII punctuation mark or symbol with the ASCII letters after it.
func punctWord(s string, i int) int {
	c := s[i]
	if c <= ' ' || c >= 0x7f || asciiLetter(c) || c >= '0' && c <= '9' {
		return i
	}
	j := i + 1
	for j < len(s) && asciiLetter(s[j]) {
		j++
	}
	if j == i+1 {
		return i
	}
	return j
}

func asciiLetter(c byte) bool { c |= 0x20; return c >= 'a' && c <= 'z' }

package tokenizer

// DeepSeek-Coder: five patterns, one after the other.
var _ = register(pre{Names: []string{"deepseek-coder"},
	Shape: `isolated [\r\n]` + "\n" + `isolated \s?\p{L}+` + "\n" + `isolated \s?\p{P}+` + "\n" + `isolated [一-龥ࠀ-一가-퟿]+` + "\n" + `isolated \p{N}` + "\nbytes",
	Split: splitter{isolate(one(newline)), isolate(afterSpace(false, run(letter))), isolate(afterSpace(false, run(punct))),
		isolate(runesOf(eastern)), isolate(one(anyNum))}})

// eastern is [一-龥ࠀ-一가-퟿]
func eastern(r rune) bool {
	return r >= 0x0800 && r <= 0x9fa5 || r >= 0xac00 && r <= 0xd7ff
}

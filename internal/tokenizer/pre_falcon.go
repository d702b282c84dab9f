package tokenizer

// Falcon: punctuation, GPT-2's pattern, digits by threes from the left. In its tokenizer.json a step before the last takes
// digits out of what is by then spelled in the byte-level alphabet, where six bytes above 0x7f look like digits; llama.cpp
// has no such step.
var _ = register(pre{Names: []string{"falcon"}, Shape: "punctuation\n" + isolated(patternGPT2) + "\ndigits\nisolated [0-9][0-9][0-9]",
	Split: splitter{isolate(runesOf(falconPunct)), splitGPT2, isolate(threeDigits)},
	HF:    splitter{isolate(runesOf(falconPunct)), splitGPT2, byteDigits, isolate(threeDigits)}})

// falconPunct is [\p{P}\$\+<=>\^~\|`]
func falconPunct(r rune) bool {
	return r >= 0 && (classOf(r)&punct != 0 || r < 0x7f && has("$+<=>^~|`", byte(r)))
}

// threeDigits is [0-9][0-9][0-9]
func threeDigits(s string, i int) int {
	for j := i; j < i+3; j++ {
		if j >= len(s) || s[j] < '0' || s[j] > '9' {
			return i
		}
	}
	return i + 3
}

// byteDigits cuts out runs of bytes that are digits in the byte-level alphabet: besides 0 to 9 those of ² ³ ¹ ¼ ½ ¾.
func byteDigits(ends []int, s string, base int) []int {
	is := func(c byte) bool {
		return c >= '0' && c <= '9' || c == 0xb2 || c == 0xb3 || c == 0xb9 || c >= 0xbc && c <= 0xbe
	}
	for i := 1; i < len(s); i++ {
		if is(s[i]) != is(s[i-1]) {
			ends = append(ends, base+i)
		}
	}
	if len(s) > 0 {
		ends = append(ends, base+len(s))
	}
	return ends
}

// What llama.cpp does for want of a name.
var _ = register(pre{Names: []string{"default"},
	Split: splitter{isolate(runesOf(func(r rune) bool { return r != '`' && falconPunct(r) })), splitGPT2, isolate(run(anyNum)), isolate(threeDigits)}})

package tokenizer

// Qwen 2's pattern is Llama 3's with each digit by itself.
var splitQwen2 = splitter{isolate(cl100k(one(anyNum))...)}

var shapeQwen2 = isolated(anyContractionPattern + `|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}` + cl100kRest)

var _ = register(pre{Names: []string{"qwen2", "kormo", "f2llmv2", "megrez", "hunyuan", "solar-open", "grok-2"}, Shape: shapeQwen2, Split: splitQwen2})

var _ = register(pre{Names: []string{"deepseek-r1-qwen"}, Shape: shapeQwen2, Split: splitQwen2,
	Fits: func(e *evidence) bool { return e.token("<｜begin▁of▁sentence｜>") }})

var _ = register(pre{Names: []string{"stablelm2"}, Shape: shapeQwen2, Split: splitQwen2,
	Fits: func(e *evidence) bool { return e.modelType == "stablelm" }})

// Qwen 3.5: marks belong to the letters that they are on.
var _ = register(pre{Names: []string{"qwen35"},
	Shape: isolated(anyContractionPattern + `|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`),
	Split: splitter{isolate(anyContraction, prefixed(letter|anyNum, letter|mark), one(anyNum), blankNot(letter|mark|anyNum, "\r\n"), newlines, trailing, spaces)}})

// Ling's spelling of the same words, with possessive quantifiers that change nothing here.
var _ = register(pre{Names: []string{"bailingmoe", "bailingmoe2", "llada-moe"}, Split: splitQwen2,
	Shape: isolated(`'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+`)})

// Seed-Coder: line breaks do not belong to the punctuation before them.
var _ = register(pre{Names: []string{"seed-coder"},
	Shape: isolated(anyContractionPattern + `|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|\s+(?!\S)|\s+`),
	Split: splitter{isolate(anyContraction, prefixed(letter|anyNum, letter), one(anyNum), blankNot(letter|anyNum, ""), newlines, trailing, spaces)}})

// Turkish suffixes stay with the apostrophe before them.
var _ = register(pre{Names: []string{"ufakzeka"}, Shape: isolated(`[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}` + cl100kRest),
	Split: splitter{isolate(cl100k(one(anyNum))[1:]...)}})

// K-EXAONE: a word goes on across single blanks.
var _ = register(pre{Names: []string{"exaone-moe"},
	Shape: isolated(anyContractionPattern + `|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+`),
	Split: splitter{isolate(anyContraction, acrossBlanks, one(anyNum), oneOfTail(blankNot(letter|anyNum, ""), "\r\n/"), newlines, trailing, spaces)}})

// acrossBlanks is [^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+
func acrossBlanks(s string, i int) int {
	c, n := at(s, i)
	j := i
	if c&letter == 0 {
		if c&(newline|anyNum) != 0 {
			return i
		}
		j += n
		if c, _ = at(s, j); c&letter == 0 {
			return i
		}
	}
	for {
		j = runOf(s, j, letter|mark)
		if j >= len(s) || s[j] != ' ' {
			return j
		}
		if c, _ := at(s, j+1); c&letter == 0 {
			return j
		}
		j++
	}
}

// oneOfTail is m and one of the characters in tail, if it follows.
func oneOfTail(m match, tail string) match {
	return func(s string, i int) int {
		e := m(s, i)
		if e > i && e < len(s) && has(tail, s[e]) {
			e++
		}
		return e
	}
}

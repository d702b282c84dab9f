package tokenizer

// Llama 3's pattern, which is that of OpenAI's cl100k:
//
//	(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
var splitLlama3 = splitter{isolate(cl100k(upTo(3, anyNum))...)}

const shapeLlama3 = `isolated (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+` + "\nbytes"

// cl100k is the pattern with digits taken in one or another way.
func cl100k(digits match) []match {
	return []match{anyContraction, prefixed(letter|anyNum, letter), digits, blankNot(letter|anyNum, "\r\n", unlimited), newlines, trailing, spaces}
}

var _ = register(pre{Names: []string{"llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2", "jina-v5-nano"},
	Shape: shapeLlama3, Split: splitLlama3, IgnoreMerges: true, AddBOS: true,
	Fits: func(e *evidence) bool { return e.ignoreMerges && !e.token("[gMASK]") }})

// The same words, but every word is merged.
var _ = register(pre{Names: []string{"dbrx", "smaug-bpe"}, Shape: shapeLlama3, Split: splitLlama3})

var _ = register(pre{Names: []string{"chatglm-bpe"}, Shape: shapeLlama3, Split: splitLlama3,
	Fits: func(e *evidence) bool { return e.token("[gMASK]") && !e.ignoreMerges }})

var _ = register(pre{Names: []string{"glm4", "glm5"}, Split: splitLlama3, IgnoreMerges: true, Shape: shapeLlama3,
	Fits: func(e *evidence) bool { return e.token("[gMASK]") && e.ignoreMerges }})

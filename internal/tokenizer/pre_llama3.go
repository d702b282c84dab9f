package tokenizer

// Llama 3's pattern, which is that of OpenAI's cl100k:
//
//	(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
var splitLlama3 = splitter{isolate(cl100k(upTo(3, anyNum))...)}

const (
	anyContractionPattern = `(?i:'s|'t|'re|'ve|'m|'ll|'d)`
	cl100kRest            = `| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
)

var shapeLlama3 = isolated(anyContractionPattern + `|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}` + cl100kRest)

// cl100k is the pattern with digits taken in one or another way.
func cl100k(digits match) []match {
	return []match{anyContraction, prefixed(letter|anyNum, letter), digits, blankNot(letter|anyNum, "\r\n"), newlines, trailing, spaces}
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

// MiniCPM 5 takes digits by threes first.
var _ = register(pre{Names: []string{"minicpm5"}, IgnoreMerges: true,
	Shape: isolated(`\p{N}{1,3}`, anyContractionPattern+`|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}+`+cl100kRest),
	Split: splitter{isolate(upTo(3, anyNum)), isolate(cl100k(run(anyNum))...)}})

// Jais 2 cuts white space into powers of two.
var _ = register(pre{Names: []string{"jais-2"},
	Shape: isolated(anyContractionPattern + `|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|` +
		`\s{512}(?!\S)|\s{256}(?!\S)|\s{128}(?!\S)|\s{64}(?!\S)|\s{32}(?!\S)|\s{16}(?!\S)|\s{8}(?!\S)|\s{4}(?!\S)|\s{1,2}(?!\S)|\s{1}`),
	Split: splitter{isolate(anyContraction, prefixed(letter|anyNum, letter), upTo(3, anyNum), blankNot(letter|anyNum, "\r\n"), newlines, cascade)}})

// cascade is \s{512}(?!\S)|\s{256}(?!\S)|…|\s{4}(?!\S)|\s{1,2}(?!\S)|\s{1}
func cascade(s string, i int) int {
	for _, k := range []int{512, 256, 128, 64, 32, 16, 8, 4, 2, 1} {
		e := i
		n := 0
		for n < k {
			c, size := at(s, e)
			if c&space == 0 {
				break
			}
			e += size
			n++
		}
		if c, size := at(s, e); n == k && (size == 0 || c&space != 0) {
			return e
		}
	}
	return one(space)(s, i)
}

package tokenizer

// Each digit by itself, then GPT-2's pattern.
var splitDigits = splitter{isolate(one(anyNum)), splitGPT2}

var shapeDigits = isolated(`\p{N}`, patternGPT2)

// SmolLM is the one that is left over: the others are told by a token that they have.
var _ = register(pre{Names: []string{"smollm"}, Shape: shapeDigits, Split: splitDigits})

var _ = register(pre{Names: []string{"starcoder", "codeshell", "exaone", "minerva-7b", "mellum2"}, Shape: shapeDigits, Split: splitDigits,
	Fits: func(e *evidence) bool { return e.token("<fim_prefix>") && !e.token("<fim_repo>") && !e.nfc }})

var _ = register(pre{Names: []string{"refact"}, Shape: shapeDigits, Split: splitDigits,
	Fits: func(e *evidence) bool { return e.token("<fim-prefix>") }})

var _ = register(pre{Names: []string{"command-r"}, Shape: shapeDigits, Split: splitDigits,
	Fits: func(e *evidence) bool { return e.nfc }})

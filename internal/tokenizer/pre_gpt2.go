package tokenizer

// GPT-2's own pattern, from which all others descend.
const patternGPT2 = `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`

var splitGPT2 = isolate(contraction, blankRun(letter, ""), blankRun(anyNum, ""), blankNot(letter|anyNum, ""), trailing, spaces)

var shapeGPT2 = isolated(patternGPT2)

var _ = register(pre{Names: []string{"gpt-2", "phi-2", "gigachat", "jina-es", "jina-de", "jina-v2-es", "jina-v2-de", "a.x-4.0",
	"mellum", "modern-bert", "exaone4", "mpt", "jais", "trillion", "granite-docling"}, Shape: shapeGPT2, Split: splitter{splitGPT2}})

// GPT-NeoX's tokenizer, which MPT and OLMo share, is GPT-2's after composing characters.
var _ = register(pre{Names: []string{"olmo"}, Shape: shapeGPT2, Split: splitter{splitGPT2},
	Fits: func(e *evidence) bool { return e.nfc }})

// RoBERTa puts a separator between two texts and begins every text with a blank.
var _ = register(pre{Names: []string{"roberta-bpe", "jina-v1-en", "jina-v2-code"}, Shape: shapeGPT2, Split: splitter{splitGPT2},
	Fits: func(e *evidence) bool { return e.token("<mask>") && e.token("</s>") }})

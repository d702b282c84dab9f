package tokenizer

// Qwen 2's pattern is Llama 3's with each digit by itself.
var splitQwen2 = splitter{isolate(cl100k(one(anyNum))...)}

const shapeQwen2 = `isolated (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+` + "\nbytes"

var _ = register(pre{Names: []string{"qwen2", "kormo", "f2llmv2", "megrez", "hunyuan", "solar-open", "grok-2"}, Shape: shapeQwen2, Split: splitQwen2})

var _ = register(pre{Names: []string{"deepseek-r1-qwen"}, Shape: shapeQwen2, Split: splitQwen2,
	Fits: func(e *evidence) bool { return e.token("<｜begin▁of▁sentence｜>") }})

var _ = register(pre{Names: []string{"stablelm2"}, Shape: shapeQwen2, Split: splitQwen2,
	Fits: func(e *evidence) bool { return e.modelType == "stablelm" }})

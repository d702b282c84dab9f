package tokenizer

// SentencePiece-like vocabularies in the form of merges: no words, but runs of line breaks stand by themselves.
var splitLines = splitter{isolate(lineOrBreaks)}

// lineOrBreaks is [^\n]+|[\n]+
func lineOrBreaks(s string, i int) int {
	breaks := s[i] == '\n'
	j := i
	for j < len(s) && (s[j] == '\n') == breaks {
		j++
	}
	return j
}

var _ = register(pre{Names: []string{"gemma4", "granite-embed-multi-311m"}, Split: splitLines, Chars: true, AddBOS: true, WholeBreaks: true})

var _ = register(pre{Names: []string{"sarvam-moe"}, Split: splitLines, Chars: true})

// Laguna: lines, then Qwen 2's words.
var _ = register(pre{Names: []string{"laguna"}, Split: append(splitter{isolate(lineOrBreaks)}, splitQwen2...)})

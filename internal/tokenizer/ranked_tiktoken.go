package tokenizer

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"strconv"
	"strings"
)

// The files of tiktoken's own form: a token in base64 and its rank, a line each (github.com/openai/tiktoken, load.py). The pre-tokenizer
// and the special tokens are those of the Python file that is published with the models: tokenization_qwen.py of Qwen 1,
// tokenization_hy.py of Hunyuan, tokenization_kimi.py of Kimi K2.
var (
	_ = registerRanked(ranked{File: "qwen.tiktoken", Pre: "qwen2", Read: tiktoken(func(f *folder, t *hfFile, next int) {
		t.named(t.named(next, "<|endoftext|>", "<|im_start|>", "<|im_end|>"), numbered("<|extra_#|>", 205)...)
	}), Text: map[string]string{"bos": "<|endoftext|>", "eos": "<|endoftext|>", "unk": "<|endoftext|>"}})

	_ = registerRanked(ranked{File: "hy.tiktoken", Pre: "hunyuan", Read: tiktoken(func(f *folder, t *hfFile, next int) {
		t.named(t.named(next, "<|endoftext|>", "<|startoftext|>", "<|bos|>", "<|eos|>", "<|pad|>"), numbered("<|extra_#|>", 205)...)
	}), Text: map[string]string{"bos": "<|bos|>", "eos": "<|eos|>", "pad": "<|pad|>"}})

	_ = registerRanked(ranked{File: "tiktoken.model", Pre: "kimi-k2", Read: tiktoken(func(f *folder, t *hfFile, next int) {
		names := map[int]string{}
		for _, a := range f.listed {
			names[a.ID] = a.Content
		}
		for id := next; id < next+256; id++ {
			if names[id] == "" {
				names[id] = "<|reserved_token_" + strconv.Itoa(id) + "|>"
			}
			t.special(id, names[id])
		}
	})})
)

// tiktoken reads such a file; rest adds the special tokens, the first of which has the id next.
func tiktoken(rest func(f *folder, t *hfFile, next int)) func(f *folder, data []byte) (*hfFile, error) {
	return func(f *folder, data []byte) (*hfFile, error) {
		var tokens []string
		lines := bufio.NewScanner(bytes.NewReader(data))
		lines.Buffer(nil, 4*longestRanked)
		for n := 1; lines.Scan(); n++ {
			line := strings.TrimSpace(lines.Text())
			if line == "" {
				continue
			}
			text, rank, _ := strings.Cut(line, " ")
			raw, err := base64.StdEncoding.DecodeString(text)
			if i, bad := strconv.Atoi(rank); err != nil || bad != nil || i != len(tokens) {
				return nil, corrupt("line %d, %.60q, is not a token in base64 and the rank %d", n, line, len(tokens))
			}
			tokens = append(tokens, string(raw))
		}
		if err := lines.Err(); err != nil {
			return nil, corrupt("%v", err)
		}
		t, err := newRanked(tokens, 0)
		if err == nil {
			rest(f, t, len(tokens))
		}
		return t, err
	}
}

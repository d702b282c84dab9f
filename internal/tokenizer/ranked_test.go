package tokenizer

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// tinyRanks are the bytes and some tokens in an order in which merging by the leftmost pair and by the parts' ranks differ.
func tinyRanks() (tokens []string) {
	for b := range 256 {
		tokens = append(tokens, string([]byte{byte(b)}))
	}
	return append(tokens, "th", " t", "he", "in", "aa", "the", " the", "aaa", "er", "ing", "aaaa", "12", "é", "thing", "\xe6\x97", "日")
}

func tiktokenFile(tokens []string) string {
	var b strings.Builder
	for i, t := range tokens {
		fmt.Fprintf(&b, "%s %d\n", base64.StdEncoding.EncodeToString([]byte(t)), i)
	}
	return b.String()
}

func tekkenFile(tokens []string, specials int, change func(file map[string]any)) string {
	var vocab []map[string]any
	for i, t := range tokens {
		vocab = append(vocab, map[string]any{"rank": i, "token_bytes": base64.StdEncoding.EncodeToString([]byte(t)), "token_str": nil})
	}
	file := map[string]any{"vocab": vocab, "config": map[string]any{"pattern": o200kCapital + "|" + o200kSmall + `|\p{N}` + o200kRest,
		"default_vocab_size": len(tokens) + specials, "default_num_special_tokens": specials, "version": "v3"}}
	if change != nil {
		change(file)
	}
	text, _ := json.Marshal(file)
	return string(text)
}

func files(of map[string]string) func(string) ([]byte, error) {
	return func(name string) ([]byte, error) {
		if text, ok := of[name]; ok {
			return []byte(text), nil
		}
		return nil, fs.ErrNotExist
	}
}

// rankedNaively is tiktoken's algorithm as it is told: the whole word, else the leftmost pair of the smallest rank, until there is none.
func rankedNaively(word string, ranks map[string]int32) (ids []int32) {
	if id, ok := ranks[word]; ok {
		return []int32{id}
	}
	var parts []string
	for i := range len(word) {
		parts = append(parts, word[i:i+1])
	}
	for {
		best, at := int32(1<<30), -1
		for i := 0; i+1 < len(parts); i++ {
			if r, ok := ranks[parts[i]+parts[i+1]]; ok && r < best {
				best, at = r, i
			}
		}
		if at < 0 {
			break
		}
		parts = slices.Replace(parts, at, at+2, parts[at]+parts[at+1])
	}
	for _, p := range parts {
		ids = append(ids, ranks[p])
	}
	return ids
}

// A ranked vocabulary makes tiktoken's tokens of words, and a GGUF of it the same where runs of one letter do not tell merging by pairs.
func TestRanked(t *testing.T) {
	tokens := tinyRanks()
	for _, kind := range []struct{ file, text, pre string }{
		{"qwen.tiktoken", tiktokenFile(tokens), "qwen2"}, {"hy.tiktoken", tiktokenFile(tokens), "hunyuan"},
		{"tiktoken.model", tiktokenFile(tokens), "kimi-k2"}, {"tekken.json", tekkenFile(tokens, 30, nil), "tekken"},
	} {
		tok, err := LoadHF(files(map[string]string{kind.file: kind.text}), HFOptions{})
		if err != nil {
			t.Fatalf("%s: %v", kind.file, err)
		}
		v := tok.Vocab()
		first := slices.Index(v.Types, Normal)
		ranks := map[string]int32{}
		for i, s := range tokens {
			ranks[s] = int32(i + first)
		}
		if v.Pre != kind.pre || v.Model != "gpt2" || first != map[bool]int{true: 30}[kind.file == "tekken.json"] {
			t.Errorf("%s: %s %s, the first token is %d", kind.file, v.Model, v.Pre, first)
		}
		gguf, err := FromVocab(v)
		if err != nil {
			t.Fatalf("%s: %v", kind.file, err)
		}
		for _, text := range []string{"the thing", "thing", "other  inner\n", "aaaaaaa", "aaaaa", "12 é日本", "\x00\xff"} {
			var want []int32
			ends, _ := tok.split.words(nil, nil, text)
			from := 0
			for _, to := range ends {
				want = append(want, rankedNaively(text[from:to], ranks)...)
				from = to
			}
			if got := tok.Encode(text, Options{}); !slices.Equal(got, want) {
				t.Errorf("%s: %q is %v, want %v", kind.file, text, got, want)
			}
			if got := gguf.Encode(text, Options{}); !slices.Equal(got, want) && !strings.Contains(text, "aaaa") {
				t.Errorf("%s: %q is %v from GGUF, want %v", kind.file, text, got, want)
			}
			if back := string(tok.Decode(want)); back != text {
				t.Errorf("%s: %q comes back as %q", kind.file, text, back)
			}
		}
	}
}

// Special tokens come from the file, or from the code that is published beside it; a runtime is told what is put before a text.
func TestRankedSpecials(t *testing.T) {
	tokens := tinyRanks()
	load := func(of map[string]string) *Tokenizer {
		t.Helper()
		tok, err := LoadHF(files(of), HFOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return tok
	}
	v := load(map[string]string{"tekken.json": tekkenFile(tokens, 30, nil)}).Vocab()
	if v.BOS != 1 || v.EOS != 2 || v.UNK != 0 || v.PAD != 11 || !is(v.AddBOS, false) || is(v.AddEOS, true) || v.Tokens[29] != "<SPECIAL_29>" || v.Tokens[16] != "[SUFFIX]" {
		t.Errorf("tekken: %d %d %d %d %v %v %q", v.BOS, v.EOS, v.UNK, v.PAD, v.AddBOS, v.AddEOS, v.Tokens[:30])
	}
	listed := load(map[string]string{"tekken.json": tekkenFile(tokens, 4, func(f map[string]any) {
		f["special_tokens"] = []map[string]any{{"rank": 2, "token_str": "<s>"}, {"rank": 0, "token_str": "</s>"}}
	})})
	if v := listed.Vocab(); v.BOS != 2 || v.EOS != 0 || v.PAD != -1 || v.Tokens[1] != "<SPECIAL_1>" {
		t.Errorf("tekken, listed: %d %d %d %q", v.BOS, v.EOS, v.PAD, v.Tokens[:4])
	}
	if ids := listed.Encode("x", Options{AddSpecial: true}); len(ids) != 2 || ids[0] != 2 {
		t.Errorf("tekken puts %v", ids)
	}
	n := len(tokens)
	if v := load(map[string]string{"qwen.tiktoken": tiktokenFile(tokens)}).Vocab(); v.BOS != n || v.EOS != n || v.Tokens[n+2] != "<|im_end|>" || v.Tokens[n+207] != "<|extra_204|>" || len(v.Tokens) != n+208 {
		t.Errorf("qwen: %d %d, %d tokens", v.BOS, v.EOS, len(v.Tokens))
	}
	kimi := load(map[string]string{"tiktoken.model": tiktokenFile(tokens), "tokenizer_config.json": `{"bos_token": "[BOS]", "eos_token": "[EOS]",
		"added_tokens_decoder": {"` + strconv.Itoa(n) + `": {"content": "[BOS]", "special": true}, "` + strconv.Itoa(n+1) + `": {"content": "[EOS]", "special": true}}}`})
	if v := kimi.Vocab(); v.BOS != n || v.EOS != n+1 || v.Tokens[n+255] != fmt.Sprintf("<|reserved_token_%d|>", n+255) || len(v.Tokens) != n+256 {
		t.Errorf("kimi: %d %d, %d tokens", v.BOS, v.EOS, len(v.Tokens))
	}
}

// A token that cannot be made of two others is noted; one that a file repeats, or leaves out, is refused.
func TestRankedFaults(t *testing.T) {
	tokens := tinyRanks()
	tok, err := LoadHF(files(map[string]string{"qwen.tiktoken": tiktokenFile(append(slices.Clone(tokens), "xyz"))}), HFOptions{})
	if err != nil || len(tok.Vocab().Notes) != 1 || !strings.HasPrefix(tok.Vocab().Notes[0], "1 tokens") {
		t.Errorf("unmade: %v", err)
	}
	long := strings.Repeat("x", longestRanked+1)
	for name, of := range map[string]map[string]string{
		"twice":      {"qwen.tiktoken": tiktokenFile(append(slices.Clone(tokens), "the"))},
		"a gap":      {"qwen.tiktoken": "AA== 0\nAQ== 2\n"},
		"no base64":  {"tiktoken.model": "!! 0\n"},
		"too long":   {"hy.tiktoken": tiktokenFile(append(slices.Clone(tokens), long))},
		"too few":    {"tekken.json": tekkenFile(tokens, 30, nil), "config.json": `{"vocab_size": 100000}`},
		"rank":       {"tekken.json": tekkenFile(tokens, 30, func(f map[string]any) { f["special_tokens"] = []map[string]any{{"rank": 30, "token_str": "x"}} })},
		"no pattern": {"tekken.json": tekkenFile(tokens, 30, func(f map[string]any) { f["config"].(map[string]any)["pattern"] = "." })},
		"not JSON":   {"tekken.json": "{"},
	} {
		if _, err := LoadHF(files(of), HFOptions{}); !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrUnsupported) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

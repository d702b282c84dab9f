package tokenizer

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
)

// tekken.json is Mistral's: special tokens first, then the ranked ones, of which a model may have fewer than the file
// (github.com/mistralai/mistral-common, tekken.py).
var _ = registerRanked(ranked{File: "tekken.json", Read: readTekken, Text: map[string]string{"bos": "<s>", "eos": "</s>", "unk": "<unk>", "pad": "<pad>"}})

// tekkenSpecials are the first special tokens of files that do not list them (before version 7 of the format).
var tekkenSpecials = []string{"<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_RESULTS]", "[/TOOL_RESULTS]",
	"[TOOL_CALLS]", "[IMG]", "<pad>", "[IMG_BREAK]", "[IMG_END]", "[PREFIX]", "[MIDDLE]", "[SUFFIX]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[TOOL_CONTENT]"}

func readTekken(f *folder, data []byte) (*hfFile, error) {
	var file struct {
		Config struct {
			Pattern  string
			Size     int `json:"default_vocab_size"`
			Specials int `json:"default_num_special_tokens"`
		}
		Vocab []struct {
			Rank  int
			Bytes string `json:"token_bytes"`
		}
		Specials []struct {
			Rank int
			Text string `json:"token_str"`
		} `json:"special_tokens"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, corrupt("%v", err)
	}
	c := file.Config
	size := c.Size
	if model := max(f.opt.VocabSize, f.number("vocab_size")); model > 0 {
		size = model
	}
	n := size - c.Specials
	switch {
	case c.Specials < len(file.Specials) || c.Specials > highestID || size > highestID || n < 256 || n > len(file.Vocab):
		return nil, corrupt("%d tokens of which %d are special are not in the file, which has %d and %d", size, c.Specials, len(file.Vocab), len(file.Specials))
	case len(file.Specials) == 0 && c.Specials < len(tekkenSpecials):
		return nil, corrupt("%d special tokens, there are at least %d", c.Specials, len(tekkenSpecials))
	}
	tokens := make([]string, n)
	for i := range tokens {
		raw, err := base64.StdEncoding.DecodeString(file.Vocab[i].Bytes)
		if err != nil || file.Vocab[i].Rank != i {
			return nil, corrupt("token %d, %.60q, is not in base64, or not of this rank", i, file.Vocab[i].Bytes)
		}
		tokens[i] = string(raw)
	}
	t, err := newRanked(tokens, c.Specials)
	if err != nil {
		return nil, err
	}
	texts := make([]string, c.Specials)
	copy(texts, tekkenSpecials)
	if len(file.Specials) > 0 {
		clear(texts)
	}
	for _, s := range file.Specials {
		if s.Rank < 0 || s.Rank >= len(texts) {
			return nil, corrupt("the special token %q has the rank %d of %d", s.Text, s.Rank, len(texts))
		}
		texts[s.Rank] = s.Text
	}
	for i, text := range texts {
		if text == "" {
			text = fmt.Sprintf("<SPECIAL_%d>", i)
		}
		t.special(i, text)
	}
	t.IgnoreMerges = true
	t.splitBy(c.Pattern)
	t.begin("<s>")
	f.say("add_eos_token", "false")
	return t, nil
}

// begin puts a special token before every text.
func (t *hfFile) begin(text string) {
	for _, a := range t.Added {
		if a.Content == text {
			t.Post = &node{Type: "TemplateProcessing", SpecialTokens: map[string]struct{ IDs []int }{text: {[]int{a.ID}}},
				Single: []templatePiece{{SpecialToken: &struct{ ID string }{text}}, {Sequence: &struct{ ID string }{"A"}}}}
		}
	}
}

// say sets what tokenizer_config.json leaves open.
func (f *folder) say(key, value string) {
	if _, ok := f.settings[key]; ok {
		return
	}
	if f.settings == nil {
		f.settings = map[string]json.RawMessage{}
	}
	f.settings[key] = json.RawMessage(value)
}

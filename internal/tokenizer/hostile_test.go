package tokenizer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"strings"
	"testing"
)

// filesOf is a folder in memory.
func filesOf(files map[string]string) func(string) ([]byte, error) {
	return func(name string) ([]byte, error) {
		s, ok := files[name]
		if !ok {
			return nil, fs.ErrNotExist
		}
		return []byte(s), nil
	}
}

// tiny is a small byte-level tokenizer.json; the model's part comes from vocab and merges, the rest follows it.
func tiny(vocab, merges, rest string) string {
	return `{"version":"1.0","added_tokens":[{"id":4,"content":"<|end|>","special":true}],
	"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false,"use_regex":true},
	"model":{"type":"BPE","vocab":` + vocab + `,"merges":` + merges + `}` + rest + `}`
}

const tinyVocab = `{"a":0,"b":1,"ab":2,"\u0120":3}`

func TestHostileJSON(t *testing.T) {
	many := strings.Repeat(`{"type":"Replace","pattern":{"String":"a"},"content":"aaaaaaaa"},`, 20)
	for name, c := range map[string]struct {
		json string
		size int
		kind error
	}{
		"sound":                    {tiny(tinyVocab, `["a b"]`, ""), 0, nil},
		"pairs":                    {tiny(tinyVocab, `[["a","b"]]`, ""), 0, nil},
		"empty":                    {"", 0, ErrCorrupt},
		"no object":                {"[]", 0, ErrCorrupt},
		"cut off":                  {tiny(tinyVocab, `["a b"]`, "")[:200], 0, ErrCorrupt},
		"no model":                 {`{"version":"1.0"}`, 0, ErrCorrupt},
		"model is no object":       {`{"model":7}`, 0, ErrCorrupt},
		"empty vocabulary":         {tiny(`{}`, `[]`, ""), 0, ErrCorrupt},
		"negative id":              {tiny(`{"a":-1}`, `[]`, ""), 0, ErrCorrupt},
		"huge id":                  {tiny(`{"a":9000000}`, `[]`, ""), 0, ErrCorrupt},
		"beyond huge":              {tiny(`{"a":99999999999999999999}`, `[]`, ""), 0, ErrCorrupt},
		"id is no number":          {tiny(`{"a":"b"}`, `[]`, ""), 0, ErrCorrupt},
		"one id twice":             {tiny(`{"a":0,"b":0}`, `[]`, ""), 0, ErrCorrupt},
		"id beyond the model's":    {tiny(tinyVocab, `[]`, ""), 2, ErrCorrupt},
		"giant vocab_size":         {tiny(tinyVocab, `[]`, ""), math.MaxInt32, ErrCorrupt},
		"merge of unknown tokens":  {tiny(tinyVocab, `["b a"]`, ""), 0, ErrCorrupt},
		"merge of one part":        {tiny(tinyVocab, `["ab"]`, ""), 0, ErrCorrupt},
		"merge of three parts":     {tiny(tinyVocab, `[["a","b","a"]]`, ""), 0, ErrCorrupt},
		"merge of numbers":         {tiny(tinyVocab, `[[1,2]]`, ""), 0, ErrCorrupt},
		"template of no token":     {tiny(tinyVocab, `[]`, `,"post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"x"}},{"Sequence":{"id":"A"}}],"special_tokens":{"x":{"ids":[77]}}}`), 0, ErrCorrupt},
		"negative template":        {tiny(tinyVocab, `[]`, `,"post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"x"}},{"Sequence":{"id":"A"}}],"special_tokens":{"x":{"ids":[-1]}}}`), 0, ErrCorrupt},
		"unknown post-processor":   {tiny(tinyVocab, `[]`, `,"post_processor":{"type":"Mystery"}`), 0, ErrUnsupported},
		"unknown normalizer":       {tiny(tinyVocab, `[]`, `,"normalizer":{"type":"Mystery"}`), 0, ErrUnsupported},
		"exploding normalizer":     {tiny(tinyVocab, `[]`, `,"normalizer":{"type":"Sequence","normalizers":[`+many+`{"type":"NFC"}]}`), 0, ErrUnsupported},
		"replacing nothing":        {tiny(tinyVocab, `[]`, `,"normalizer":{"type":"Replace","pattern":{"String":""},"content":"x"}`), 0, ErrUnsupported},
		"unigram of merges":        {`{"model":{"type":"Unigram","vocab":{"a":0}}}`, 0, ErrCorrupt},
		"unigram, no number":       {`{"model":{"type":"Unigram","vocab":[["a","b"]]}}`, 0, ErrCorrupt},
		"unigram, three parts":     {`{"model":{"type":"Unigram","vocab":[["a",1,2]]}}`, 0, ErrCorrupt},
		"unigram, unknown beyond":  {`{"model":{"type":"Unigram","unk_id":1,"vocab":[["a",1]]}}`, 0, ErrCorrupt},
		"unigram, piece twice":     {`{"model":{"type":"Unigram","vocab":[["a",1],["a",2]]}}`, 0, ErrCorrupt},
		"a list of merges":         {`{"model":{"type":"BPE","vocab":[["a",1]]}}`, 0, ErrCorrupt},
		"a table that is no text":  {`{"normalizer":{"type":"Precompiled","precompiled_charsmap":"*"},"model":{"type":"Unigram","vocab":[["a",1]]}}`, 0, ErrCorrupt},
		"a table cut off":          {`{"normalizer":{"type":"Precompiled","precompiled_charsmap":"BAAAAAE="},"model":{"type":"Unigram","vocab":[["a",1]]}}`, 0, ErrCorrupt},
		"wordpiece, other words":   {`{"pre_tokenizer":{"type":"WhitespaceSplit"},"model":{"type":"WordPiece","continuing_subword_prefix":"##","vocab":{"a":0}}}`, 0, ErrUnsupported},
		"wordpiece, no mark":       {`{"pre_tokenizer":{"type":"BertPreTokenizer"},"model":{"type":"WordPiece","vocab":{"a":0}}}`, 0, ErrUnsupported},
		"words":                    {`{"model":{"type":"WordLevel","vocab":{"a":0}}}`, 0, ErrUnsupported},
		"marked subwords":          {`{"model":{"type":"BPE","end_of_word_suffix":"</w>","vocab":{"a":0},"merges":[]}}`, 0, ErrUnsupported},
		"neither bytes nor words":  {strings.Replace(tiny(tinyVocab, `[]`, ""), `{"type":"ByteLevel",`, `{"type":"Split","pattern":{"Regex":"\\p{Greek}+"},"behavior":"Isolated","x":{},`, 1), 0, ErrUnsupported},
		"split without a pattern":  {strings.Replace(tiny(tinyVocab, `[]`, ""), `{"type":"ByteLevel",`, `{"type":"Split",`, 1), 0, ErrCorrupt},
		"deeply nested":            {tiny(tinyVocab, `[]`, `,"decoder":`+strings.Repeat("[", 50000)), 0, ErrCorrupt},
		"added token without room": {strings.Replace(tiny(tinyVocab, `[]`, ""), `"id":4`, `"id":-4`, 1), 0, ErrCorrupt},
	} {
		t.Run(name, func(t *testing.T) {
			tok, err := LoadHF(filesOf(map[string]string{"tokenizer.json": c.json}), HFOptions{VocabSize: c.size})
			if c.kind == nil {
				if err != nil {
					t.Fatal(err)
				}
				if got := fmt.Sprint(tok.Encode("ab ba<|end|>", Options{ParseSpecial: true})); got != "[2 3 1 0 4]" {
					t.Errorf("the tokens are %s", got)
				}
				return
			}
			if !errors.Is(err, c.kind) {
				t.Fatalf("%v, want it to be: %v", err, c.kind)
			}
			if !strings.HasPrefix(err.Error(), "tokenizer.json: ") && !strings.HasPrefix(err.Error(), "config.json: ") {
				t.Errorf("%q does not name its file", err)
			}
		})
	}
}

// An unknown pre-tokenizer is named, and --pre offered; a name that is given is believed.
func TestUnknownPre(t *testing.T) {
	json := strings.Replace(tiny(tinyVocab, `["a b"]`, ""), `{"type":"ByteLevel","add_prefix_space":false,"use_regex":true}`,
		`{"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":"\\p{Greek}+"},"behavior":"Isolated"},{"type":"ByteLevel","use_regex":false}]}`, 1)
	files := filesOf(map[string]string{"tokenizer.json": json})
	_, err := LoadHF(files, HFOptions{})
	if err == nil || !strings.Contains(err.Error(), `\p{Greek}+`) || !strings.Contains(err.Error(), "--pre") {
		t.Errorf("%v", err)
	}
	tok, err := LoadHF(files, HFOptions{Pre: "llama-v3"})
	if err != nil || tok.Vocab().Pre != "llama-v3" {
		t.Errorf("%v", err)
	}
	if _, err = LoadHF(files, HFOptions{Pre: "nonesuch"}); !errors.Is(err, ErrUnsupported) {
		t.Errorf("%v", err)
	}
	if _, err = LoadHF(filesOf(nil), HFOptions{}); !errors.Is(err, ErrUnsupported) {
		t.Errorf("%v", err)
	}
}

// spModel writes a SentencePiece model of these pieces: text, score, type.
func spModel(modelType byte, pieces ...spPiece) string {
	var b []byte
	for _, p := range pieces {
		m := append([]byte{1<<3 | 2, byte(len(p.Text))}, p.Text...)
		m = append(m, 2<<3|5)
		m = binary.LittleEndian.AppendUint32(m, math.Float32bits(p.Score))
		m = append(m, 3<<3, byte(p.Type))
		b = append(append(b, 1<<3|2, byte(len(m))), m...)
	}
	return string(append(b, 2<<3|2, 2, 3<<3, modelType))
}

func TestHostileSentencePiece(t *testing.T) {
	pieces := []spPiece{{"<unk>", 0, Unknown}, {"<s>", 0, Control}, {"</s>", 0, Control}, {"▁", -1, Normal}, {"a", -2, Normal}, {"▁a", -0.5, Normal}}
	sound := spModel(spBPE, pieces...)
	for name, c := range map[string]struct {
		model string
		kind  error
	}{
		"sound":            {sound, nil},
		"empty":            {"", ErrCorrupt},
		"no protobuf":      {"version https://git-lfs", ErrCorrupt},
		"cut off":          {sound[:len(sound)-3], ErrCorrupt},
		"a piece too long": {"\x0a\xff\xff\xff\xff\x0f", ErrCorrupt},
		"unknown type":     {spModel(spBPE, spPiece{"a", 0, 9}), ErrCorrupt},
		"a piece twice":    {spModel(spBPE, append(pieces, pieces[4])...), ErrCorrupt},
		"words":            {spModel(3, pieces...), ErrUnsupported},
	} {
		t.Run(name, func(t *testing.T) {
			tok, err := LoadHF(filesOf(map[string]string{"tokenizer.model": c.model}), HFOptions{})
			if c.kind != nil {
				if !errors.Is(err, c.kind) {
					t.Errorf("%v, want it to be: %v", err, c.kind)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(tok.Encode("a <s>aéé", Options{AddSpecial: true, ParseSpecial: true})); got != "[1 5 1 5 0]" {
				t.Errorf("the tokens are %s", got)
			}
		})
	}
}

func TestHostileVocab(t *testing.T) {
	for name, v := range map[string]*Vocab{
		"no model":        {},
		"unknown model":   {Model: "no such", Tokens: []string{"a"}},
		"no tokens t5":    {Model: "t5"},
		"no scores":       {Model: "t5", Tokens: []string{"a"}},
		"no tokens bert":  {Model: "bert"},
		"half a table":    {Model: "t5", Tokens: []string{"a"}, Scores: []float32{1}, Charsmap: []byte{8, 0, 0, 0, 1, 0, 0, 0}},
		"no trie":         {Model: "t5", Tokens: []string{"a"}, Scores: []float32{1}, Charsmap: []byte{1}},
		"no end":          {Model: "t5", Tokens: []string{"a"}, Scores: []float32{1}, Charsmap: []byte{0, 0, 0, 0, 'a'}},
		"no tokens":       {Model: "gpt2", Pre: "gpt-2"},
		"no tokens spm":   {Model: "llama"},
		"unknown pre":     {Model: "gpt2", Pre: "nonesuch", Tokens: []string{"a"}},
		"too few scores":  {Model: "llama", Tokens: []string{"a", "b"}, Scores: []float32{1}},
		"a merge of one":  {Model: "gpt2", Pre: "gpt-2", Tokens: []string{"a"}, Merges: []string{"a"}},
		"an empty merge":  {Model: "gpt2", Pre: "gpt-2", Tokens: []string{"a"}, Merges: []string{""}},
		"only blank left": {Model: "gpt2", Pre: "gpt-2", Tokens: []string{"a"}, Merges: []string{" "}},
	} {
		if _, err := FromVocab(v); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	nan := float32(math.NaN())
	for name, v := range map[string]*Vocab{
		"ids beyond the end": {Model: "llama", Tokens: []string{"a", "▁a"}, BOS: 99, EOS: -7, UNK: 1 << 40, AddEOS: new(bool)},
		"no types":           {Model: "gpt2", Tokens: []string{"a", "b"}, BOS: 5},
		"twice the same":     {Model: "gpt2", Pre: "gpt-2", Tokens: []string{"a", "a", "", ""}, Types: []int32{Control, Control, UserDefined, 77}},
		"not a number":       {Model: "llama", Tokens: []string{"a", "aa", "▁"}, Scores: []float32{nan, nan, float32(math.Inf(-1))}},
		"no numbers":         {Model: "t5", Tokens: []string{"a", "aa", "▁"}, Scores: []float32{nan, float32(math.Inf(1)), float32(math.Inf(-1))}, UNK: 1},
		"nothing normal":     {Model: "t5", Tokens: []string{"a", "b", "c"}, Scores: []float32{0, 0, 0}, Types: []int32{Control, Control, Control}},
		"no special ones":    {Model: "bert", Tokens: []string{"▁a", "b"}},
		"unknown in merges":  {Model: "gpt2", Pre: "gpt-2", Tokens: []string{"a", "b"}, Merges: []string{"a b", "ab c", "x y"}},
	} {
		tok, err := FromVocab(v)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, id := range tok.Encode("aab abc xy\xff", Options{AddSpecial: true, ParseSpecial: true}) {
			if !v.valid(int(id)) {
				t.Errorf("%s: the token %d", name, id)
			}
		}
		tok.Decode([]int32{-1, 0, 1, 1 << 30})
	}
}

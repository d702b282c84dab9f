package convert

import (
	"bytes"
	"io/fs"
	"reflect"
	"slices"
	"testing"

	"quern/formats"
	"quern/internal/tokenizer"
)

// A model card and a generation_config.json become the keys that the reference converter was seen to write for them, in
// its order.
func TestGeneralMetadata(t *testing.T) {
	src := madeUp(t, nil)
	file := src.File
	extra := map[string]string{
		"README.md":              "---\nlicense: apache-2.0\nlanguage:\n- en\n- no\ntags:\n- chat\nbase_model: meta-llama/Llama-3.2-1B\ndatasets:\n- foo/bar\n---\n# Card\n",
		"generation_config.json": `{"top_k": 40, "top_p": 0.9, "temperature": 0.6, "do_sample": true}`,
	}
	src.File = func(name string) ([]byte, error) {
		if text, ok := extra[name]; ok {
			return []byte(text), nil
		}
		return file(name)
	}
	p := plan(t, src, "F16", Options{Convert: true})
	want := []struct {
		key string
		val any
	}{
		{"general.architecture", "llama"}, {"general.type", "model"}, {"general.sampling.top_k", int32(40)}, {"general.sampling.top_p", float32(0.9)},
		{"general.sampling.temp", float32(0.6)}, {"general.name", "Made Up"}, {"general.size_label", "1.3M"}, {"general.license", "apache-2.0"},
		{"general.base_model.count", uint32(1)}, {"general.base_model.0.name", "Llama 3.2 1B"}, {"general.base_model.0.organization", "Meta Llama"},
		{"general.base_model.0.repo_url", "https://huggingface.co/meta-llama/Llama-3.2-1B"}, {"general.dataset.count", uint32(1)},
		{"general.dataset.0.name", "Bar"}, {"general.dataset.0.organization", "Foo"}, {"general.dataset.0.repo_url", "https://huggingface.co/foo/bar"},
		{"general.tags", []string{"chat"}}, {"general.languages", []string{"en", "no"}}, {"llama.block_count", uint32(2)},
	}
	for i, w := range want {
		if got := p.Meta.Keys()[i]; got != w.key || !reflect.DeepEqual(p.Meta.Value(got), w.val) {
			t.Errorf("key %d is %s = %v, want %s = %v", i, got, p.Meta.Value(got), w.key, w.val)
		}
	}
}

// A vocabulary survives the way through GGUF keys.
func TestVocabRoundTrip(t *testing.T) {
	yes, no := true, false
	v := &tokenizer.Vocab{Model: "llama", Pre: "default", Tokens: []string{"<unk>", "a", ""}, Scores: []float32{0, -1, -2}, Types: []int32{2, 1, 5}, Merges: []string{"a b"},
		BOS: 1, EOS: 2, EOT: -1, EOM: 0, UNK: 0, SEP: -1, PAD: -1, MASK: -1, AddBOS: &yes, AddSpacePrefix: &no,
		ChatTemplate: "x", ChatTemplates: map[string]string{"tool": "y", "rag": "z"}}
	var meta formats.Meta
	SetVocab(&meta, v)
	got, err := VocabOf(&meta)
	if err != nil || !reflect.DeepEqual(got, v) {
		t.Errorf("%+v, %v", got, err)
	}
	if names := meta.Strings("tokenizer.chat_templates"); !slices.Equal(names, []string{"rag", "tool"}) {
		t.Errorf("templates %v", names)
	}
	unigram := tokenizer.NewVocab("t5", "default")
	unigram.Tokens, unigram.Scores, unigram.Types, unigram.Charsmap = []string{"a"}, []float32{-1}, []int32{1}, []byte{0, 0, 0, 0}
	unigram.AddSpacePrefix, unigram.RemoveExtraSpaces, unigram.Lowercase, unigram.StripAccents = &no, &yes, &yes, &no
	var keys formats.Meta
	SetVocab(&keys, unigram)
	if got, err := VocabOf(&keys); err != nil || !reflect.DeepEqual(got, unigram) {
		t.Errorf("%+v, %v", got, err)
	}
	for key, val := range map[string]any{"tokenizer.ggml.precompiled_charsmap": "x", "tokenizer.ggml.model": uint32(1), "tokenizer.ggml.tokens": []int32{1}, "tokenizer.ggml.scores": []float64{1},
		"tokenizer.ggml.bos_token_id": "one", "tokenizer.ggml.add_bos_token": uint32(1), "tokenizer.ggml.token_type": "x"} {
		bad := meta.Clone()
		bad.Set(key, val)
		if _, err := VocabOf(&bad); err == nil {
			t.Errorf("%s = %v passes", key, val)
		}
	}
}

// The embedding must have a row for each token; a folder without a tokenizer is refused when it is planned.
func TestTokenizerMustFit(t *testing.T) {
	src := madeUp(t, nil)
	file := src.File
	for _, test := range []struct {
		name string
		text []byte
	}{{"missing", nil}, {"too many", byteTokenizer(t, 270)}, {"broken", []byte("{")}} {
		src.File = func(name string) ([]byte, error) {
			if name == "tokenizer.json" {
				if test.text == nil {
					return nil, fs.ErrNotExist
				}
				return test.text, nil
			}
			return file(name)
		}
		if _, err := NewPlan(src, F16, Options{Pre: "gpt-2"}); err == nil {
			t.Errorf("a tokenizer that is %s passes", test.name)
		}
	}
	src.File = file
	if p := plan(t, src, "F16", Options{}); len(p.Meta.Strings("tokenizer.ggml.tokens")) != 260 {
		t.Error("a list of tokens of another length than the vocabulary")
	}
	var b bytes.Buffer
	if n, err := plan(t, src, "F16", Options{}).WriteTo(&b); err != nil || n != int64(b.Len()) {
		t.Errorf("%d bytes of %d, %v", n, b.Len(), err)
	}
}

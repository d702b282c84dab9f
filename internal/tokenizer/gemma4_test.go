package tokenizer

import (
	"slices"
	"testing"
)

// Gemma 4's vocabulary keeps its merges: a folder and the GGUF that is made of it make the same tokens, tokens that answers are cut up at are shown, and the
// files of the way back say the same.
func TestGemma4Vocab(t *testing.T) {
	const mark = "\u2581"
	vocab := `{"<pad>":0,"<eos>":1,"<bos>":2,"<unk>":3,"<|channel>":4,"<0xC3>":5,"<0xA9>":6,"a":7,"b":8,"` + mark + `":9,"ab":10,"` + mark + `ab":11,"\n":12,"\n\n":13,"ba":14}`
	text := `{"added_tokens":[{"id":0,"content":"<pad>","special":true},{"id":1,"content":"<eos>","special":true},{"id":2,"content":"<bos>","special":true},
	{"id":3,"content":"<unk>","special":true},{"id":4,"content":"<|channel>","special":true}],
	"normalizer":{"type":"Replace","pattern":{"String":" "},"content":"` + mark + `"},
	"pre_tokenizer":{"type":"Split","pattern":{"String":" "},"behavior":"MergedWithPrevious","invert":false},
	"decoder":{"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"` + mark + `"},"content":" "},{"type":"ByteFallback"},{"type":"Fuse"}]},
	"model":{"type":"BPE","unk_token":"<unk>","fuse_unk":true,"byte_fallback":true,"vocab":` + vocab + `,
	"merges":[["a","b"],["` + mark + `","ab"],["\n","\n"],["b","a"]]}}`
	const settings = `{"bos_token":"<bos>","eos_token":"<eos>","unk_token":"<unk>","pad_token":"<pad>"}`
	folder, err := LoadHF(filesOf(map[string]string{"tokenizer.json": text, "tokenizer_config.json": settings, "config.json": `{"model_type":"gemma4_text"}`}), HFOptions{VocabSize: 16})
	if err != nil {
		t.Fatal(err)
	}
	v := folder.Vocab()
	if v.Model != "gemma4" || v.Pre != "" || !slices.Equal(v.Merges, []string{"a b", mark + " ab", "\n \n", "b a"}) || !is(v.AddBOS, false) || is(v.AddSpacePrefix, true) {
		t.Errorf("%q %q %q", v.Model, v.Pre, v.Merges)
	}
	if want := []int32{Control, Control, Control, Control, UserDefined, Byte, Byte, Normal, Normal, Normal, Normal, Normal, Normal, Normal, Normal, Unused}; !slices.Equal(v.Types, want) {
		t.Errorf("types %v, want %v", v.Types, want)
	}
	file, err := FromVocab(v)
	if err != nil {
		t.Fatal(err)
	}
	files, err := v.HFFiles(0)
	if err != nil {
		t.Fatal(err)
	}
	files["config.json"] = []byte(`{"model_type":"gemma4_text"}`)
	again, err := LoadHF(inMemory(files), HFOptions{VocabSize: 16})
	if err != nil {
		t.Fatal(err)
	}
	sameVocab(t, again.Vocab(), v)
	for s, want := range map[string][]int32{"ab ab": {10, 11}, "bab\n\n\na": {8, 10, 13, 12, 7}, "<|channel>é": {4, 5, 6}, " b": {9, 8}} {
		for i, tok := range []*Tokenizer{folder, file, again} {
			if got := tok.Encode(s, Options{ParseSpecial: true}); !slices.Equal(got, want) {
				t.Errorf("%q by tokenizer %d: %v, want %v", s, i, got, want)
			}
		}
	}
}

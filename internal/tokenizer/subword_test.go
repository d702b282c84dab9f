package tokenizer

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

// subwords is what testdata/subwords.py wrote.
type subwords struct {
	Texts []string
	Cases map[string]struct {
		Files   map[string]json.RawMessage // text in base64, or JSON as it is
		Vocab   json.RawMessage
		IDs     [][]int32
		Special [][]int32
	}
}

func readSubwords(t testing.TB) *subwords {
	t.Helper()
	data, err := os.ReadFile("testdata/subwords.json")
	if err != nil {
		t.Fatal(err)
	}
	var s subwords
	if err := json.Unmarshal(data, &s); err != nil {
		t.Fatal(err)
	}
	return &s
}

func unpacked(t testing.TB, files map[string]json.RawMessage) func(string) ([]byte, error) {
	t.Helper()
	texts := map[string]string{}
	for name, raw := range files {
		var packed string
		if json.Unmarshal(raw, &packed) != nil {
			texts[name] = string(raw)
			continue
		}
		data, err := base64.StdEncoding.DecodeString(packed)
		if err != nil {
			t.Fatal(err)
		}
		texts[name] = string(data)
	}
	return filesOf(texts)
}

// vocabOf reads the keys of a file as the script has them.
func vocabOf(t testing.TB, raw json.RawMessage) *Vocab {
	t.Helper()
	var k struct {
		Model, Pre     string
		Tokens         []string
		Scores         []float32
		Types          []int32 `json:"token_type"`
		AddSpacePrefix *bool   `json:"add_space_prefix"`
		RemoveExtra    *bool   `json:"remove_extra_whitespaces"`
		Charsmap       []byte  `json:"precompiled_charsmap"`
		BOS            int     `json:"bos_token_id"`
		EOS            int     `json:"eos_token_id"`
		UNK            int     `json:"unknown_token_id"`
		SEP            int     `json:"seperator_token_id"`
		AddBOS         *bool   `json:"add_bos_token"`
		AddEOS         *bool   `json:"add_eos_token"`
		Lowercase      *bool   `json:"normalizer.lowercase"`
		StripAccents   *bool   `json:"normalizer.strip_accents"`
	}
	if err := json.Unmarshal(raw, &k); err != nil {
		t.Fatal(err)
	}
	v := NewVocab(k.Model, k.Pre)
	v.Tokens, v.Scores, v.Types, v.Charsmap = k.Tokens, k.Scores, k.Types, k.Charsmap
	v.BOS, v.EOS, v.UNK, v.SEP = k.BOS, k.EOS, k.UNK, k.SEP
	v.AddSpacePrefix, v.RemoveExtraSpaces, v.AddBOS, v.AddEOS = k.AddSpacePrefix, k.RemoveExtra, k.AddBOS, k.AddEOS
	v.Lowercase, v.StripAccents = k.Lowercase, k.StripAccents
	return v
}

// Unigram and WordPiece make the tokens that tokenizers, sentencepiece and llama.cpp make.
func TestSubwords(t *testing.T) {
	golden := readSubwords(t)
	for name, c := range golden.Cases {
		t.Run(name, func(t *testing.T) {
			if c.Vocab != nil {
				tok, err := FromVocab(vocabOf(t, c.Vocab))
				if err != nil {
					t.Fatal(err)
				}
				texts := slices.DeleteFunc(slices.Clone(golden.Texts), func(s string) bool { return s == "" || strings.Contains(s, "\x00") })
				compare(t, tok, texts, c.Special, Options{AddSpecial: true, ParseSpecial: true})
				return
			}
			tok, err := LoadHF(unpacked(t, c.Files), HFOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if c.Special == nil { // SentencePiece itself knows no control tokens in text
				compare(t, tok, golden.Texts, c.IDs, Options{})
				return
			}
			compare(t, tok, golden.Texts, c.IDs, Options{ParseSpecial: true})
			compare(t, tok, golden.Texts, c.Special, Options{AddSpecial: true, ParseSpecial: true})
		})
	}
}

func compare(t *testing.T, tok *Tokenizer, texts []string, want [][]int32, opt Options) {
	t.Helper()
	if len(texts) != len(want) {
		t.Fatalf("%d texts, %d lists of ids", len(texts), len(want))
	}
	for i, text := range texts {
		if got := tok.Encode(text, opt); !slices.Equal(got, want[i]) {
			t.Errorf("%.60q\n got %.200v\nwant %.200v", text, got, want[i])
		}
	}
}

// otherwise are the texts that come out otherwise once only a GGUF file's keys are left, where no note says so.
var otherwise = map[string][]string{
	// A runtime looks for the longest text that the table of characters has, as SentencePiece does; tokenizers rewrites what
	// readers take for one character, and less than all of it. Marks in a text are no blanks to it that it could drop, and
	// the control character U+0085 is no white space.
	"t5":     {texts.table, texts.marked, texts.hangul, texts.accents, texts.control},
	"t5-new": {texts.table, texts.marked, texts.hangul, texts.accents},
	"spiece": {texts.marked},
	// Here blanks are squeezed before they become marks, so that one at the end, or after a token that is spelled out, stays.
	"xlm-r": {" ", "\n", "  two  blanks  and   three ", texts.table, texts.marked, "<s>spelled</s> <pad> <unk> [CLS] it [SEP]", "user<ue>defined <ue> x<ue>",
		texts.hangul, texts.accents, "line one\n\nline two\n", "\u00a0nbsp\u2003wide\u3000"},
	// A runtime knows no limit to the length of words.
	"bert-uncased": {strings.Repeat("grain", 30)},
	"bert-cased":   {strings.Repeat("grain", 30)},
}

var texts = struct{ table, marked, hangul, accents, control string }{
	"\uff21\uff22 \uff41\u3000\ufb01ne \u2460\u0301 \u00bd", "\u2581already marked\u2581", "\ud55c\uad6d\uc5b4 \uac01\u0301", "q\u0308\u0323 n\u0303 \u00f1 \u1ec7", "\x00\x01\x7f\u0085.",
}

// noted are the cases whose vocabularies come with a note that runtimes make other tokens.
var noted = []string{"albert", "bert-accents", "bytes", "nmt", "spiece-bytes"}

// What is written into a file makes the same tokens.
func TestSubwordVocab(t *testing.T) {
	golden := readSubwords(t)
	for name, c := range golden.Cases {
		if c.Files == nil {
			continue
		}
		t.Run(name, func(t *testing.T) {
			tok, err := LoadHF(unpacked(t, c.Files), HFOptions{})
			if err != nil {
				t.Fatal(err)
			}
			runtime, err := FromVocab(tok.Vocab())
			if err != nil {
				t.Fatal(err)
			}
			d := differing(t, golden.Texts, c.IDs, func(s string) []int32 { return runtime.Encode(s, Options{ParseSpecial: c.Special != nil}) })
			if notes := len(tok.Vocab().Notes) > 0; notes != slices.Contains(noted, name) {
				t.Errorf("the notes are %q", tok.Vocab().Notes)
			} else if !notes && !slices.Equal(d, otherwise[name]) {
				t.Errorf("%d texts differ, want %q; they are %q; notes: %q", len(d), otherwise[name], d, tok.Vocab().Notes)
			}
		})
	}
}

// Decoding gives the text back, as far as the tokens keep it.
func TestSubwordDecode(t *testing.T) {
	golden := readSubwords(t)
	for name, want := range map[string]map[string]string{
		"t5":           {"the mill turns": "the mill turns", "  two  blanks  and   three ": "two blanks and three", "cafe\u0301, fine": "caf<unk>, fine"},
		"spiece":       {"quern quernstone": "quern quernstone"},
		"bytes":        {" caf\u00e9\n\U0001f600": " caf\u00e9\n\U0001f600"},
		"bert-uncased": {"The mill turns, and turns.": "the mill turns, and turns.", "the miller's, it's heavy.": "the miller's, it's heavy."},
	} {
		tok, err := LoadHF(unpacked(t, golden.Cases[name].Files), HFOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for text, want := range want {
			if got := string(tok.Decode(tok.Encode(text, Options{}))); got != want {
				t.Errorf("%s: %q came back as %q, want %q", name, text, got, want)
			}
		}
	}
}

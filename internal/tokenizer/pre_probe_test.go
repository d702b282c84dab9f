package tokenizer

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"
)

// The text is the reference's, and every name in its list is one of a pre-tokenizer here, less the three of WordPiece.
func TestProbe(t *testing.T) {
	sum := sha256.Sum256([]byte(probe))
	if got := hex.EncodeToString(sum[:]); got != "a36179c1e2b1cfcfbfad1dc779addad2ffc778201e4cf0d538bddeafa2c526da" {
		t.Errorf("the text has the sum %s", got)
	}
	wordPiece := map[string]bool{"bert-bge": true, "bert-bge-large": true, "jina-v2-en": true}
	for name, sums := range probed {
		if p := preNamed(name); p == nil && !wordPiece[name] {
			t.Errorf("%s is not known", name)
		}
		for _, s := range sums {
			if len(s) != 64 || probedNames[s] != name {
				t.Errorf("the sum %q of %s stands for %q", s, name, probedNames[s])
			}
		}
	}
	for tok, name := range map[string]string{"gpt-2": "gpt-2", "qwen3": "qwen2", "smollm2": "smollm"} {
		if got := loadGolden(t, tok).probeName(); got != name {
			t.Errorf("%s is recognised as %q", tok, got)
		}
	}
}

// editedFiles replaces text in the tokenizer.json of a golden tokenizer.
func editedFiles(t *testing.T, name, from, to string) func(string) ([]byte, error) {
	t.Helper()
	files := folderFiles(shared(t, "golden", "tokenizers", name))
	data, err := files("tokenizer.json")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(data), from) != 1 {
		t.Fatalf("%s: %q does not stand once in tokenizer.json", name, from)
	}
	edited := strings.Replace(string(data), from, to, 1)
	return func(name string) ([]byte, error) {
		if name == "tokenizer.json" {
			return []byte(edited), nil
		}
		return files(name)
	}
}

// A pattern that is written in another way is recognised by the tokens that it makes; one that does something else is not.
func TestProbeUnknownShape(t *testing.T) {
	const plain, odd = `"individual_digits": true`, `"individual_digits": true, "type": "Strange"`
	tok, err := LoadHF(editedFiles(t, "smollm2", plain, odd), HFOptions{})
	if err != nil || tok.Vocab().Pre != "smollm" {
		t.Fatalf("not recognised: %v", err)
	}
	want, text := loadGolden(t, "smollm2"), "It's 1234 'RE o'clock\n\n x"
	if got := tok.Encode(text, Options{}); !slices.Equal(got, want.Encode(text, Options{})) {
		t.Errorf("%q becomes %v", text, got)
	}
	// Without digits of their own and without the reference's vocabulary there is nothing to go by.
	_, err = LoadHF(filesOf(map[string]string{"tokenizer.json": tiny(tinyVocab, `[]`, `,"pre_tokenizer":{"type":"Strange"}`)}), HFOptions{})
	if !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), "--pre") {
		t.Errorf("got %v", err)
	}
}

// A runtime takes from the name of a pre-tokenizer whether words that are tokens are merged: where that makes a
// difference, no name will do.
func TestIgnoreMergesOfTheName(t *testing.T) {
	const vocab = `"a":0,"b":1,"c":2,"ab":3,"abc":4`
	for _, c := range []struct {
		merges, ignore string
		ok             bool
	}{{`["a b","ab c"]`, "true", true}, {`["a b"]`, "true", false}, {`["a b"]`, "false", true}} {
		text := `{"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false},"model":{"type":"BPE","ignore_merges":` + c.ignore + `,"vocab":{` + vocab + `},"merges":` + c.merges + `}}`
		_, err := LoadHF(filesOf(map[string]string{"tokenizer.json": text}), HFOptions{})
		if (err == nil) != c.ok || err != nil && !strings.Contains(err.Error(), `"abc"`) {
			t.Errorf("merges %s, ignore_merges %s: %v", c.merges, c.ignore, err)
		}
	}
}

package tokenizer

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// folderFiles gives the files of a folder, less some.
func folderFiles(dir string, less ...string) func(string) ([]byte, error) {
	return func(name string) ([]byte, error) {
		if slices.Contains(less, name) {
			return nil, os.ErrNotExist
		}
		return os.ReadFile(filepath.Join(dir, name))
	}
}

type goldenIDs struct {
	NoSpecial [][]int32 `json:"no_special"`
	Special   [][]int32
	Vocab     int
}

// goldens reads the texts, and what a tokenizer makes of them.
func goldens(t testing.TB, name string) (texts []string, ids map[string]goldenIDs) {
	t.Helper()
	for path, to := range map[string]any{"texts.json": &texts, name + "/ids.json": &ids} {
		data, err := os.ReadFile(shared(t, "golden", "tokenizers", path))
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(data, to); err != nil {
			t.Fatal(err)
		}
	}
	return texts, ids
}

func loadGolden(t testing.TB, name string, less ...string) *Tokenizer {
	t.Helper()
	tok, err := LoadHF(folderFiles(shared(t, "golden", "tokenizers", name), less...), HFOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

var goldenNames = []string{"deepseek-coder", "gemma-3", "gpt-2", "llama-2", "llama-3", "qwen3", "smollm2"}

// differ compares the tokens of every text and names the texts that come out differently.
func differ(t *testing.T, texts []string, want [][]int32, encode func(string) []int32) (texts2 []string) {
	t.Helper()
	if len(want) != len(texts) {
		t.Fatalf("%d texts, %d lists of ids", len(texts), len(want))
	}
	for i, text := range texts {
		if got := encode(text); !slices.Equal(got, want[i]) {
			texts2 = append(texts2, text)
			if testing.Verbose() {
				t.Logf("%.60q\n got %.200v\nwant %.200v", text, got, want[i])
			}
		}
	}
	return texts2
}

func TestGoldenHF(t *testing.T) {
	for _, name := range goldenNames {
		t.Run(name, func(t *testing.T) {
			texts, ids := goldens(t, name)
			tok := loadGolden(t, name)
			for _, add := range []bool{false, true} {
				want := ids["tokenizer.json"].NoSpecial
				if add {
					want = ids["tokenizer.json"].Special
				}
				opt := Options{AddSpecial: add, ParseSpecial: true}
				if d := differ(t, texts, want, func(s string) []int32 { return tok.Encode(s, opt) }); len(d) > 0 {
					t.Errorf("special %v: %d of %d texts differ, the first is %.80q", add, len(d), len(texts), d[0])
				}
			}
			for _, s := range texts {
				_ = s
			}
		})
	}
}

func TestGoldenSentencePiece(t *testing.T) {
	texts, ids := goldens(t, "llama-2")
	tok := loadGolden(t, "llama-2", "tokenizer.json")
	d := differ(t, texts, ids["tokenizer.model"].NoSpecial, func(s string) []int32 { return tok.Encode(s, Options{}) })
	if len(d) > 0 {
		t.Errorf("%d of %d texts differ, the first is %.80q", len(d), len(texts), d[0])
	}
}

func TestGoldenVocab(t *testing.T) {
	for _, name := range goldenNames {
		t.Run(name, func(t *testing.T) {
			texts, ids := goldens(t, name)
			tok, err := FromVocab(loadGolden(t, name).Vocab())
			if err != nil {
				t.Fatal(err)
			}
			for _, add := range []bool{false, true} {
				want := ids["tokenizer.json"].NoSpecial
				if add {
					want = ids["tokenizer.json"].Special
				}
				opt := Options{AddSpecial: add, ParseSpecial: true}
				if d := differ(t, texts, want, func(s string) []int32 { return tok.Encode(s, opt) }); len(d) > 0 {
					t.Errorf("special %v: %d of %d texts differ: %.80q", add, len(d), len(texts), d)
				}
			}
		})
	}
}

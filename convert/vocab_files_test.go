package convert

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"quern/formats"
	"quern/internal/tokenizer"
)

// The vocabularies of llama.cpp's own tests (models/ggml-vocab-*.gguf), each with texts and the tokens that it makes of
// them. They are too large for the repository: QUERN_VOCABS names their folder.
func TestVocabulariesOfLlamaCPP(t *testing.T) {
	dir := os.Getenv("QUERN_VOCABS")
	if dir == "" {
		t.Skip("QUERN_VOCABS is not set")
	}
	names, err := filepath.Glob(filepath.Join(dir, "*.gguf.inp"))
	if err != nil || len(names) == 0 {
		t.Fatal("no texts", err)
	}
	for _, name := range names {
		path := strings.TrimSuffix(name, ".inp")
		t.Run(filepath.Base(path), func(t *testing.T) {
			src, err := formats.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer src.Close()
			tok, err := Tokenizer(src, "")
			if err != nil {
				t.Fatal(err)
			}
			texts, want := textsAndIDs(t, path)
			for i, text := range texts {
				if got := tok.Encode(text, tokenizer.Options{}); !slices.Equal(got, want[i]) {
					t.Errorf("%.60q\n got %.200v\nwant %.200v", text, got, want[i])
				}
			}
		})
	}
}

func textsAndIDs(t *testing.T, path string) (texts []string, ids [][]int32) {
	t.Helper()
	in, err := os.ReadFile(path + ".inp")
	if err != nil {
		t.Fatal(err)
	}
	out, err := os.ReadFile(path + ".out")
	if err != nil {
		t.Fatal(err)
	}
	texts = strings.Split(strings.TrimSuffix(string(in), "\n__ggml_vocab_test__\n"), "\n__ggml_vocab_test__\n")
	for _, line := range strings.Split(strings.TrimSuffix(string(out), "\n"), "\n") {
		var list []int32
		for _, f := range strings.Fields(line) {
			n, err := strconv.Atoi(f)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, int32(n))
		}
		ids = append(ids, list)
	}
	if len(texts) != len(ids) {
		t.Fatalf("%d texts, %d lists of ids", len(texts), len(ids))
	}
	return texts, ids
}

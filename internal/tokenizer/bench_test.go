package tokenizer

import (
	"os"
	"strings"
	"testing"
	"time"
)

// wikitext is a megabyte of ordinary text.
func wikitext(t testing.TB) string {
	t.Helper()
	data, err := os.ReadFile(shared(t, "data", "wikitext-2", "wiki.test.raw"))
	if err != nil {
		t.Fatal(err)
	}
	return string(data[:1<<20])
}

func BenchmarkLoad(b *testing.B) {
	for _, name := range []string{"llama-3", "gemma-3"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				readGolden(b, name)
			}
		})
	}
}

func BenchmarkEncode(b *testing.B) {
	text := wikitext(b)
	for _, name := range goldenNames {
		b.Run(name, func(b *testing.B) {
			tok := loadGolden(b, name)
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				tok.Encode(text, Options{})
			}
		})
	}
	for _, name := range []string{"llama-2", "gemma-3"} {
		b.Run("vocab/"+name, func(b *testing.B) {
			tok, err := FromVocab(loadGolden(b, name).Vocab())
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				tok.Encode(text, Options{})
			}
		})
	}
}

// A word of 128 KiB takes n log n steps and not n².
func TestLongWords(t *testing.T) {
	for _, name := range []string{"llama-2", "gpt-2", "gemma-3"} {
		tok := loadGolden(t, name)
		runtime, err := FromVocab(tok.Vocab())
		if err != nil {
			t.Fatal(err)
		}
		for _, unit := range []string{"a", "ab", "\n", " ", "<"} {
			text := strings.Repeat(unit, 1<<17/len(unit))
			for kind, tok := range map[string]*Tokenizer{"hf": tok, "gguf": runtime} {
				begin := time.Now()
				ids := tok.Encode(text, Options{ParseSpecial: true})
				if d := time.Since(begin); d > 3*time.Second {
					t.Errorf("%s, %s: %q many times took %v", name, kind, unit, d)
				} else {
					t.Logf("%s, %s: %q: %v, %d tokens", name, kind, unit, d, len(ids))
				}
			}
		}
	}
}

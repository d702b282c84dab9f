package tokenizer

import (
	"fmt"
	"testing"
)

// An index is a map, whatever it is asked and however it grows.
func TestIndex(t *testing.T) {
	first, last, ids, latest := newIndex(0), newIndex(3), map[string]int32{}, map[string]int32{}
	for i := range int32(5000) {
		text := fmt.Sprint(i * i % 3001)
		there, twice := first.add(text, i)
		if id, ok := ids[text]; ok != twice || ok && id != there {
			t.Fatalf("%s: %d %v, want %d %v", text, there, twice, id, ok)
		}
		if !twice {
			ids[text] = i
		}
		last.put(text, i)
		latest[text] = i
	}
	if first.len() != len(ids) || last.len() != 5000 {
		t.Errorf("%d and %d entries", first.len(), last.len())
	}
	at := -1
	for i := range 3001 {
		text := fmt.Sprint(i)
		want, has := ids[text]
		if id, ok := first.get(text); id != want || ok != has {
			t.Errorf("%s: %d %v", text, id, ok)
		}
		if id, ok := first.near(&at, []byte(text)); id != want || ok != has {
			t.Errorf("near %s: %d %v", text, id, ok)
		}
		if id, ok := last.get(text); id != latest[text] || ok != has {
			t.Errorf("last %s: %d %v", text, id, ok)
		}
	}
}

// Where nothing is tokenized, merges that do not matter are not read, and what is made is the same.
func TestVocabularyAlone(t *testing.T) {
	for _, name := range goldenNames {
		files := folderFiles(shared(t, "golden", "tokenizers", name))
		want, err := LoadHF(files, HFOptions{})
		if err != nil {
			t.Fatal(name, err)
		}
		got, err := HFVocab(files, HFOptions{})
		if err != nil {
			t.Fatal(name, err)
		}
		if !got.Same(want.Vocab()) || got.ChatTemplate != want.Vocab().ChatTemplate {
			t.Errorf("%s: another vocabulary", name)
		}
	}
}

package tokenizer

import (
	"slices"
	"testing"
)

// lostInPieces are the texts that a folder which was made of a vocabulary cuts otherwise than the one that the vocabulary was made of.
var lostInPieces = map[string][]string{
	"t5": {texts.control},
	// As a runtime does it, and the folder that is made of its keys: blanks at the end of a text, or beside a token that is spelled out, leave no mark.
	"xlm-r": {" ", "\n", "  two  blanks  and   three ", "<s>spelled</s> <pad> <unk> [CLS] it [SEP]", "user<ue>defined <ue> x<ue>", "line one\n\nline two\n", "\u00a0nbsp\u2003wide\u3000"},
}

// Vocabularies of WordPiece and unigram come back from the files that are made of them, and these make the tokens of the model's own files.
func TestExportPieces(t *testing.T) {
	golden := readSubwords(t)
	tried := map[string]int{}
	for name, c := range golden.Cases {
		if c.Files == nil || slices.Contains(noted, name) || c.Special == nil {
			continue
		}
		t.Run(name, func(t *testing.T) {
			own, err := LoadHF(unpacked(t, c.Files), HFOptions{})
			if err != nil {
				t.Fatal(err)
			}
			tried[own.Vocab().Model]++
			files, err := own.Vocab().HFFiles(64)
			if err != nil {
				t.Fatal(err)
			}
			again, err := LoadHF(inMemory(files), HFOptions{VocabSize: len(own.Vocab().Tokens)})
			if err != nil {
				t.Fatal(err)
			}
			sameVocab(t, again.Vocab(), own.Vocab())
			for add, want := range map[bool][][]int32{false: c.IDs, true: c.Special} {
				d := differing(t, golden.Texts, want, func(s string) []int32 { return again.Encode(s, Options{AddSpecial: add, ParseSpecial: true}) })
				if !slices.Equal(d, lostInPieces[name]) {
					t.Errorf("special %v: %d texts differ: %q", add, len(d), d)
				}
			}
		})
	}
	if tried["bert"] < 2 || tried["t5"] < 2 {
		t.Errorf("tried %v", tried)
	}
}

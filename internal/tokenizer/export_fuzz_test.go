package tokenizer

import "testing"

// FuzzHFFiles: the files of any vocabulary are read again, or it is an error to make them.
func FuzzHFFiles(f *testing.F) {
	f.Add("llama", "default", "<unk> <s> </s> ▁ a ▁a ab", []byte{2, 3, 3, 1, 1, 1, 4}, 1, 2)
	f.Add("gpt2", "gpt-2", "a b ab <|end|> [PAD4]", []byte{1, 1, 1, 3, 5}, 3, 3)
	f.Add("llama", "default", "aaaaaaaaaaaa", []byte{200, 0, 7, 5}, -1, 100)
	f.Fuzz(func(t *testing.T, model, pre, tokens string, types []byte, bos, eos int) {
		v := NewVocab(model, pre)
		for i := 0; len(tokens) > 0 && len(v.Tokens) < 1000; i++ {
			n := min(len(tokens), 1+i%5)
			v.Tokens, v.Scores, tokens = append(v.Tokens, tokens[:n]), append(v.Scores, float32(-i)), tokens[n:]
		}
		for _, x := range types {
			v.Types = append(v.Types, int32(x))
		}
		v.BOS, v.EOS = bos, eos
		files, err := v.HFFiles(128)
		if err != nil {
			return
		}
		if _, err := readHFFile(files["tokenizer.json"], false); err != nil {
			t.Error(err)
		}
		if text, ok := files["tokenizer.model"]; ok {
			if _, err := readSentencePiece(text); err != nil {
				t.Error(err)
			}
		}
	})
}

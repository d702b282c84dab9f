package tokenizer

import (
	"bufio"
	"bytes"
	"slices"
	"strings"
)

// LoadHF reads the tokenizer of a Hugging Face folder. file returns a file of the folder, with an error that satisfies
// errors.Is(err, fs.ErrNotExist) when there is none. Where both tokenizer.json and tokenizer.model are there, the
// first says how to tokenize, as it does in transformers, and the second, which alone has scores, what a GGUF file holds.
func LoadHF(file func(string) ([]byte, error), opt HFOptions) (*Tokenizer, error) {
	return loadHF(file, opt, false)
}

// HFVocab is LoadHF for what a GGUF file holds, where nothing is to be tokenized. Merges that it does not need are not looked at.
func HFVocab(file func(string) ([]byte, error), opt HFOptions) (*Vocab, error) {
	t, err := loadHF(file, opt, true)
	if err != nil {
		return nil, err
	}
	return t.vocab, nil
}

func loadHF(file func(string) ([]byte, error), opt HFOptions, few bool) (*Tokenizer, error) {
	f, err := openFolder(file, opt, few)
	if err != nil {
		return nil, err
	}
	switch {
	case f.tok != nil:
		if err := f.supported(); err != nil {
			return nil, in("tokenizer.json", err)
		}
		return f.fromJSON()
	case f.sp != nil:
		return f.fromSentencePiece()
	case f.plamo != nil:
		return f.fromPlamo()
	case f.world != nil:
		return f.fromWorld()
	}
	return nil, unsupported("there is neither a tokenizer.json nor a tokenizer.model, no tokenizer.jsonl, no " + WorldFile + ", nor a vocabulary of tiktoken's kind (tekken.json, qwen.tiktoken, tiktoken.model)")
}

func (f *folder) supported() error {
	switch t := f.tok; {
	case t.Kind != "BPE" && t.Kind != "Unigram" && t.Kind != "WordPiece":
		return unsupported("tokenizers of the kind %s cannot be read, only BPE, Unigram and WordPiece", t.Kind)
	case t.Kind == "BPE" && t.Prefix != "" || t.Suffix != "":
		return unsupported("a BPE vocabulary that marks subwords with %q and ends of words with %q cannot be read", t.Prefix, t.Suffix)
	case t.Vocab.len() == 0:
		return corrupt("the vocabulary is empty")
	}
	return nil
}

// readMergesText reads merges.txt: a pair a line, after a first line that may be a comment.
func (t *hfFile) readMergesText(data []byte) error {
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, len(data)+1)
	for n := 0; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || n == 0 && strings.HasPrefix(line, "#") {
			continue
		}
		if parts := strings.Fields(line); len(parts) == 2 {
			t.Merges = append(t.Merges, [2]string{parts[0], parts[1]})
		}
	}
	return nil
}

// fromJSON makes the tokenizer of a tokenizer.json.
func (f *folder) fromJSON() (*Tokenizer, error) {
	t, tok := &Tokenizer{}, f.tok
	changes, err := changesOf(tok.Normalizer)
	if err != nil {
		return nil, in("tokenizer.json", err)
	}
	f.tidyAdded()
	f.spellings(t, changes)
	switch {
	case tok.Kind == "Unigram":
		err = f.asUnigram(t, changes)
	case tok.Kind == "WordPiece":
		err = f.asWordPiece(t, changes)
	default:
		err = f.asMerges(t, changes)
	}
	if err != nil {
		return nil, in("tokenizer.json", err)
	}
	if err := f.finish(t.vocab); err != nil {
		return nil, err
	}
	f.needed(t)
	return t, nil
}

// needed are the special tokens that a runtime cannot do without, and takes for others where a file does not name them.
func (f *folder) needed(t *Tokenizer) {
	v := t.vocab
	set := func(to *int, id int) {
		if *to < 0 && v.valid(id) {
			*to = id
		}
	}
	switch m := t.model.(type) {
	case *unigram:
		set(&v.UNK, int(m.unk))
	case *wordPiece:
		set(&v.UNK, int(m.unk))
		if len(t.before) > 0 {
			set(&v.BOS, int(t.before[0]))
		}
		if len(t.after) > 0 {
			set(&v.SEP, int(t.after[0]))
		}
	}
}

// asMerges is byte-pair encoding, of bytes or of characters.
func (f *folder) asMerges(t *Tokenizer, changes []change) error {
	tok := f.tok
	b := &bpe{ids: tok.Vocab, limit: int32(tok.Top + 1), unk: -1, chars: tok.ByteFallback, fallback: tok.ByteFallback, fuse: tok.FuseUnk, keepWords: tok.IgnoreMerges}
	b.setBytes()
	if id, ok := tok.Vocab.get(tok.Unk); ok && tok.Unk != "" {
		b.unk = id
	}
	if tok.Ranked != nil {
		return f.asRanked(t, b)
	}
	if !f.unmerged() {
		if err := b.learn(tok.Merges, false, true); err != nil {
			return err
		}
	}
	t.model = b
	t.alphabet = !tok.ByteFallback
	if tok.ByteFallback {
		return f.asCharacters(t, changes)
	}
	return f.asBytes(t, changes)
}

// asCharacters is a SentencePiece vocabulary that was rewritten as merges ("llama-hf").
func (f *folder) asCharacters(t *Tokenizer, changes []change) error {
	pt, err := shapeOf(f.tok.Pre)
	if err != nil {
		return err
	}
	if pt.shape == blanksOut {
		return unsupported("merges whose words blanks part are not known")
	}
	texts := make([]string, f.tok.Vocab.len())
	for i, e := range f.tok.Vocab.entries {
		texts[i] = e.text
	}
	t.apart = apartFrom(texts)
	if err := f.marks(t, pt, changes); err != nil {
		return err
	}
	switch {
	case slices.Contains(mergedTypes, textIn(f.config, "model_type")):
		t.vocab, err = f.gemma4Vocab()
	case f.sp != nil:
		t.vocab, err = f.spVocab()
	default:
		t.vocab, err = f.llamaHFVocab(t.blank)
	}
	if err != nil {
		return err
	}
	return f.template(t, f.tok.Post)
}

// oneMark is a blank mark and what follows up to the next.
func oneMark(s string, i int) int {
	if !strings.HasPrefix(s[i:], blankMark) {
		return i
	}
	rest := s[i+len(blankMark):]
	if k := strings.Index(rest, blankMark); k >= 0 {
		return len(s) - len(rest) + k
	}
	return len(s)
}

package tokenizer

import (
	"bufio"
	"bytes"
	"errors"
	"strings"
)

// LoadHF reads the tokenizer of a Hugging Face folder. file returns a file of the folder, with an error that satisfies
// errors.Is(err, fs.ErrNotExist) when there is none. Where both tokenizer.json and tokenizer.model are there, the
// first says how to tokenize, as it does in transformers, and the second, which alone has scores, what a GGUF file holds.
func LoadHF(file func(string) ([]byte, error), opt HFOptions) (*Tokenizer, error) {
	f, err := openFolder(file, opt)
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
	}
	return nil, unsupported("there is neither a tokenizer.json nor a tokenizer.model")
}

func (f *folder) supported() error {
	switch t := f.tok; {
	case t.Kind != "" && t.Kind != "BPE":
		return unsupported("tokenizers of the kind %s cannot be read, only BPE", t.Kind)
	case t.Prefix != "" || t.Suffix != "":
		return unsupported("a BPE vocabulary that marks subwords with %q and ends of words with %q cannot be read", t.Prefix, t.Suffix)
	case len(t.Vocab) == 0:
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
	pt, err := shapeOf(tok.Pre)
	if err != nil && f.opt.Pre == "" {
		return nil, in("tokenizer.json", hinted(err))
	}
	changes, err := changesOf(tok.Normalizer)
	if err != nil {
		return nil, in("tokenizer.json", err)
	}
	f.tidyAdded()
	f.spellings(t, changes)
	b := &bpe{ids: tok.Vocab, limit: int32(tok.Top + 1), unk: -1, chars: tok.ByteFallback, fallback: tok.ByteFallback, fuse: tok.FuseUnk, keepWords: tok.IgnoreMerges}
	b.setBytes()
	if id, ok := tok.Vocab[tok.Unk]; ok && tok.Unk != "" {
		b.unk = id
	}
	if err := b.learn(tok.Merges, false, true); err != nil {
		return nil, in("tokenizer.json", err)
	}
	t.model = b
	if tok.ByteFallback {
		err = f.asCharacters(t, pt, changes)
	} else {
		err = f.asBytes(t, pt, changes)
	}
	if err != nil {
		return nil, in("tokenizer.json", err)
	}
	if err := f.template(t, tok.Post); err != nil {
		return nil, in("tokenizer.json", err)
	}
	t.alphabet = !tok.ByteFallback
	return t, f.finish(t.vocab)
}

// asBytes is a byte-level vocabulary, which a pre-tokenizer splits into words.
func (f *folder) asBytes(t *Tokenizer, pt preTokenizer, changes []change) error {
	var p *pre
	switch {
	case f.opt.Pre != "":
		if p = preNamed(f.opt.Pre); p == nil || p.Chars {
			return unsupported("no pre-tokenizer for byte-level vocabularies is known under the name %q", f.opt.Pre)
		}
	case !pt.bytes:
		return unsupported("a BPE vocabulary that is neither byte-level nor falls back to bytes cannot be read")
	default:
		if p = preShaped(pt.shape, f.evidence(pt)); p == nil {
			return hinted(unsupported("no pre-tokenizer is known that does this: %s", strings.ReplaceAll(pt.shape, "\n", "; ")))
		}
	}
	t.split = p.Split
	if p.HF != nil {
		t.split = p.HF
	}
	t.normalize = func(s string, _ place) string {
		s = apply(changes, s)
		if pt.prefixSpace && s != "" && s[0] != ' ' {
			s = " " + s
		}
		return s
	}
	name := p.Names[0]
	if f.opt.Pre != "" {
		name = f.opt.Pre
	}
	var err error
	t.vocab, err = f.gpt2Vocab(p, name)
	return err
}

// hinted says what to do about a pre-tokenizer that is not known.
func hinted(err error) error {
	if !errors.Is(err, ErrUnsupported) {
		return err
	}
	return unsupported("%v; if you know which one it is, name it with --pre NAME", err)
}

func (f *folder) evidence(pt preTokenizer) *evidence {
	added := map[string]bool{}
	for _, a := range f.tok.Added {
		added[a.Content] = true
	}
	return &evidence{
		ignoreMerges: f.tok.IgnoreMerges, nfc: composes(f.tok.Normalizer), prefixSpace: pt.prefixSpace,
		token: func(text string) bool {
			_, ok := f.tok.Vocab[text]
			return ok || added[text]
		},
		modelType: textIn(f.config, "model_type"),
	}
}

// composes reports whether a normalizer is NFC.
func composes(n *node) bool {
	if n == nil {
		return false
	}
	for i := range n.Normalizers {
		if composes(&n.Normalizers[i]) {
			return true
		}
	}
	return n.Type == "NFC"
}

// asCharacters is a SentencePiece vocabulary that was rewritten as merges ("llama-hf").
func (f *folder) asCharacters(t *Tokenizer, pt preTokenizer, changes []change) error {
	if pt.shape != "" {
		return unsupported("a vocabulary of characters with the pre-tokenizer %s is not known", strings.ReplaceAll(pt.shape, "\n", "; "))
	}
	texts := make([]string, len(f.tok.Entries))
	for i, e := range f.tok.Entries {
		texts[i] = e.text
	}
	t.apart = apartFrom(texts)
	if pt.mark != "" && pt.cuts {
		t.apart = func(rune) bool { return true }
		t.split = splitter{isolate(oneMark)}
	}
	t.normalize = func(s string, at place) string {
		s = apply(changes, s)
		if pt.mark == "" || s == "" {
			return s
		}
		s = strings.ReplaceAll(s, " ", pt.mark)
		if pt.scheme == "always" || pt.scheme == "first" && at.first {
			if !strings.HasPrefix(s, pt.mark) {
				s = pt.mark + s
			}
		}
		return s
	}
	t.blank = strings.HasPrefix(t.normalize("a", place{first: true, afterToken: true}), blankMark)
	var err error
	if f.sp != nil {
		t.vocab, err = f.spVocab()
		return err
	}
	t.vocab, err = f.llamaHFVocab(t.blank)
	return err
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

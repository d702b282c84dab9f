package tokenizer

import (
	"errors"
	"strings"
)

// asBytes is a byte-level vocabulary, which a pre-tokenizer splits into words.
func (f *folder) asBytes(t *Tokenizer, changes []change) error {
	pt, odd := shapeOf(f.tok.Pre)
	t.normalize = func(s string, _ place) string {
		s = apply(changes, s)
		if pt.prefixSpace && s != "" && s[0] != ' ' {
			s = " " + s
		}
		return s
	}
	var err error
	if t.vocab, err = f.gpt2Vocab(); err != nil {
		return err
	}
	if err := f.template(t, f.tok.Post); err != nil {
		return err
	}
	p, name := preNamed(f.opt.Pre), f.opt.Pre
	if name == "" {
		if p, name, err = f.recognise(t, pt, odd); err != nil {
			return err
		}
	} else if p == nil || p.Chars {
		return unsupported("no pre-tokenizer for byte-level vocabularies is known under the name %q", name)
	}
	t.splitBy(p)
	t.vocab.Pre = name
	if p.AddBOS {
		// A runtime would add a BOS to every text for the name alone: say that this tokenizer does not.
		no := false
		t.vocab.AddBOS = &no
	}
	return nil
}

func (t *Tokenizer) splitBy(p *pre) {
	t.split = p.Split
	if p.HF != nil {
		t.split = p.HF
	}
}

// recognise finds the pre-tokenizer that does what a tokenizer.json says, and a name that runtimes know it by. What it
// does is read off; where several names mean the same, or it is written in a way that is not known, the tokens of the text
// that the reference knows tokenizers by decide. odd is what was wrong with the way it is written.
func (f *folder) recognise(t *Tokenizer, pt preTokenizer, odd error) (*pre, string, error) {
	var p *pre
	if odd == nil && pt.bytes {
		p = preShaped(pt.shape, f.evidence(pt))
	}
	if p == nil {
		return f.probe(t, pt, odd)
	}
	t.splitBy(p)
	name := p.Names[0]
	if probed := t.probeName(); probed != "" {
		if q := preNamed(probed); q != nil && q.Shape == p.Shape && q.IgnoreMerges == f.tok.IgnoreMerges {
			p, name = q, probed
		}
	}
	return p, name, f.reachable(t, p)
}

// probe tries every pre-tokenizer: the right one makes tokens by which the reference would call it by its name.
func (f *folder) probe(t *Tokenizer, pt preTokenizer, odd error) (*pre, string, error) {
	for _, p := range pres {
		if p.Chars {
			continue
		}
		t.splitBy(p)
		if name := t.probeName(); name != "" && preNamed(name) == p && p.IgnoreMerges == f.tok.IgnoreMerges {
			return p, name, nil
		}
	}
	switch {
	case odd != nil:
		return nil, "", hinted(odd)
	case !pt.bytes:
		return nil, "", unsupported("a BPE vocabulary that is neither byte-level nor falls back to bytes cannot be read")
	}
	return nil, "", hinted(unsupported("no pre-tokenizer is known that does this: %s", strings.ReplaceAll(pt.shape, "\n", "; ")))
}

// reachable sees that a runtime, which knows by the name alone whether words that are tokens are merged all the same, comes
// to the same tokens: that is so where merging makes every token out of its own text.
func (f *folder) reachable(t *Tokenizer, p *pre) error {
	if p.IgnoreMerges == f.tok.IgnoreMerges {
		return nil
	}
	b := *t.model.(*bpe)
	b.keepWords = false
	var m merger
	var ids []int32
	for _, e := range f.tok.Vocab.entries {
		word, ok := fromAlphabet(e.text)
		if ends, _ := t.split.words(nil, nil, word); !ok || word == "" || len(ends) != 1 {
			continue // never a word
		}
		if ids = m.encode(ids[:0], word, &b); len(ids) != 1 || ids[0] != e.id {
			return hinted(unsupported("ignore_merges is %v, which a runtime does not take from a file, but from the name of the pre-tokenizer, %s: the word %q would get other tokens",
				f.tok.IgnoreMerges, p.Names[0], word))
		}
	}
	return nil
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
			_, ok := f.tok.Vocab.get(text)
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

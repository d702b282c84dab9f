package tokenizer

import "strings"

// asWordPiece is BERT's kind of vocabulary.
func (f *folder) asWordPiece(t *Tokenizer, changes []change) error {
	pt, err := shapeOf(f.tok.Pre)
	switch {
	case err != nil:
		return err
	case pt.shape != bertWords:
		return unsupported("a WordPiece vocabulary with the pre-tokenizer %s is not known, only BERT's", strings.ReplaceAll(pt.shape, "\n", "; "))
	case f.tok.Prefix == "":
		return unsupported("a WordPiece vocabulary that does not mark what follows in a word is not known")
	}
	w := newWordPiece(f.tok.Vocab)
	w.continued, w.most = f.tok.Prefix, f.tok.MostInWord
	if id, ok := f.tok.Vocab.get(f.tok.Unk); ok {
		w.unk = id
	}
	t.model, t.split, t.tidy, t.blank = w, splitBert, true, true
	t.normalize = func(s string, _ place) string { return apply(changes, s) }
	if t.vocab, err = f.bertVocab(); err != nil {
		return err
	}
	if err := f.template(t, f.tok.Post); err != nil {
		return err
	}
	if name := t.probeName(); name != "" {
		t.vocab.Pre = name
	}
	return nil
}

// bertVocab writes tokens as the reference does: a blank mark before those that begin a word, nothing before others.
func (f *folder) bertVocab() (*Vocab, error) {
	v := NewVocab("bert", "default")
	if err := f.base(v); err != nil {
		return nil, err
	}
	for _, a := range f.tok.Added {
		v.setAdded(a.ID, a.Content, a.Special)
	}
	v.pad(0)
	for i, text := range v.Tokens {
		if rest, ok := strings.CutPrefix(text, f.tok.Prefix); ok && v.Types[i] != Control {
			v.Tokens[i] = rest
		} else if v.Types[i] != Control {
			v.Tokens[i] = blankMark + text
		}
	}
	for _, n := range f.tok.Normalizer.steps() {
		yes := true
		switch n.Type {
		case "BertNormalizer":
			v.Lowercase, v.StripAccents = n.Lowercase, n.StripAccents
			if !is(n.CleanText, true) || !is(n.Chinese, true) {
				v.Notes = append(v.Notes, "the tokenizer keeps control characters, or does not set ideographs apart: runtimes do not know that")
			}
		case "Lowercase":
			v.Lowercase = &yes
		case "StripAccents":
			v.StripAccents = &yes
		case "NFD": // runtimes do so before they strip accents
		default:
			v.Notes = append(v.Notes, "the tokenizer rewrites text by a step, "+n.describe()+", that a file has no key for: runtimes leave it out")
		}
	}
	return v, v.unique(nil)
}

package tokenizer

import "strings"

// asUnigram is a vocabulary of pieces with scores.
func (f *folder) asUnigram(t *Tokenizer, changes []change) error {
	pt, err := shapeOf(f.tok.Pre)
	if err != nil {
		return err
	}
	if f.tok.Unknown >= f.tok.Vocab.len() {
		return corrupt("the unknown token has the id %d, of %d", f.tok.Unknown, f.tok.Vocab.len())
	}
	u := newUnigram()
	u.ids, u.scores, u.unk, u.fallback = f.tok.Vocab, f.tok.Scores, int32(f.tok.Unknown), f.tok.ByteFallback
	u.setBytes(u.ids)
	worst := 0.0
	for i, s := range u.scores {
		if i == 0 || s < worst {
			worst = s
		}
		u.find.add(f.tok.Vocab.entries[i].text, int32(i))
	}
	u.miss = worst - missing
	t.model = u
	if err := f.marks(t, pt, changes); err != nil {
		return err
	}
	if t.vocab, err = f.unigramVocab(t.blank); err != nil {
		return err
	}
	return f.template(t, f.tok.Post)
}

// marks makes blanks of text marks, one before every word where that is asked for, and words of what begins with a mark.
func (f *folder) marks(t *Tokenizer, pt preTokenizer, changes []change) error {
	switch {
	case pt.shape != "" && pt.shape != blanksOut:
		return unsupported("a vocabulary of characters with the pre-tokenizer %s is not known", strings.ReplaceAll(pt.shape, "\n", "; "))
	case pt.shape == blanksOut && (pt.scheme != "always" || !pt.cuts):
		return unsupported("a pre-tokenizer that leaves blanks out and does not mark all words is not known")
	}
	if pt.mark != "" && pt.cuts {
		t.apart = func(rune) bool { return true }
		t.split = splitter{isolate(oneMark)}
	}
	t.normalize = func(s string, at place) string {
		s = apply(changes, s)
		switch {
		case pt.mark == "" || s == "":
			return s
		case pt.shape == blanksOut:
			return markedWords(s)
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
	return nil
}

// markedWords leaves white space out and puts a mark before each word that has none.
func markedWords(s string) string {
	var b strings.Builder
	for _, word := range strings.FieldsFunc(s, func(r rune) bool { return classOf(r)&space != 0 }) {
		if !strings.HasPrefix(word, blankMark) {
			b.WriteString(blankMark)
		}
		b.WriteString(word)
	}
	return b.String()
}

const mergedInstead = "the tokenizer takes the likeliest tokens (unigram) and falls back to bytes: runtimes know no such kind; the file says to merge by score, which gives other tokens for some texts"

// t5 says of a vocabulary what a runtime has to know of a SentencePiece unigram model.
func (f *spFile) t5(v *Vocab) {
	if f.Fallback {
		v.Notes = append(v.Notes, mergedInstead)
		return
	}
	v.Model, v.Charsmap = "t5", f.Charsmap
	v.AddSpacePrefix, v.RemoveExtraSpaces = &f.DummyPrefix, &f.RemoveExtra
}

// unigramVocab is what a GGUF file holds of such a vocabulary. A runtime's unigram model knows no bytes: where a vocabulary
// falls back to them it is written as the reference does, for a runtime to merge by score.
func (f *folder) unigramVocab(blank bool) (*Vocab, error) {
	v := NewVocab("t5", "default")
	if f.tok.ByteFallback {
		v.Model = "llama"
		v.Notes = append(v.Notes, mergedInstead)
	}
	if err := f.base(v); err != nil {
		return nil, err
	}
	for i := range v.Scores {
		v.Scores[i] = lowestScore
	}
	for i, s := range f.tok.Scores {
		v.Scores[i] = float32(s)
		if _, ok := fromByteToken(v.Tokens[i]); ok && f.tok.ByteFallback {
			v.Types[i] = Byte
		}
	}
	for _, a := range f.tok.Added {
		v.setAdded(a.ID, a.Content, a.Special)
	}
	if f.tok.Unknown >= 0 {
		v.Types[f.tok.Unknown] = Unknown
	}
	v.pad(-10000)
	if err := f.unigramRules(v, blank); err != nil {
		return nil, err
	}
	return v, v.unique(f.tok.Vocab)
}

// unigramRules writes what is done to a text before it is cut, as far as a runtime knows it.
func (f *folder) unigramRules(v *Vocab, blank bool) error {
	v.AddSpacePrefix = &blank
	if v.Model != "t5" {
		v.AddSpacePrefix = nil
		if !blank {
			v.AddSpacePrefix = &blank
		}
		return nil
	}
	squeezes := false
	for _, n := range f.tok.Normalizer.steps() {
		switch {
		case n.Type == "Precompiled" && v.Charsmap == nil:
			var err error
			if v.Charsmap, err = n.charsmapBytes(); err != nil {
				return err
			}
		case n.Type == "Strip", n.Type == "Replace" && n.Pattern != nil && n.Pattern.Regex != nil && *n.Pattern.Regex == " {2,}":
			squeezes = true
		case n.Type == "Replace" && n.Pattern != nil && n.Pattern.String != nil && *n.Pattern.String == " " && n.Content == blankMark:
		default:
			v.Notes = append(v.Notes, "the tokenizer rewrites text by a step, "+n.describe()+", that a file has no key for: runtimes leave it out")
		}
	}
	if pt, err := shapeOf(f.tok.Pre); err == nil && pt.shape == blanksOut {
		squeezes = true
	}
	v.RemoveExtraSpaces = &squeezes
	return nil
}

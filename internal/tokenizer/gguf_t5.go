package tokenizer

import (
	"math"
	"strings"
)

// t5FromVocab is the unigram model as llama.cpp runs it. Unlike SentencePiece it gives tokens that users define the score
// zero and finds them in the text as it was written.
func t5FromVocab(v *Vocab) (*Tokenizer, error) {
	switch {
	case len(v.Tokens) == 0:
		return nil, corrupt("the vocabulary is empty")
	case len(v.Scores) < len(v.Tokens):
		return nil, corrupt("%d scores for %d tokens", len(v.Scores), len(v.Tokens))
	}
	table, err := readCharsmap(v.Charsmap)
	if err != nil {
		return nil, err
	}
	ids := indexOf(v.Tokens)
	has := func(text string) bool { _, ok := ids.get(text); return ok }
	u := newUnigram()
	u.scores = make([]float64, len(v.Tokens))
	worst := float32(math.MaxFloat32)
	for i, text := range v.Tokens {
		switch v.runtimeKind(i, has) {
		case Normal:
			worst = min(worst, v.Scores[i])
			u.scores[i] = float64(v.Scores[i])
		case Unused:
			u.scores[i] = float64(v.Scores[i])
		case UserDefined:
		default:
			continue
		}
		u.find.add(text, int32(i))
	}
	u.miss = float64(worst - missing)
	u.unk = int32(orElse(v, v.UNK, 2))
	t := &Tokenizer{vocab: v, model: u, spelled: newPartition(v, ids), blank: is(v.AddSpacePrefix, true)}
	before, squeeze := is(v.AddSpacePrefix, true), is(v.RemoveExtraSpaces, false)
	t.normalize = func(s string, _ place) string { return spaced(table.longest(s, nil), before, squeeze) }
	t.surround(is(v.AddBOS, false), is(v.AddEOS, true), v.BOS, orElse(v, v.EOS, 1))
	return t, nil
}

// spaced writes marks for blanks: before the text, when before is set; where squeeze is set one before each word, the
// first included, and none elsewhere.
func spaced(s string, before, squeeze bool) string {
	var b strings.Builder
	begun, inWord := false, false
	for i := 0; i < len(s); i++ {
		if s[i] == ' ' {
			inWord = false
			if !squeeze {
				b.WriteString(blankMark)
			}
			continue
		}
		if !inWord {
			inWord = true
			if before && !begun || squeeze {
				b.WriteString(blankMark)
				begun = true
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

package tokenizer

import "strings"

// fromSentencePiece makes the tokenizer of a tokenizer.model that has no tokenizer.json beside it.
func (f *folder) fromSentencePiece() (*Tokenizer, error) {
	if len(f.sp.Charsmap) > 0 {
		return nil, in("tokenizer.model", unsupported("it rewrites characters by a table (normalizer_spec.precompiled_charsmap), which is not known; with a tokenizer.json beside it could be read"))
	}
	v, err := f.spVocab()
	if err != nil {
		return nil, in("tokenizer.model", err)
	}
	t := &Tokenizer{vocab: v, blank: f.sp.DummyPrefix}
	// SentencePiece merges neither control nor byte pieces; those are found as tokens that text spells, or not at all.
	ids := map[string]int32{}
	scores := make([]float32, len(f.sp.Pieces))
	var spelled, own []added
	for i, p := range f.sp.Pieces {
		scores[i] = p.Score
		if i >= len(v.Tokens) {
			break
		}
		switch p.Type {
		case Normal, Unused, UserDefined:
			if _, ok := ids[p.Text]; !ok {
				ids[p.Text] = int32(i)
			}
			if p.Type == UserDefined {
				own = append(own, added{ID: i, Content: p.Text})
			}
		case Control, Unknown:
			spelled = append(spelled, added{ID: i, Content: p.Text, Special: true})
		}
	}
	m := newSPM(ids, scores, len(scores))
	for i, p := range f.sp.Pieces {
		if b, ok := fromByteToken(p.Text); ok && p.Type == Byte && i < len(v.Tokens) {
			m.bytes[b] = int32(i)
		}
	}
	m.unk = int32(f.sp.Unk)
	if !v.valid(f.sp.Unk) {
		m.unk = -1
	}
	t.model = m
	t.spelled = newAddedSet(f.addedBeside(spelled, len(v.Tokens)), func(s string) string { return s })
	if len(own) > 0 {
		t.normalized = newAddedSet(own, func(s string) string { return s })
	}
	texts := make([]string, 0, len(ids))
	for s := range ids {
		texts = append(texts, s)
	}
	t.apart = apartFrom(texts)
	t.normalize = f.sp.normalize
	if err := f.finish(v); err != nil {
		return nil, err
	}
	t.surround(is(v.AddBOS, true), is(v.AddEOS, false), orElse(v, v.BOS, f.sp.BOS), orElse(v, v.EOS, f.sp.EOS))
	return t, nil
}

// addedBeside adds the tokens of added_tokens.json and tokenizer_config.json to those of the model itself; where they
// speak of the same one, tokenizer_config.json knows best.
func (f *folder) addedBeside(all []added, n int) []added {
	at := map[string]int{}
	for _, list := range [][]added{all, f.extra, f.listed} {
		for _, a := range list {
			if a.ID >= n {
				continue
			}
			i, ok := at[a.Content]
			if !ok {
				i = len(at)
				at[a.Content] = i
			}
			if i < len(all) {
				a.Special = a.Special || all[i].Special
				all[i] = a
			} else {
				all = append(all, a)
			}
		}
	}
	return all
}

// normalize is SentencePiece's own normalizing, less the map of characters.
func (f *spFile) normalize(s string, at place) string {
	if f.RemoveExtra {
		s = squeezeBlanks(strings.Trim(s, " "), " ")
	}
	if s == "" {
		return s
	}
	if f.DummyPrefix && at.afterToken {
		s = " " + s
	}
	if f.Escape {
		s = strings.ReplaceAll(s, " ", blankMark)
	}
	return s
}

package tokenizer

import "strings"

// fromSentencePiece makes the tokenizer of a tokenizer.model that has no tokenizer.json beside it.
func (f *folder) fromSentencePiece() (*Tokenizer, error) {
	v, err := f.spVocab()
	if err != nil {
		return nil, in("tokenizer.model", err)
	}
	t := &Tokenizer{vocab: v, blank: f.sp.DummyPrefix}
	// SentencePiece merges neither control nor byte pieces; those are found as tokens that text spells, or not at all.
	ids := newIndex(len(f.sp.Pieces))
	var spelled, own []added
	for i, p := range f.sp.Pieces {
		if i >= len(v.Tokens) {
			break
		}
		switch p.Type {
		case Normal, Unused, UserDefined:
			ids.add(p.Text, int32(i))
			if p.Type == UserDefined {
				own = append(own, added{ID: i, Content: p.Text})
			}
		case Control, Unknown:
			spelled = append(spelled, added{ID: i, Content: p.Text, Special: true})
		}
	}
	t.spelled = newAddedSet(f.addedBeside(spelled, len(v.Tokens)), func(s string) string { return s })
	keep := newMatcher()
	for i, a := range own {
		keep.add(a.Content, int32(i))
	}
	t.normalize = func(s string, at place) string { return f.sp.normalize(s, at, keep) }
	if f.sp.ModelType == spUnigram {
		t.model = f.sp.unigram(len(v.Tokens))
	} else {
		t.model = f.sp.merging(ids, len(v.Tokens))
		if len(own) > 0 {
			t.normalized = newAddedSet(own, func(s string) string { return s })
		}
		texts := make([]string, 0, ids.len())
		for _, e := range ids.entries {
			texts = append(texts, e.text)
		}
		t.apart = apartFrom(texts)
	}
	if err := f.finish(v); err != nil {
		return nil, err
	}
	starts := f.sp.ModelType == spBPE
	if !starts {
		f.needed(t)
		for _, s := range []struct {
			to *int
			id int
		}{{&v.BOS, f.sp.BOS}, {&v.EOS, f.sp.EOS}, {&v.PAD, f.sp.Pad}} {
			if *s.to < 0 && v.valid(s.id) {
				*s.to = s.id
			}
		}
	}
	t.surround(is(v.AddBOS, starts), is(v.AddEOS, !starts), orElse(v, v.BOS, f.sp.BOS), orElse(v, v.EOS, f.sp.EOS))
	return t, nil
}

// merging is the model of a file whose pieces are merged; n is how many of them count.
func (f *spFile) merging(ids *index, n int) model {
	scores := make([]float32, len(f.Pieces))
	for i, p := range f.Pieces {
		scores[i] = p.Score
	}
	m := newSPM(ids, scores, len(scores))
	f.bytePieces(&m.bytes, n)
	m.unk = f.unknown(n)
	return m
}

// unigram is the model of a file whose pieces are chosen. Pieces that users define count as more likely than any other.
func (f *spFile) unigram(n int) model {
	u := newUnigram()
	u.single, u.fallback, u.unk = true, f.Fallback, f.unknown(n)
	f.bytePieces(&u.bytes, n)
	u.scores = make([]float64, n)
	var worst, best float32
	first := true
	for _, p := range f.Pieces[:min(n, len(f.Pieces))] {
		if p.Type == Normal {
			if first || p.Score < worst {
				worst = p.Score
			}
			if first || p.Score > best {
				best = p.Score
			}
			first = false
		}
	}
	for i, p := range f.Pieces[:min(n, len(f.Pieces))] {
		switch p.Type {
		case Normal:
			u.scores[i] = float64(p.Score)
		case UserDefined:
			u.scores[i] = float64(float32(len(p.Text))*best) - 0.1
		default:
			continue
		}
		u.find.add(p.Text, int32(i))
	}
	u.miss = float64(worst - missing)
	return u
}

func (f *spFile) bytePieces(to *[256]int32, n int) {
	for i, p := range f.Pieces {
		if b, ok := fromByteToken(p.Text); ok && p.Type == Byte && i < n {
			to[b] = int32(i)
		}
	}
}

func (f *spFile) unknown(n int) int32 {
	if f.Unk < 0 || f.Unk >= n {
		return -1
	}
	return int32(f.Unk)
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

// normalize is SentencePiece's own normalizing; texts that keep finds are not rewritten.
func (f *spFile) normalize(s string, at place, keep *matcher) string {
	if f.table != nil {
		s = f.table.longest(s, keep)
	}
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
		if f.RemoveExtra { // which comes last there, and knows blanks as marks
			s = strings.TrimRight(s, blankMark)
		}
	}
	return s
}

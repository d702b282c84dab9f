package tokenizer

import "strconv"

// readScores reads Unigram's vocabulary: a list of pieces with scores, the ids are their places.
func (f *hfFile) readScores(r *reader) error {
	f.Scores = []float64{}
	return r.array(func() error {
		n := 0
		err := r.array(func() error {
			n++
			if n == 1 {
				text, err := r.str()
				id := int32(f.Vocab.len())
				if at, twice := f.Vocab.add(text, id); twice && err == nil {
					err = corrupt("the pieces %d and %d are both spelled %q", at, id, text)
				}
				f.Top = max(f.Top, int(id))
				return err
			}
			raw, err := r.raw()
			if err != nil || n > 2 {
				return err
			}
			score, err := strconv.ParseFloat(raw, 64)
			if err != nil {
				return corrupt("piece %d has the score %s", f.Vocab.len()-1, raw)
			}
			f.Scores = append(f.Scores, score)
			return nil
		})
		if err == nil && n != 2 {
			err = corrupt("piece %d has %d parts", f.Vocab.len()-1, n)
		}
		return err
	})
}

// readUnknown reads unk_id, which may be null.
func (f *hfFile) readUnknown(r *reader) error {
	raw, err := r.raw()
	if err != nil || raw == "null" {
		return err
	}
	if f.Unknown, err = strconv.Atoi(raw); err != nil || f.Unknown < 0 {
		return corrupt("the unknown token has the id %.20s", raw)
	}
	return nil
}

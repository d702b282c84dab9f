package tokenizer

import "math"

// unigram is SentencePiece's other kind of model: of all ways to cut a text into tokens it takes the one whose scores, the
// logarithms of probabilities, have the greatest sum (Kudo, 2018). What is no token costs ten more than the worst one.
type unigram struct {
	find   *matcher  // numbers are ids
	scores []float64 // by id
	miss   float64   // the score of a character without a token
	unk    int32     // -1 for none: what is not known is left out

	single   bool       // sums are rounded to float32, as SentencePiece's own are
	ids      *index     // tokens by which a run of unknown characters may still be called; nil: none
	bytes    [256]int32 // -1 for none
	fallback bool       // a run of unknown characters becomes its bytes
}

const missing = 10 // less than the least score

// A path is the best way to reach a place in the text.
type path struct {
	score       float64
	start, next int32 // where its last token begins, -1 when there is no way; where the next one ends
	id          int32
}

func newUnigram() *unigram {
	u := &unigram{find: newMatcher(), unk: -1}
	for b := range u.bytes {
		u.bytes[b] = -1
	}
	return u
}

func (u *unigram) setBytes(ids *index) {
	for b := range u.bytes {
		if id, ok := ids.get(byteToken(byte(b))); ok {
			u.bytes[b] = id
		}
	}
}

func (u *unigram) tokens(dst []int32, text string, m *merger) []int32 {
	if len(text) == 0 || len(text) >= math.MaxInt32 {
		return dst
	}
	if cap(m.paths) <= len(text) {
		m.paths = make([]path, len(text)+1)
	}
	best := m.paths[:len(text)+1]
	for i := range best {
		best[i].start = -1
	}
	best[0] = path{}
	u.search(best, text)
	for end := int32(len(text)); end > 0; end = best[end].start {
		best[best[end].start].next = end
	}
	for at := int32(0); int(at) < len(text); {
		end := best[at].next
		id := best[end].id
		if id != u.unk {
			dst = append(dst, id)
			at = end
			continue
		}
		for int(end) < len(text) && best[best[end].next].id == u.unk {
			end = best[end].next
		}
		dst = u.unknown(dst, text[at:end])
		at = end
	}
	return dst
}

// search finds the best way to every place that a character begins at.
func (u *unigram) search(best []path, text string) {
	for at := 0; at < len(text); {
		n := runeLen(text[at:])
		here, known := best[at].score, false
		reach := func(end int, id int32, score float64) {
			score += here
			if to := &best[end]; to.start < 0 || score > to.score {
				if u.single {
					score = float64(float32(score))
				}
				to.score, to.start, to.id = score, int32(at), id
			}
		}
		if u.find.roots[text[at]] != 0 {
			u.find.walk(text, at, func(end int, id int32) {
				known = known || end == at+n
				reach(end, id, u.scores[id])
			})
		}
		if !known {
			reach(at+n, u.unk, u.miss)
		}
		at += n
	}
}

// unknown appends what becomes of a run of characters without tokens.
func (u *unigram) unknown(dst []int32, run string) []int32 {
	if u.ids != nil {
		if id, ok := u.ids.get(run); ok {
			return append(dst, id)
		}
	}
	if u.fallback && u.hasBytes(run) {
		for i := 0; i < len(run); i++ {
			dst = append(dst, u.bytes[run[i]])
		}
		return dst
	}
	if u.unk >= 0 {
		dst = append(dst, u.unk)
	}
	return dst
}

func (u *unigram) hasBytes(s string) bool {
	for i := 0; i < len(s); i++ {
		if u.bytes[s[i]] < 0 {
			return false
		}
	}
	return true
}

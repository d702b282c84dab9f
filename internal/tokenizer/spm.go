package tokenizer

import "slices"

// spm merges as SentencePiece's BPE does: of all neighbours that together are a token the one with the highest score,
// the leftmost among equals. It needs no list of merges.
type spm struct {
	ids   *index
	ranks []uint32   // of each token: how many scores are higher than its own
	bytes [256]int32 // -1 for none
	unk   int32
}

func newSPM(ids *index, scores []float32, n int) *spm {
	m := &spm{ids: ids, ranks: make([]uint32, n), unk: -1}
	order := make([]int32, n)
	for i := range order {
		order[i] = int32(i)
	}
	score := func(id int32) float32 {
		if int(id) < len(scores) && scores[id] == scores[id] {
			return scores[id]
		}
		return 0
	}
	slices.SortFunc(order, func(a, b int32) int {
		switch x, y := score(a), score(b); {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return 0
	})
	rank := uint32(0)
	for i, id := range order {
		if i > 0 && score(id) != score(order[i-1]) {
			rank++
		}
		m.ranks[id] = rank
	}
	for b := range m.bytes {
		m.bytes[b] = -1
	}
	return m
}

func (m *spm) tokens(dst []int32, word string, by *merger) []int32 { return by.encode(dst, word, m) }

func (m *spm) whole(string) (int32, bool) { return 0, false }

func (m *spm) start(syms []symbol, word string) []symbol {
	for i := 0; i < len(word); {
		n := runeLen(word[i:])
		id, ok := m.ids.get(word[i : i+n])
		if !ok {
			id = -1
		}
		syms = append(syms, symbol{id: id, start: int32(i), end: int32(i + n)})
		i += n
	}
	return syms
}

func (m *spm) pair(word string, l, r *symbol) (int32, uint32, bool) {
	id, ok := m.ids.get(word[l.start:r.end])
	if !ok {
		return 0, 0, false
	}
	return id, m.ranks[id], true
}

func (m *spm) finish(dst []int32, word string, s *symbol) []int32 {
	if s.id >= 0 {
		return append(dst, s.id)
	}
	for i := s.start; i < s.end; i++ {
		if m.bytes[word[i]] < 0 { // not all of its bytes have tokens: unknown, once for all that stand together
			if n := len(dst); m.unk >= 0 && (n == 0 || dst[n-1] != m.unk) {
				dst = append(dst, m.unk)
			}
			return dst
		}
	}
	for i := s.start; i < s.end; i++ {
		dst = append(dst, m.bytes[word[i]])
	}
	return dst
}

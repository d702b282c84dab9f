package tokenizer

// A symbol is a piece of a word while it is being merged: a byte, a character or a token.
type symbol struct {
	id         int32 // of the token, or negative where there is none
	start, end int32 // in the word
	prev, next int32 // neighbours, -1 at the ends
}

// A model turns a word into tokens.
type model interface {
	tokens(dst []int32, word string, m *merger) []int32
}

// A joiner is the part of a model that merges: which symbols a word begins as and which neighbours become which token.
type joiner interface {
	// start appends the symbols of a word.
	start(syms []symbol, word string) []symbol
	// pair says what two neighbours merge into; the smallest rank is merged first.
	pair(word string, l, r *symbol) (id int32, rank uint32, ok bool)
	// finish appends the tokens of a symbol that was merged no further.
	finish(dst []int32, word string, s *symbol) []int32
	// whole is the token of a word that is not to be merged at all.
	whole(word string) (id int32, ok bool)
}

// A merger does the merging, always the pair of smallest rank first and the leftmost among equals, and keeps its memory
// and that of models that do not merge.
type merger struct {
	syms  []symbol
	ids   []int32 // short words: what symbol i and the one after it merge into
	ranks []uint32
	heap  []candidate
	paths []path // see unigram
}

// A candidate is a pair that may be merged; it is stale when its symbols have changed since.
type candidate struct {
	key uint64 // rank, then position of the left symbol
	end int32  // of the right symbol
	id  int32
}

const (
	shortWord = 24 // symbols up to which looking at all pairs is faster than a heap
	noRank    = ^uint32(0)
)

// encode appends the tokens of one word.
func (m *merger) encode(dst []int32, word string, by joiner) []int32 {
	if id, ok := by.whole(word); ok {
		return append(dst, id)
	}
	m.syms = by.start(m.syms[:0], word)
	if len(m.syms) <= shortWord {
		m.mergeShort(word, by)
		for i := range m.syms {
			dst = by.finish(dst, word, &m.syms[i])
		}
		return dst
	}
	m.mergeLong(word, by)
	for i := int32(0); i >= 0; i = m.syms[i].next {
		dst = by.finish(dst, word, &m.syms[i])
	}
	return dst
}

// mergeShort looks at all pairs for each merge.
func (m *merger) mergeShort(word string, by joiner) {
	m.ids, m.ranks = m.ids[:0], m.ranks[:0]
	for i := 0; i+1 < len(m.syms); i++ {
		id, rank := m.look(word, by, i)
		m.ids, m.ranks = append(m.ids, id), append(m.ranks, rank)
	}
	for {
		best, at := noRank, -1
		for i, r := range m.ranks {
			if r < best {
				best, at = r, i
			}
		}
		if at < 0 {
			return
		}
		m.syms[at].id, m.syms[at].end = m.ids[at], m.syms[at+1].end
		m.syms = append(m.syms[:at+1], m.syms[at+2:]...)
		m.ids = append(m.ids[:at], m.ids[at+1:]...)
		m.ranks = append(m.ranks[:at], m.ranks[at+1:]...)
		if at > 0 {
			m.ids[at-1], m.ranks[at-1] = m.look(word, by, at-1)
		}
		if at < len(m.ranks) {
			m.ids[at], m.ranks[at] = m.look(word, by, at)
		}
	}
}

func (m *merger) look(word string, by joiner, i int) (int32, uint32) {
	id, rank, ok := by.pair(word, &m.syms[i], &m.syms[i+1])
	if !ok {
		rank = noRank
	}
	return id, rank
}

// mergeLong takes n log n steps for n symbols.
func (m *merger) mergeLong(word string, by joiner) {
	m.heap = m.heap[:0]
	last := int32(len(m.syms) - 1)
	for i := range m.syms {
		m.syms[i].prev, m.syms[i].next = int32(i)-1, int32(i)+1
	}
	m.syms[last].next = -1
	for i := range last {
		m.push(word, by, i)
	}
	for len(m.heap) > 0 {
		c := m.pop()
		at := int32(uint32(c.key))
		l := &m.syms[at]
		if l.start == l.end || l.next < 0 || m.syms[l.next].end != c.end {
			continue // l is gone, or not what it was; its neighbour cannot be another one that ends in the same place
		}
		r := &m.syms[l.next]
		l.id, l.end, l.next = c.id, r.end, r.next
		r.start = r.end
		if l.next >= 0 {
			m.syms[l.next].prev = at
			m.push(word, by, at)
		}
		if l.prev >= 0 {
			m.push(word, by, l.prev)
		}
	}
}

// push offers symbol i and the one after it.
func (m *merger) push(word string, by joiner, i int32) {
	l := &m.syms[i]
	r := &m.syms[l.next]
	id, rank, ok := by.pair(word, l, r)
	if !ok {
		return
	}
	c := candidate{uint64(rank)<<32 | uint64(uint32(i)), r.end, id}
	m.heap = append(m.heap, c)
	h, at := m.heap, len(m.heap)-1
	for at > 0 && c.key < h[(at-1)/2].key {
		h[at] = h[(at-1)/2]
		at = (at - 1) / 2
	}
	h[at] = c
}

// pop takes the candidate of the smallest rank, the leftmost of these.
func (m *merger) pop() candidate {
	h := m.heap
	top, c := h[0], h[len(h)-1]
	h = h[:len(h)-1]
	m.heap = h
	if len(h) == 0 {
		return top
	}
	at := 0
	for {
		child := 2*at + 1
		if child >= len(h) {
			break
		}
		if child+1 < len(h) && h[child+1].key < h[child].key {
			child++
		}
		if c.key <= h[child].key {
			break
		}
		h[at] = h[child]
		at = child
	}
	h[at] = c
	return top
}

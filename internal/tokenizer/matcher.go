package tokenizer

// A matcher finds a set of texts in another: at every place the longest.
type matcher struct {
	begins [256]bool
	next   map[uint64]int32 // node and byte → node
	ends   []int32          // of each node: the number of the text that ends there, or -1
	texts  int
}

func newMatcher() *matcher { return &matcher{next: map[uint64]int32{}, ends: []int32{-1}} }

// add takes a text under a number; of equal texts the first counts.
func (m *matcher) add(text string, number int32) {
	if text == "" {
		return
	}
	m.begins[text[0]] = true
	node := int32(0)
	for i := 0; i < len(text); i++ {
		key := uint64(uint32(node))<<8 | uint64(text[i])
		to, ok := m.next[key]
		if !ok {
			to = int32(len(m.ends))
			m.next[key] = to
			m.ends = append(m.ends, -1)
		}
		node = to
	}
	if m.ends[node] < 0 {
		m.ends[node] = number
		m.texts++
	}
}

// find is the next place at or after from where a text matches, and the longest that does.
func (m *matcher) find(s string, from int) (start, end int, number int32) {
	if m.texts == 0 {
		return 0, 0, -1
	}
	for i := from; i < len(s); i++ {
		if !m.begins[s[i]] {
			continue
		}
		if end, number = m.longest(s, i); number >= 0 {
			return i, end, number
		}
	}
	return 0, 0, -1
}

// longest is the longest text that begins at i.
func (m *matcher) longest(s string, i int) (end int, number int32) {
	number = -1
	m.walk(s, i, func(e int, n int32) { end, number = e, n })
	return end, number
}

// walk reports every text that begins at i, the shorter before the longer.
func (m *matcher) walk(s string, i int, found func(end int, number int32)) {
	node := int32(0)
	for j := i; j < len(s); j++ {
		to, ok := m.next[uint64(uint32(node))<<8|uint64(s[j])]
		if !ok {
			return
		}
		node = to
		if m.ends[node] >= 0 {
			found(j+1, m.ends[node])
		}
	}
}

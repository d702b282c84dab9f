package tokenizer

// A matcher finds a set of texts in another: at every place the longest.
type matcher struct {
	roots [256]int32 // node of each first byte; 0 for none
	nodes []trieNode
	texts int
}

// A trieNode is one byte of texts that begin alike.
type trieNode struct {
	child, sibling int32 // 0 for none
	end            int32 // the number of the text that ends here, or -1
	b              byte
}

func newMatcher() *matcher { return &matcher{nodes: make([]trieNode, 1)} }

// add takes a text under a number; of equal texts the first counts.
func (m *matcher) add(text string, number int32) {
	if text == "" {
		return
	}
	to := m.roots[text[0]]
	if to == 0 {
		to = m.node(text[0], 0)
		m.roots[text[0]] = to
	}
	for i := 1; i < len(text); i++ {
		at := to
		if to = m.child(at, text[i]); to == 0 {
			to = m.node(text[i], m.nodes[at].child)
			m.nodes[at].child = to
		}
	}
	if m.nodes[to].end < 0 {
		m.nodes[to].end = number
		m.texts++
	}
}

func (m *matcher) node(b byte, sibling int32) int32 {
	m.nodes = append(m.nodes, trieNode{sibling: sibling, end: -1, b: b})
	return int32(len(m.nodes) - 1)
}

func (m *matcher) child(at int32, b byte) int32 {
	for c := m.nodes[at].child; c != 0; c = m.nodes[c].sibling {
		if m.nodes[c].b == b {
			return c
		}
	}
	return 0
}

// find is the next place at or after from where a text matches, and the longest that does.
func (m *matcher) find(s string, from int) (start, end int, number int32) {
	if m.texts == 0 {
		return 0, 0, -1
	}
	for i := from; i < len(s); i++ {
		if m.roots[s[i]] == 0 {
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
	at := m.roots[s[i]]
	for at != 0 {
		i++
		if n := m.nodes[at].end; n >= 0 {
			found(i, n)
		}
		if i == len(s) {
			return
		}
		at = m.child(at, s[i])
	}
}

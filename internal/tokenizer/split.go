package tokenizer

import "sort"

// A match is a pattern, written by hand: it returns the end of what it matches at i, or i when it does not match there.
// It sees the whole piece that it splits, and nothing beyond, as a regular expression would.
type match func(s string, i int) int

// A step splits pieces further.
type step func(ends []int, s string, base int) []int

// A splitter is steps one after the other, each splitting the pieces that the one before left.
type splitter []step

// words appends the ends of the pieces of s.
func (sp splitter) words(ends, spare []int, s string) (done, other []int) {
	ends = append(ends[:0], len(s))
	for _, st := range sp {
		spare = spare[:0]
		from := 0
		for _, to := range ends {
			spare = st(spare, s[from:to], from)
			from = to
		}
		ends, spare = spare, ends
	}
	return ends, spare
}

// first is the pattern that tries others in turn.
func first(of ...match) match {
	return func(s string, i int) int {
		for _, m := range of {
			if e := m(s, i); e > i {
				return e
			}
		}
		return i
	}
}

// isolate makes every match a piece, and what lies between two matches too.
func isolate(of ...match) step {
	m := first(of...)
	if len(of) == 1 {
		m = of[0]
	}
	return func(ends []int, s string, base int) []int {
		gap := 0 // where what matches nothing began
		for i := 0; i < len(s); {
			e := m(s, i)
			if e <= i {
				i += runeLen(s[i:])
				continue
			}
			if gap < i {
				ends = append(ends, base+i)
			}
			ends = append(ends, base+e)
			i, gap = e, e
		}
		if gap < len(s) {
			ends = append(ends, base+len(s))
		}
		return ends
	}
}

// run is [class]+
func run(of class) match {
	return func(s string, i int) int { return runOf(s, i, of) }
}

// one is [class]
func one(of class) match {
	return func(s string, i int) int {
		c, n := at(s, i)
		if c&of == 0 {
			return i
		}
		return i + n
	}
}

// upTo is [class]{1,n}
func upTo(most int, of class) match {
	return func(s string, i int) int {
		for range most {
			c, n := at(s, i)
			if c&of == 0 {
				break
			}
			i += n
		}
		return i
	}
}

// runesOf is [set]+, for sets that are no category.
func runesOf(in func(r rune) bool) match {
	return func(s string, i int) int {
		for i < len(s) {
			r, n := decode(s, i)
			if !in(r) {
				break
			}
			i += n
		}
		return i
	}
}

// runesIn is [set]+, the set being written as in a regular expression: characters, and ranges of them.
func runesIn(set string) match {
	type span struct{ lo, hi rune }
	var spans []span
	runes := []rune(set)
	for i := 0; i < len(runes); i++ {
		s := span{runes[i], runes[i]}
		if i+2 < len(runes) && runes[i+1] == '-' {
			s.hi = runes[i+2]
			i += 2
		}
		spans = append(spans, s)
	}
	sort.Slice(spans, func(i, j int) bool { return spans[i].lo < spans[j].lo })
	return runesOf(func(r rune) bool {
		i := sort.Search(len(spans), func(i int) bool { return spans[i].hi >= r })
		return i < len(spans) && spans[i].lo <= r
	})
}

// afterSpace is \s?m
func afterSpace(m match) match {
	return func(s string, i int) int {
		if c, n := at(s, i); c&space != 0 {
			if e := m(s, i+n); e > i+n {
				return e
			}
		}
		return m(s, i)
	}
}

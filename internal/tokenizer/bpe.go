package tokenizer

import (
	"bytes"
	"strings"
	"sync"
	"unicode/utf8"
)

// merges is the table of byte-pair encoding: a pair of ids, its rank, what it becomes. Open addressing, because a map of
// half a million pairs takes longer to fill than the text takes to tokenize.
type merges struct {
	slots []mergeSlot
	shift uint
}

type mergeSlot struct {
	l, r, id int32
	rank     uint32 // plus one; 0 is an empty slot
}

func newMerges(n int) *merges {
	bits := uint(4)
	for 1<<bits < 2*n {
		bits++
	}
	return &merges{make([]mergeSlot, 1<<bits), 64 - bits}
}

// slot is where the pair is, or where it would go.
func (t *merges) slot(l, r int32) *mergeSlot {
	key := uint64(uint32(l))<<32 | uint64(uint32(r))
	i := (key * 0x9e3779b97f4a7c15) >> t.shift
	for {
		s := &t.slots[i]
		if s.rank == 0 || s.l == l && s.r == r {
			return s
		}
		i = (i + 1) & uint64(len(t.slots)-1)
	}
}

// bpe merges by rank. Ids at or above len(tokens) are strings that merges name and the vocabulary lacks.
type bpe struct {
	ids        *index // of the text of each token
	merges     *merges
	limit      int32      // number of tokens
	bytes      [256]int32 // the token of each byte, -1 for none
	chars      bool       // words begin as characters rather than bytes
	fallback   bool       // characters without a token become their bytes' tokens
	unk        int32      // the token of what has none, or -1
	fuse       bool       // neighbours without a token become one unk
	keepWords  bool       // a word that is a token is not merged
	keepBreaks bool       // nor is a run of line breaks that is one
}

func (b *bpe) tokens(dst []int32, word string, m *merger) []int32 { return m.encode(dst, word, b) }

func (b *bpe) whole(word string) (int32, bool) {
	if !b.keepWords && !(b.keepBreaks && strings.Trim(word, "\n") == "") {
		return 0, false
	}
	if !b.chars {
		word = toAlphabet(word)
	}
	id, ok := b.ids.get(word)
	return id, ok
}

func (b *bpe) pair(_ string, l, r *symbol) (int32, uint32, bool) {
	if l.id < 0 || r.id < 0 {
		return 0, 0, false
	}
	s := b.merges.slot(l.id, r.id)
	return s.id, s.rank - 1, s.rank > 0
}

func (b *bpe) start(syms []symbol, word string) []symbol {
	if b.chars {
		return b.startChars(syms, word)
	}
	for i := 0; i < len(word); i++ {
		id := b.bytes[word[i]]
		if id < 0 {
			syms = b.unknown(syms, i, i+1)
			continue
		}
		syms = append(syms, symbol{id: id, start: int32(i), end: int32(i + 1)})
	}
	return syms
}

func (b *bpe) startChars(syms []symbol, word string) []symbol {
	for i := 0; i < len(word); {
		n := runeLen(word[i:])
		if id, ok := b.ids.get(word[i : i+n]); ok {
			syms = append(syms, symbol{id: id, start: int32(i), end: int32(i + n)})
		} else if b.fallback && b.hasBytes(word[i:i+n]) {
			for j := i; j < i+n; j++ {
				syms = append(syms, symbol{id: b.bytes[word[j]], start: int32(j), end: int32(j + 1)})
			}
		} else {
			syms = b.unknown(syms, i, i+n)
		}
		i += n
	}
	return syms
}

// unknown appends what has no token; nothing comes of it when the vocabulary has no token for that either.
func (b *bpe) unknown(syms []symbol, start, end int) []symbol {
	if last := len(syms) - 1; b.fuse && b.unk >= 0 && last >= 0 && syms[last].id == b.unk {
		syms[last].end = int32(end)
		return syms
	}
	return append(syms, symbol{id: b.unk, start: int32(start), end: int32(end)})
}

func (b *bpe) hasBytes(s string) bool {
	for i := 0; i < len(s); i++ {
		if b.bytes[s[i]] < 0 {
			return false
		}
	}
	return true
}

func (b *bpe) finish(dst []int32, word string, s *symbol) []int32 {
	switch {
	case s.id < 0:
		return dst
	case s.id < b.limit:
		return append(dst, s.id)
	}
	for i := s.start; i < s.end; i++ { // merged into something that is no token: its bytes
		if id := b.bytes[word[i]]; id >= 0 && id < b.limit {
			dst = append(dst, id)
		}
	}
	return dst
}

// A triple is a merge in ids, negative for what is no token.
type triple struct{ l, r, m int32 }

// learn fills the table of merges. Strings that are not tokens are refused, or get ids beyond the vocabulary's where
// lax: a runtime that merges strings can go through them. Of pairs named twice the first counts, or the last.
func (b *bpe) learn(pairs [][2]string, lax, lastCounts bool) error {
	b.merges = newMerges(len(pairs))
	extra := map[string]int32{}
	missing := func(id *int32, s string) {
		if *id >= 0 {
			return
		}
		var ok bool
		if *id, ok = extra[s]; !ok {
			*id = b.limit + int32(len(extra))
			extra[s] = *id
		}
	}
	for rank, t := range b.ids.triples(pairs) {
		if t.l < 0 || t.r < 0 || t.m < 0 {
			p := pairs[rank]
			if !lax {
				return corrupt("merge %d, %q with %q, names something that is no token", rank, p[0], p[1])
			}
			missing(&t.l, p[0])
			missing(&t.r, p[1])
			missing(&t.m, p[0]+p[1])
		}
		s := b.merges.slot(t.l, t.r)
		if s.rank == 0 || lastCounts {
			*s = mergeSlot{t.l, t.r, t.m, uint32(rank) + 1}
		}
	}
	if !b.chars {
		b.byteSymbols(extra)
	}
	return nil
}

// triples looks merges up, each half of them on a processor of its own: that takes longer than all else that is done with them.
func (x *index) triples(pairs [][2]string) []triple {
	all := make([]triple, len(pairs))
	half := len(pairs) / 2
	var other sync.WaitGroup
	other.Go(func() { x.resolve(all[:half], pairs[:half]) })
	x.resolve(all[half:], pairs[half:])
	other.Wait()
	return all
}

func (x *index) resolve(to []triple, pairs [][2]string) {
	id := func(i int32, ok bool) int32 {
		if !ok {
			return -1
		}
		return i
	}
	var buf, last []byte
	at := -1 // the place of the last result: the next one's often follows
	for i, p := range pairs {
		to[i].l, to[i].r = id(x.get(p[0])), id(x.get(p[1]))
		buf = append(append(buf[:0], p[0]...), p[1]...)
		if i > 0 && bytes.Equal(buf, last) { // the ways to make a token often stand side by side
			to[i].m = to[i-1].m
			continue
		}
		to[i].m = id(x.near(&at, buf))
		buf, last = last, buf
	}
}

// byteSymbols gives the bytes that are no tokens the ids under which merges know them.
func (b *bpe) byteSymbols(extra map[string]int32) {
	for c := range b.bytes {
		if id, ok := extra[string(byteRune[c])]; ok && b.bytes[c] < 0 {
			b.bytes[c] = id
		}
	}
}

// cutMerge reads "left right". Like llama.cpp it looks for the space from the second character on, since a part may be
// a space itself.
func cutMerge(s string) (pair [2]string, ok bool) {
	if s == "" {
		return pair, false
	}
	_, n := utf8.DecodeRuneInString(s)
	i := strings.IndexByte(s[n:], ' ')
	if i < 0 {
		return pair, false
	}
	return [2]string{s[:n+i], s[n+i+1:]}, true
}

// runeLen is the length of the first character; a byte that begins none counts as one of its own.
func runeLen(s string) int {
	if s[0] < utf8.RuneSelf {
		return 1
	}
	_, n := utf8.DecodeRuneInString(s)
	return n
}

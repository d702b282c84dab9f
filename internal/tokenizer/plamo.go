package tokenizer

import (
	"math"
	"unicode/utf8"
)

// plamo is the kind of PLaMo 2 and 3 ("plamo2" in GGUF; facts of the published tokenization_plamo.py): of all ways to cut a text into tokens the one whose scores, in
// ten-thousandths, have the greatest sum, found from the end of the text to its beginning. Of ways that are alike the one whose first token is the longest counts. A character
// without a token becomes its bytes. Control tokens are tokens like all others: text that spells one is that token whether or not it was asked for.
type plamo struct {
	find   *matcher // numbers are ids
	scores []int64  // by id
	bytes  [256]int32
	inside map[[2]byte]bool // neighbours in any token
}

const (
	plamoUnit    = 1e4
	plamoUnknown = -10000000 // the score of a character without a token
	plamoInvalid = -20000000 // tokens of this score and below are never made
	plamoPiece   = 1 << 16   // bytes after which a text is cut where no token can reach across
)

// newPlamo makes the model; round is how scores become whole numbers.
func newPlamo(v *Vocab, score func(id int) float64, round func(float64) float64) (*plamo, error) {
	p := &plamo{find: newMatcher(), scores: make([]int64, len(v.Tokens)), inside: map[[2]byte]bool{}}
	for b := range p.bytes {
		p.bytes[b] = -1
	}
	for id, text := range v.Tokens {
		if v.kind(id) == Byte {
			if b, ok := fromByteToken(text); ok {
				p.bytes[b] = int32(id)
			}
			continue
		}
		s := score(id) * plamoUnit
		if v.kind(id) == Unused || !(s > plamoInvalid) || s > math.MaxInt32 {
			continue
		}
		p.scores[id] = int64(round(s))
		p.find.add(text, int32(id))
		for i := 1; i < len(text); i++ {
			p.inside[[2]byte{text[i-1], text[i]}] = true
		}
	}
	for b, id := range p.bytes {
		if id < 0 {
			return nil, corrupt("there is no token for the byte %s", byteToken(byte(b)))
		}
	}
	return p, nil
}

func (p *plamo) tokens(dst []int32, text string, m *merger) []int32 {
	for len(text) > plamoPiece {
		cut := plamoPiece
		for cut < len(text) && (p.inside[[2]byte{text[cut-1], text[cut]}] || text[cut]&0xC0 == 0x80) {
			cut++
		}
		if cut == len(text) || cut > math.MaxInt32/2 {
			break
		}
		dst = p.cut(dst, text[:cut], m)
		text = text[cut:]
	}
	if len(text) >= math.MaxInt32 {
		return dst
	}
	return p.cut(dst, text, m)
}

// cut takes the best way through a text. A path is here the way from a place to the end: its score, and where its first token ends.
func (p *plamo) cut(dst []int32, text string, m *merger) []int32 {
	if cap(m.paths) <= len(text) {
		m.paths = make([]path, len(text)+1)
	}
	best := m.paths[:len(text)+1]
	best[len(text)] = path{}
	for next := len(text); next > 0; {
		_, n := utf8.DecodeLastRuneInString(text[:next])
		at := next - n
		here := &best[at]
		*here = path{score: best[next].score + plamoUnknown, next: int32(next), id: -1}
		next = at
		if p.find.roots[text[at]] == 0 {
			continue
		}
		p.find.walk(text, at, func(end int, id int32) {
			if s := best[end].score + float64(p.scores[id]); s >= here.score { // whole numbers, far below 2^53
				here.score, here.next, here.id = s, int32(end), id
			}
		})
	}
	for at := 0; at < len(text); at = int(best[at].next) {
		if id := best[at].id; id >= 0 {
			dst = append(dst, id)
			continue
		}
		for i := at; i < int(best[at].next); i++ {
			dst = append(dst, p.bytes[text[i]])
		}
	}
	return dst
}

// plamoFromVocab is the kind as llama.cpp runs it: it takes a byte order mark away from every stretch of text.
func plamoFromVocab(v *Vocab) (*Tokenizer, error) {
	if len(v.Tokens) == 0 {
		return nil, corrupt("the vocabulary is empty")
	}
	if len(v.Scores) < len(v.Tokens) {
		return nil, corrupt("%d scores for %d tokens", len(v.Scores), len(v.Tokens))
	}
	p, err := newPlamo(v, func(id int) float64 { return float64(v.Scores[id]) }, math.Round)
	if err != nil {
		return nil, err
	}
	t := &Tokenizer{vocab: v, model: p, marked: true, spelled: newPartition(v, indexOf(v.Tokens)), normalize: withoutOrderMark}
	t.surround(is(v.AddBOS, false), is(v.AddEOS, false), orElse(v, v.BOS, 1), orElse(v, v.EOS, 2))
	return t, nil
}

func withoutOrderMark(s string, _ place) string {
	const mark = "\ufeff"
	if len(s) >= len(mark) && s[:len(mark)] == mark {
		return s[len(mark):]
	}
	return s
}

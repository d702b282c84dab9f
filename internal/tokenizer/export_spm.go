package tokenizer

import (
	"encoding/binary"
	"math"
	"sort"
	"unicode/utf8"
)

// characters is a SentencePiece vocabulary, its scores written as merges.
func (w *exporter) characters() {
	v := w.v
	steps := []part{{"type": "Replace", "pattern": part{"String": " "}, "content": blankMark}}
	back := []part{{"type": "Replace", "pattern": part{"String": blankMark}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"}}
	w.normalizer = steps[0]
	if is(v.AddSpacePrefix, v.Model == "llama") {
		steps = append([]part{{"type": "Prepend", "prepend": blankMark}}, steps...)
		back = append(back, part{"type": "Strip", "content": " ", "start": 1, "stop": 0})
		w.normalizer = part{"type": "Sequence", "normalizers": steps}
	}
	w.decoder = part{"type": "Sequence", "decoders": back}
	w.post = w.template()
	m := bpeModel{Type: "BPE", FuseUnk: true, ByteFallback: true, Merges: []string{}}
	if v.Model == "llama" {
		m.Merges = v.mergesOfScores()
	} else if v.Merges != nil {
		m.Merges = v.Merges
	}
	if unk := orElse(v, v.UNK, 0); unk >= 0 {
		text := v.content(unk)
		m.Unk = &text
	}
	m.Vocab = w.vocabulary()
	w.model = m
}

// longestPiece bounds what is cut in two at every place: published vocabularies have no token beyond some dozens of bytes.
const longestPiece = 1 << 10

// mergesOfScores are the pairs of tokens that make another one, those with the highest score first: in this order SentencePiece merges.
// Of the ways to make one token the one with the longest left part comes first, as where Hugging Face's library converts such a vocabulary.
func (v *Vocab) mergesOfScores() []string {
	ids := map[string]int{}
	for i := range v.Tokens {
		switch v.kind(i) {
		case Normal, UserDefined, Unused:
			if _, ok := ids[v.content(i)]; !ok && v.named(i) {
				ids[v.content(i)] = i
			}
		}
	}
	type merge struct {
		left, right string
		a, b        int
		score       float32
	}
	var all []merge
	for text, id := range ids {
		if len(text) > longestPiece {
			continue
		}
		for cut := range text {
			left, right := text[:cut], text[cut:]
			a, ok := ids[left]
			b, also := ids[right]
			if cut > 0 && ok && also {
				all = append(all, merge{left, right, a, b, v.Scores[id]})
			}
		}
	}
	sort.Slice(all, func(i, j int) bool {
		x, y := &all[i], &all[j]
		switch {
		case x.score != y.score:
			return x.score > y.score
		case utf8.RuneCountInString(x.left) != utf8.RuneCountInString(y.left):
			return utf8.RuneCountInString(x.left) > utf8.RuneCountInString(y.left)
		case utf8.RuneCountInString(x.right) != utf8.RuneCountInString(y.right):
			return utf8.RuneCountInString(x.right) > utf8.RuneCountInString(y.right)
		case x.a != y.a:
			return x.a < y.a
		}
		return x.b < y.b
	})
	out := make([]string, len(all))
	for i, m := range all {
		out[i] = m.left + " " + m.right
	}
	return out
}

// sentencePiece is tokenizer.model (spFile has its fields), with the pieces and scores of the vocabulary.
func (v *Vocab) sentencePiece() []byte {
	var m message
	end := len(v.Tokens)
	for ; end > 0 && v.kind(end-1) == Unused && !v.named(end-1); end-- {
	}
	for i := range end {
		var p message
		text := v.content(i)
		if text == "" {
			text = "[PAD" + itoa(i) + "]"
		}
		p.bytes(1, []byte(text))
		p.fixed(2, math.Float32bits(v.Scores[i]))
		if k := v.kind(i); k > Normal && k <= Byte {
			p.number(3, uint64(k))
		}
		m.bytes(1, p)
	}
	var trainer, normalizer message
	trainer.number(3, spBPE)
	trainer.number(4, uint64(end)) // vocab_size
	trainer.number(35, 1)          // byte_fallback
	for i, id := range []int{orElse(v, v.UNK, 0), orElse(v, v.BOS, 1), orElse(v, v.EOS, 2), v.PAD} {
		trainer.number(40+i, uint64(int64(id))) // -1 is none
		if v.valid(id) {
			trainer.bytes(45+i, []byte(v.Tokens[id])) // by its text the library finds it
		}
	}
	normalizer.bytes(1, []byte("identity"))
	normalizer.bytes(2, nil)
	normalizer.flag(3, is(v.AddSpacePrefix, true))
	normalizer.flag(4, is(v.RemoveExtraSpaces, false))
	normalizer.flag(5, true)
	m.bytes(2, trainer)
	m.bytes(3, normalizer)
	return m
}

// A message is a protobuf being written.
type message []byte

func (m *message) number(num int, v uint64) {
	*m = binary.AppendUvarint(binary.AppendUvarint(*m, uint64(num)<<3), v)
}

func (m *message) flag(num int, v bool) {
	n := uint64(0)
	if v {
		n = 1
	}
	m.number(num, n)
}

func (m *message) fixed(num int, v uint32) {
	*m = binary.LittleEndian.AppendUint32(binary.AppendUvarint(*m, uint64(num)<<3|5), v)
}

func (m *message) bytes(num int, v []byte) {
	*m = binary.AppendUvarint(binary.AppendUvarint(*m, uint64(num)<<3|2), uint64(len(v)))
	*m = append(*m, v...)
}

// Package tokenizer turns text into the tokens of a model and back, and reads and makes the vocabulary that a GGUF file
// holds. It reads the tokenizer files of a Hugging Face folder (LoadHF) or a vocabulary (FromVocab); the first tokenizes as
// Hugging Face's tokenizers and SentencePiece do, the second as llama.cpp does.
package tokenizer

import (
	"strings"
	"sync"
)

// Options of Encode.
type Options struct {
	AddSpecial   bool // add the tokens that the model wants around every text, BOS first of all
	ParseSpecial bool // text that spells a control token becomes that token; otherwise it is text like any other
}

// A Tokenizer is safe for use by many goroutines.
type Tokenizer struct {
	vocab    *Vocab
	alphabet bool     // tokens are spelled in the byte-level alphabet
	raw      []string // bytes of tokens that the vocabulary spells otherwise; nil: it does not

	spelled    cutter // the tokens that text spells out
	normalize  func(text string, at place) string
	normalized cutter // the same, but looked for after normalizing; may be nil
	split      splitter
	model      model
	before     []int32 // added when AddSpecial
	after      []int32
	blank      bool                   // encoding puts a blank before the text, decoding takes it away
	marked     bool                   // a mark is a character like others, and no blank
	tidy       bool                   // decoding takes away the blanks before punctuation
	apart      func(before rune) bool // see chunks; nil when the model's words are those of split

	pool sync.Pool // of *encoder
}

// place is where a segment of text lies among the tokens that were spelled out.
type place struct{ first, afterToken bool }

// A cutter finds the tokens that text spells out, special ones only when asked for.
type cutter interface {
	cut(text string, special bool) []segment
}

// A segment is text still to be tokenized, or a token that the text spells.
type segment struct {
	text string
	id   int32 // -1 for text
}

// Vocab is what a GGUF file holds of this tokenizer; the caller must not change it.
func (t *Tokenizer) Vocab() *Vocab { return t.vocab }

// Encode returns the tokens of text. Bytes that are not UTF-8 are kept as bytes where the vocabulary can.
func (t *Tokenizer) Encode(text string, opt Options) []int32 {
	e, _ := t.pool.Get().(*encoder)
	if e == nil {
		e = newEncoder()
	}
	defer t.pool.Put(e)
	dst := make([]int32, 0, len(text)/3+8)
	if opt.AddSpecial {
		dst = append(dst, t.before...)
	}
	where := place{first: true, afterToken: true}
	for _, s := range t.spelled.cut(text, opt.ParseSpecial) {
		if s.id >= 0 {
			dst = append(dst, s.id)
		} else {
			dst = t.segment(dst, e, t.normalize(s.text, where), opt.ParseSpecial)
		}
		where = place{afterToken: s.id >= 0}
	}
	if opt.AddSpecial {
		dst = append(dst, t.after...)
	}
	return dst
}

// segment tokenizes normalized text, in which some added tokens may still be spelled.
func (t *Tokenizer) segment(dst []int32, e *encoder, text string, special bool) []int32 {
	if t.normalized == nil {
		return t.plain(dst, e, text)
	}
	for _, s := range t.normalized.cut(text, special) {
		if s.id >= 0 {
			dst = append(dst, s.id)
		} else {
			dst = t.plain(dst, e, s.text)
		}
	}
	return dst
}

// plain tokenizes text that spells no added token.
func (t *Tokenizer) plain(dst []int32, e *encoder, text string) []int32 {
	if text == "" {
		return dst
	}
	e.ends, e.spare = t.split.words(e.ends, e.spare, text)
	from := 0
	for _, to := range e.ends {
		if t.apart == nil {
			dst = e.word(dst, text[from:to], t.model)
		} else {
			dst = t.chunks(dst, e, text[from:to])
		}
		from = to
	}
	return dst
}

// Decode returns the text of tokens. Ids that name no token are left out.
func (t *Tokenizer) Decode(ids []int32) []byte {
	var out []byte
	for i, id := range ids {
		p := t.piece(id)
		if i == 0 && t.blank {
			p = strings.TrimPrefix(p, " ")
		}
		out = append(out, p...)
	}
	if t.tidy {
		return []byte(beforePunctuation.Replace(string(out)))
	}
	return out
}

// beforePunctuation takes away the blanks that cutting text into words puts before some punctuation.
var beforePunctuation = strings.NewReplacer(" .", ".", " ?", "?", " !", "!", " ,", ",", " ' ", "'", " 's", "'s", " 'm", "'m", " 're", "'re", " 've", "'ve")

// Piece is the text of one token, nil when id names none. It need not be UTF-8: characters may be cut between tokens.
func (t *Tokenizer) Piece(id int32) []byte { return []byte(t.piece(id)) }

func (t *Tokenizer) piece(id int32) string {
	if !t.vocab.valid(int(id)) {
		return ""
	}
	text, kind := t.vocab.Tokens[id], t.vocab.kind(int(id))
	switch {
	case kind == Control || kind == UserDefined || kind == Unknown:
		return text
	case int(id) < len(t.raw):
		return t.raw[id]
	case t.raw != nil:
		return text
	case t.alphabet:
		if raw, ok := fromAlphabet(text); ok {
			return raw
		}
		return text
	case kind == Byte:
		if b, ok := fromByteToken(text); ok {
			return string([]byte{b})
		}
	}
	if t.marked {
		return text
	}
	return strings.ReplaceAll(text, blankMark, " ")
}

// blankMark is what SentencePiece writes for a blank.
const blankMark = "\u2581"

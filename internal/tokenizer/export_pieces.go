package tokenizer

import (
	"encoding/base64"
	"strings"
)

// wordPieceModel and unigramModel are the models of those kinds in a tokenizer.json.
type wordPieceModel struct {
	Type   string     `json:"type"`
	Unk    string     `json:"unk_token"`
	Prefix string     `json:"continuing_subword_prefix"`
	Most   int        `json:"max_input_chars_per_word"`
	Vocab  idsInOrder `json:"vocab"`
}

type unigramModel struct {
	Type     string  `json:"type"`
	Unknown  *int    `json:"unk_id"`
	Vocab    [][]any `json:"vocab"`
	Fallback bool    `json:"byte_fallback"`
}

// wordPieces is BERT's kind: tokens that begin a word lose their mark, those that follow in one get theirs.
func (w *exporter) wordPieces() error {
	v := w.v
	unk, first, last := orElse(v, v.UNK, 100), orElse(v, v.BOS, 101), orElse(v, v.SEP, 102)
	if unk < 0 || first < 0 || last < 0 {
		return unsupported("a WordPiece vocabulary without a token for what is unknown, or for the beginning and the end of a text")
	}
	m := wordPieceModel{Type: "WordPiece", Unk: v.content(unk), Prefix: "##", Most: 100}
	for i := range v.Tokens {
		text := v.Tokens[i]
		if k := v.kind(i); k == Normal || k == Unused || k == UserDefined {
			if whole, begins := strings.CutPrefix(text, blankMark); begins {
				text = whole
			} else {
				text = m.Prefix + text
			}
			if k == Unused && text == "[PAD"+itoa(i)+"]" {
				continue
			}
		}
		m.Vocab = append(m.Vocab, entry{text, int32(i)})
	}
	for _, a := range v.addedTokens() {
		if !a.Special {
			a.Content = strings.TrimPrefix(a.Content, blankMark)
		}
		w.added = append(w.added, a)
	}
	w.normalizer = part{"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": v.StripAccents, "lowercase": is(v.Lowercase, true)}
	w.split, w.decoder = part{"type": "BertPreTokenizer"}, part{"type": "WordPiece", "prefix": m.Prefix, "cleanup": true}
	w.post, w.model = w.around(first, last), m
	return nil
}

// pieces is a unigram vocabulary.
func (w *exporter) pieces() error {
	v := w.v
	if len(v.Scores) < len(v.Tokens) {
		return corrupt("%d scores for %d tokens", len(v.Scores), len(v.Tokens))
	}
	m := unigramModel{Type: "Unigram"}
	if unk := orElse(v, v.UNK, 2); unk >= 0 {
		m.Unknown = &unk
	}
	for i, text := range v.Tokens {
		if text == "" {
			text = "[PAD" + itoa(i) + "]" // ids are places here
		}
		m.Vocab = append(m.Vocab, []any{text, v.Scores[i]})
	}
	w.added = v.addedTokens()
	var steps []part
	if len(v.Charsmap) > 0 {
		steps = append(steps, part{"type": "Precompiled", "precompiled_charsmap": base64.StdEncoding.EncodeToString(v.Charsmap)})
	}
	blanks := part{"type": "Metaspace", "replacement": blankMark, "prepend_scheme": "always", "split": true}
	w.decoder, w.split = blanks, blanks
	if is(v.RemoveExtraSpaces, false) { // then there is one before each word, the first included
		steps = append(steps, part{"type": "Strip", "strip_left": true, "strip_right": true}, part{"type": "Replace", "pattern": part{"Regex": " {2,}"}, "content": " "})
	} else if !is(v.AddSpacePrefix, true) {
		blanks["prepend_scheme"] = "never"
	}
	if len(steps) > 0 {
		w.normalizer = part{"type": "Sequence", "normalizers": steps}
	}
	first, last := -1, -1
	if is(v.AddBOS, false) {
		first = v.BOS
	}
	if is(v.AddEOS, true) {
		last = orElse(v, v.EOS, 1)
	}
	w.post, w.model = w.around(first, last), m
	return nil
}

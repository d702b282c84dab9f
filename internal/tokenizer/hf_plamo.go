package tokenizer

import (
	"bufio"
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

// A listed token is a line of tokenizer.jsonl: its text, its score, what it is for, and numbers that nothing needs.
type listedToken struct {
	text  string
	score float64
	kind  string
}

// readPlamo reads tokenizer.jsonl.
func (f *folder) readPlamo(data []byte) error {
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, len(data)+1)
	for n := 1; lines.Scan(); n++ {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		var row []any
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			return corrupt("line %d: %v", n, err)
		}
		t := listedToken{kind: "NORMAL"}
		ok := len(row) >= 2
		if ok {
			t.text, ok = row[0].(string)
		}
		if ok {
			t.score, ok = row[1].(float64)
		}
		if ok && len(row) > 2 {
			t.kind, ok = row[2].(string)
		}
		if !ok || t.text == "" {
			return corrupt("line %d is no list of a text, a score and a kind", n)
		}
		f.plamo = append(f.plamo, t)
	}
	if len(f.plamo) == 0 {
		return corrupt("the vocabulary is empty")
	}
	return nil
}

// fromPlamo makes the tokenizer of a tokenizer.jsonl.
func (f *folder) fromPlamo() (*Tokenizer, error) {
	v, err := f.plamoVocab()
	if err != nil {
		return nil, in("tokenizer.jsonl", err)
	}
	m, err := newPlamo(v, f.plamoScore, math.RoundToEven)
	if err != nil {
		return nil, in("tokenizer.jsonl", err)
	}
	if err := f.chat(v); err != nil {
		return nil, err
	}
	t := &Tokenizer{vocab: v, model: m, marked: true, normalize: func(s string, _ place) string { return s }}
	var spelled []added
	for _, a := range f.listed {
		if v.valid(a.ID) && v.Tokens[a.ID] == a.Content {
			spelled = append(spelled, a)
		}
	}
	t.spelled = newAddedSet(spelled, func(s string) string { return s })
	t.split = f.plamoBreaks(v)
	t.surround(is(v.AddBOS, false), is(v.AddEOS, false), v.BOS, v.EOS)
	return t, nil
}

func (f *folder) plamoScore(id int) float64 {
	if id < len(f.plamo) {
		return f.plamo[id].score
	}
	return math.Inf(-1)
}

// plamoVocab is what a GGUF file holds of it, as the reference converter writes it.
func (f *folder) plamoVocab() (*Vocab, error) {
	v := NewVocab("plamo2", "default")
	n := f.opt.VocabSize
	if n == 0 {
		n = len(f.plamo)
	}
	if n < len(f.plamo) {
		return nil, corrupt("there are %d tokens, the model has %d", len(f.plamo), n)
	}
	v.AddSpacePrefix = new(bool)
	v.room(n)
	ids := map[string]int{}
	for i, t := range f.plamo {
		v.Tokens[i], v.Scores[i], v.Types[i] = t.text, float32(t.score), plamoKind(t)
		ids[t.text] = i
	}
	for i := len(f.plamo); i < n; i++ {
		v.Tokens[i], v.Scores[i], v.Types[i] = "[PAD"+strconv.Itoa(i-len(f.plamo)+1)+"]", lowestScore, Unused
	}
	for _, kind := range kinds {
		to, text := v.special(kind), f.tokenText(kind)
		if to == nil || text == "" {
			continue
		}
		id, ok := ids[text]
		if !ok {
			return nil, corrupt("the token %q, which tokenizer_config.json names as %s, is none of the vocabulary", text, kind)
		}
		*to = id
	}
	if id, ok := ids["<|plamo:op|>"]; ok { // begins what another speaker says
		v.EOT = id
	}
	for _, kind := range []string{"bos", "eos"} {
		*v.add(kind) = boolIn(f.settings, "add_"+kind+"_token")
	}
	return v, v.unique(nil)
}

func plamoKind(t listedToken) int32 {
	switch {
	case t.kind == "UNKNOWN":
		return Unknown
	case t.kind == "CONTROL" || t.kind != "BYTE" && strings.HasPrefix(t.text, "<|plamo:") && strings.HasSuffix(t.text, "|>"):
		return Control
	case t.kind == "BYTE":
		return Byte
	}
	return Normal
}

// plamoBreaks are the places that no token reaches across: around what is spelled like a control token and, where tokenizer_config.json says so, around runs of one character
// and of blanks. Runtimes know none of them.
func (f *folder) plamoBreaks(v *Vocab) splitter {
	s := splitter{isolate(plamoSpecial)}
	const repeated, blanks = "break_around_repeated_chars_threshold", "break_around_consecutive_spaces_threshold"
	var runs []match
	if n, ok := idIn(f.settings, repeated); ok && n > 0 {
		runs = append(runs, alikeFrom(n, false))
	}
	if n, ok := idIn(f.settings, blanks); ok && n > 0 {
		runs = append(runs, alikeFrom(n, true))
	}
	if len(runs) == 0 {
		return s
	}
	v.Notes = append(v.Notes, "the tokenizer cuts texts around long runs of a character, which a file has no key for: runtimes leave it out, and make other tokens where a token reaches into such a run")
	return append(s, isolate(runs...))
}

// plamoSpecial is <|plamo:…|> with up to 64 characters that are neither bars nor white space.
func plamoSpecial(s string, i int) int {
	const begin, end, most = "<|plamo:", "|>", 64
	if !strings.HasPrefix(s[i:], begin) {
		return i
	}
	at := i + len(begin)
	for n := 0; at < len(s) && n <= most; n++ {
		if strings.HasPrefix(s[at:], end) {
			return at + len(end)
		}
		if s[at] == '|' || spaces(s, at) > at {
			return i
		}
		at += runeLen(s[at:])
	}
	return i
}

// alikeFrom is n or more of a character but line breaks, or of blanks.
func alikeFrom(n int, blanks bool) match {
	return func(s string, i int) int {
		if s[i] == '\n' || blanks && s[i] != ' ' {
			return i
		}
		one := s[i : i+runeLen(s[i:])]
		at, count := i, 0
		for strings.HasPrefix(s[at:], one) {
			at, count = at+len(one), count+1
		}
		if count < n {
			return i
		}
		return at
	}
}

// plamoFile is tokenizer.jsonl.
func (v *Vocab) plamoFile() []byte {
	var b bytes.Buffer
	for i, text := range v.Tokens {
		if v.kind(i) == Unused {
			continue
		}
		kind := map[int32]string{Unknown: "UNKNOWN", Control: "CONTROL", Byte: "BYTE"}[v.kind(i)]
		if kind == "" {
			kind = "NORMAL"
		}
		b.WriteByte('[')
		for j, part := range []any{text, v.Scores[i], kind} {
			if j > 0 {
				b.WriteString(", ")
			}
			b.Write(bytes.TrimSuffix(encodeJSON(part, ""), []byte("\n")))
		}
		b.WriteString("]\n")
	}
	return b.Bytes()
}

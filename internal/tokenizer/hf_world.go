package tokenizer

import (
	"bufio"
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// WorldFile is the file of RWKV's "world" vocabularies: a line for each token, its id, its text or bytes as Python spells them, and how many bytes these are. Token 0, which
// ends texts, has none.
const WorldFile = "rwkv_vocab_v20230424.txt"

// readWorld reads it.
func (f *folder) readWorld(data []byte) error {
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, len(data)+1)
	f.world = []string{""}
	for n := 1; lines.Scan(); n++ {
		line := lines.Text()
		from, to := strings.IndexByte(line, ' '), strings.LastIndexByte(line, ' ')
		if from < 0 || from == to {
			return corrupt("line %d is not an id, a text and its length", n)
		}
		if id, err := strconv.Atoi(line[:from]); err != nil || id != len(f.world) {
			return corrupt("line %d: the id is %.20q, and %d comes next", n, line[:from], len(f.world))
		}
		text, err := literal(line[from+1 : to])
		if err != nil {
			return corrupt("line %d: %v", n, err)
		}
		if size, err := strconv.Atoi(line[to+1:]); err != nil || size != len(text) || size == 0 {
			return corrupt("line %d: a token of %d bytes is said to have %.20q", n, len(text), line[to+1:])
		}
		f.world = append(f.world, text)
	}
	if len(f.world) == 1 {
		return corrupt("the vocabulary is empty")
	}
	return nil
}

// literal is the bytes that a string or a bytes literal of Python stands for, of those escapes that repr makes.
func literal(s string) (string, error) {
	inner, isBytes := strings.CutPrefix(s, "b")
	if len(inner) < 2 || inner[0] != '\'' && inner[0] != '"' || inner[len(inner)-1] != inner[0] {
		return "", corrupt("%.60q is not in quotes", s)
	}
	inner = inner[1 : len(inner)-1]
	var out []byte
	for len(inner) > 0 {
		if inner[0] != '\\' {
			out, inner = append(out, inner[0]), inner[1:]
			continue
		}
		if len(inner) < 2 {
			return "", corrupt("%.60q ends in a backslash", s)
		}
		kind := inner[1]
		inner = inner[2:]
		if at := strings.IndexByte(`tnr\'"`, kind); at >= 0 {
			out = append(out, "\t\n\r\\'\""[at])
			continue
		}
		digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[kind]
		if digits == 0 || len(inner) < digits || isBytes && kind != 'x' {
			return "", corrupt(`%.60q has \%c, which is not known here`, s, kind)
		}
		code, err := strconv.ParseUint(inner[:digits], 16, 32)
		if err != nil {
			return "", corrupt(`%.60q has \%c without its digits`, s, kind)
		}
		inner = inner[digits:]
		if isBytes {
			out = append(out, byte(code))
		} else {
			out = utf8.AppendRune(out, rune(code))
		}
	}
	return string(out), nil
}

// fromWorld makes the tokenizer of that file.
func (f *folder) fromWorld() (*Tokenizer, error) {
	w, err := newWorld(f.world)
	if err != nil {
		return nil, in(WorldFile, err)
	}
	v, err := f.worldVocab()
	if err != nil {
		return nil, in(WorldFile, err)
	}
	if err := f.chat(v); err != nil {
		return nil, err
	}
	if v.ChatTemplate == "" {
		v.ChatTemplate = "rwkv-world" // a name that runtimes know
	}
	t := &Tokenizer{vocab: v, model: w, raw: f.world, normalize: func(s string, _ place) string { return s }}
	var spelled []added
	for _, a := range f.listed {
		if v.valid(a.ID) {
			spelled = append(spelled, a)
		}
	}
	t.spelled = newAddedSet(spelled, func(s string) string { return s })
	t.surround(is(v.AddBOS, false), is(v.AddEOS, false), v.BOS, v.EOS)
	return t, nil
}

// worldVocab is what a GGUF file holds of it, as the reference converter writes it: token 0 begins and ends texts, and a blank line ends a turn.
func (f *folder) worldVocab() (*Vocab, error) {
	n := f.opt.VocabSize
	if n == 0 {
		n = len(f.world)
	}
	if n < len(f.world) {
		return nil, corrupt("there are %d tokens, the model has %d", len(f.world), n)
	}
	v := NewVocab("rwkv", "")
	v.room(n)
	v.Tokens[0], v.Types[0] = "<s>", Control
	for i, raw := range f.world[1:] {
		v.Tokens[i+1], v.Types[i+1] = escaped(raw), Normal
	}
	v.pad(0)
	v.BOS, v.EOS = 0, 0
	v.EOT = slices.Index(f.world, "\n\n") // 261 in the published vocabulary
	for _, kind := range []string{"unk", "pad"} {
		id, _ := idIn(f.config, kind+"_token_id")
		if v.valid(id) {
			*v.special(kind) = id
		}
	}
	for _, kind := range []string{"bos", "eos"} {
		*v.add(kind) = boolIn(f.settings, "add_"+kind+"_token")
	}
	return v, nil
}

// worldFile is the way back. Texts are spelled as strings, bytes that are none as bytes.
func (v *Vocab) worldFile() ([]byte, error) {
	var b bytes.Buffer
	last := 0
	for i, raw := range worldBytes(v, func(kind int32) bool { return kind == Normal }) {
		if raw == "" {
			continue
		}
		if last++; i != last {
			return nil, unsupported("token %d has no text or another type, which %s cannot say", last, WorldFile)
		}
		quote, prefix, spelled := "'", "", escaped(raw)
		if strings.Contains(raw, "'") && !strings.Contains(raw, `"`) {
			quote = `"`
		}
		if utf8.ValidString(raw) {
			spelled = spelledText(raw, spelled)
		} else {
			prefix = "b"
		}
		b.WriteString(strconv.Itoa(i) + " " + prefix + quote + spelled + quote + " " + strconv.Itoa(len(raw)) + "\n")
	}
	return b.Bytes(), nil
}

// spelledText leaves what can be printed as it is; ascii is how its bytes are spelled.
func spelledText(raw, ascii string) string {
	if !strings.ContainsFunc(raw, func(r rune) bool { return r > unicode.MaxASCII }) {
		return ascii
	}
	var b strings.Builder
	both := strings.Contains(raw, `"`)
	for _, r := range raw {
		switch {
		case r == '\'' && both:
			b.WriteString(`\'`)
		case r <= unicode.MaxASCII:
			b.WriteString(escaped(string(r)))
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r <= 0xff:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r <= 0xffff:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	return b.String()
}

package jinja

import (
	"fmt"
	"regexp"
	"strings"
)

// A token is a piece of text between tags, the beginning or end of a tag, or a word inside one.
type token struct {
	kind tokenKind
	text string
	line int
}

type tokenKind uint8

const (
	tokEnd      tokenKind = iota
	tokText               // between tags
	tokVarOpen            // {{
	tokVarClose           // }}
	tokTagOpen            // {%
	tokTagClose           // %}
	tokName
	tokString
	tokNumber
	tokOp
)

func (t token) String() string {
	if t.kind == tokEnd {
		return "the end"
	}
	return fmt.Sprintf("%.40q", t.text)
}

var (
	nameWord   = regexp.MustCompile(`^[\pL_][\pL\pN_]*`)
	numberWord = regexp.MustCompile(`^\d[\d_]*(\.\d+)?([eE][+-]?\d+)?`)
	stringWord = regexp.MustCompile(`^(?s:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")`)
	rawEnd     = regexp.MustCompile(`\{%[-+]?\s*endraw\s*([-+]?)%\}`)
	rawTag     = regexp.MustCompile(`^\s*raw\s*([-+]?)%\}`)
)

// operators are tried in this order: longer ones first.
var operators = []string{"**", "//", "==", "!=", "<=", ">=", "+", "-", "*", "/", "%", "~", "<", ">", "=", "(", ")", "[", "]", "{", "}", ",", ".", ":", "|"}

const blanks = " \t\n\r\v\f"

// A lexer cuts a template.
type lexer struct {
	src    string
	pos    int
	tokens []token
	trim   bool // white space before the next text was asked to go
	eatNL  bool // one line feed after a tag goes: trim_blocks
}

func lex(src string) ([]token, error) {
	l := &lexer{src: src}
	for l.pos < len(src) {
		at := strings.Index(src[l.pos:], "{")
		for at >= 0 && !strings.ContainsAny(l.after(at), "{%#") {
			next := strings.Index(src[l.pos+at+1:], "{")
			if next < 0 {
				at = -1
				break
			}
			at += 1 + next
		}
		if at < 0 {
			l.text(src[l.pos:], "", ' ')
			l.pos = len(src)
			break
		}
		if err := l.tag(l.pos + at); err != nil {
			return nil, err
		}
	}
	return append(l.tokens, token{tokEnd, "", l.line()}), nil
}

// after is the character behind the brace at an offset from pos.
func (l *lexer) after(at int) string {
	i := l.pos + at + 1
	if i >= len(l.src) {
		return " "
	}
	return l.src[i : i+1]
}

func (l *lexer) line() int { return 1 + strings.Count(l.src[:min(l.pos, len(l.src))], "\n") }

func (l *lexer) fail(format string, a ...any) error {
	return templateError("line %d: %s", l.line(), fmt.Sprintf(format, a...))
}

// text appends what stands before a tag, less the white space that the tags around it take. kind is the character that makes the
// tag ('{' for a value, '%' or '#'), mark the sign behind it.
func (l *lexer) text(s, mark string, kind byte) {
	whole := s
	if l.trim {
		s = strings.TrimLeft(s, blanks)
	} else if l.eatNL {
		s = strings.TrimPrefix(s, "\n")
	}
	gone := whole[:len(whole)-len(s)]
	switch {
	case mark == "-":
		s = strings.TrimRight(s, blanks)
	case mark != "+" && (kind == '%' || kind == '#'): // lstrip_blocks: what stands between the line's beginning and a tag
		line := strings.LastIndexByte(s, '\n') + 1
		if (line > 0 || l.pos == 0 || strings.HasSuffix(gone, "\n")) && strings.Trim(s[line:], blanks) == "" {
			s = s[:line]
		}
	}
	if s != "" {
		l.tokens = append(l.tokens, token{tokText, s, l.line()})
	}
	l.trim, l.eatNL = false, false
}

// tag reads the tag at an offset.
func (l *lexer) tag(at int) error {
	kind := l.src[at+1]
	mark := ""
	if m := l.src[at+2:]; m != "" && (m[0] == '-' || m[0] == '+') {
		mark = m[:1]
	}
	l.text(l.src[l.pos:at], mark, kind)
	l.pos = at + 2 + len(mark)
	if kind == '#' {
		end := strings.Index(l.src[l.pos:], "#}")
		if end < 0 {
			return l.fail("a comment does not end")
		}
		l.close(l.src[l.pos:l.pos+end], true)
		l.pos += end + 2
		return nil
	}
	if m := rawTag.FindStringSubmatchIndex(l.src[l.pos:]); kind == '%' && m != nil {
		return l.raw(m)
	}
	open, shut, end := tokVarOpen, tokVarClose, "}}"
	if kind == '%' {
		open, shut, end = tokTagOpen, tokTagClose, "%}"
	}
	l.tokens = append(l.tokens, token{open, l.src[at : at+2], l.line()})
	for depth := 0; ; {
		l.pos += len(l.src[l.pos:]) - len(strings.TrimLeft(l.src[l.pos:], " \t\n\r"))
		rest := l.src[l.pos:]
		for _, m := range []string{"-", "+", ""} {
			if depth == 0 && strings.HasPrefix(rest, m+end) {
				l.tokens = append(l.tokens, token{shut, end, l.line()})
				l.close(m, kind == '%')
				l.pos += len(m) + 2
				return nil
			}
		}
		t, err := l.word(rest)
		if err != nil {
			return err
		}
		if strings.ContainsAny(t.text, "([{") && t.kind == tokOp {
			depth++
		} else if strings.ContainsAny(t.text, ")]}") && t.kind == tokOp {
			depth--
		}
		l.tokens = append(l.tokens, t)
	}
}

// close notes what the end of a tag does to the text behind it.
func (l *lexer) close(before string, block bool) {
	l.trim = strings.HasSuffix(before, "-")
	l.eatNL = block && !strings.HasSuffix(before, "+")
}

// raw takes text up to endraw as it is.
func (l *lexer) raw(m []int) error {
	l.close(l.src[l.pos+m[2]:l.pos+m[3]], true)
	l.pos += m[1]
	end := rawEnd.FindStringSubmatchIndex(l.src[l.pos:])
	if end == nil {
		return l.fail("raw does not end")
	}
	tag := l.src[l.pos+end[0] : l.pos+end[1]]
	mark := ""
	if tag[2] == '-' || tag[2] == '+' {
		mark = tag[2:3]
	}
	l.text(l.src[l.pos:l.pos+end[0]], mark, '%')
	l.close(l.src[l.pos+end[2]:l.pos+end[3]], true)
	l.pos += end[1]
	return nil
}

// word reads a word inside a tag.
func (l *lexer) word(rest string) (token, error) {
	t := token{line: l.line()}
	switch {
	case rest == "":
		return t, l.fail("a tag does not end")
	case nameWord.MatchString(rest):
		t.kind, t.text = tokName, nameWord.FindString(rest)
	case numberWord.MatchString(rest):
		t.kind, t.text = tokNumber, numberWord.FindString(rest)
	case stringWord.MatchString(rest):
		quoted := stringWord.FindString(rest)
		l.pos += len(quoted)
		t.kind, t.text = tokString, unescape(quoted[1:len(quoted)-1])
		return t, nil
	default:
		for _, op := range operators {
			if strings.HasPrefix(rest, op) {
				t.kind, t.text = tokOp, op
				break
			}
		}
		if t.text == "" {
			return t, l.fail("%.10q is not understood", rest)
		}
	}
	l.pos += len(t.text)
	return t, nil
}

// escapes are Python's of one character.
var escapes = map[byte]string{'n': "\n", 't': "\t", 'r': "\r", '\\': "\\", '\'': "'", '"': "\"", 'a': "\a", 'b': "\b", 'f': "\f", 'v': "\v", '0': "\x00", '\n': ""}

func unescape(s string) string {
	if !strings.Contains(s, "\\") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		if e, ok := escapes[s[i]]; ok {
			b.WriteString(e)
			continue
		}
		if n := map[byte]int{'x': 2, 'u': 4, 'U': 8}[s[i]]; n > 0 && i+n < len(s) {
			var r rune
			if _, err := fmt.Sscanf(s[i+1:i+1+n], "%x", &r); err == nil {
				b.WriteRune(r)
				i += n
				continue
			}
		}
		b.WriteByte('\\')
		b.WriteByte(s[i])
	}
	return b.String()
}

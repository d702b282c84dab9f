package tokenizer

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// A reader walks through JSON once, for the two parts of tokenizer.json that have hundreds of thousands of entries;
// strings without escapes share the memory of the file. Everything small goes through encoding/json.
type reader struct {
	s string
	i int
}

func (r *reader) fail(want string) error {
	if r.i >= len(r.s) {
		return corrupt("ends at byte %d, where %s should follow", len(r.s), want)
	}
	return corrupt("byte %d is %q, want %s", r.i, r.s[r.i], want)
}

// peek skips white space and returns the byte after it, 0 at the end.
func (r *reader) peek() byte {
	for r.i < len(r.s) {
		switch c := r.s[r.i]; c {
		case ' ', '\t', '\n', '\r':
			r.i++
		default:
			return c
		}
	}
	return 0
}

func (r *reader) expect(c byte) error {
	if r.peek() != c {
		return r.fail(strconv.QuoteRune(rune(c)))
	}
	r.i++
	return nil
}

// object calls each with every key, the reader standing before its value, which each must consume.
func (r *reader) object(each func(key string) error) error {
	if err := r.expect('{'); err != nil {
		return err
	}
	return r.list('}', func() error {
		key, err := r.str()
		if err != nil {
			return err
		}
		if err := r.expect(':'); err != nil {
			return err
		}
		return each(key)
	})
}

// array calls each with the reader before every element.
func (r *reader) array(each func() error) error {
	if err := r.expect('['); err != nil {
		return err
	}
	return r.list(']', each)
}

func (r *reader) list(end byte, each func() error) error {
	if r.peek() == end {
		r.i++
		return nil
	}
	for {
		if err := each(); err != nil {
			return err
		}
		switch r.peek() {
		case ',':
			r.i++
		case end:
			r.i++
			return nil
		default:
			return r.fail("a comma or the end of a list")
		}
	}
}

// str reads a string.
func (r *reader) str() (string, error) {
	if r.peek() != '"' {
		return "", r.fail("a string")
	}
	from := r.i + 1
	for i := from; i < len(r.s); i++ {
		switch c := r.s[i]; {
		case c == '"':
			r.i = i + 1
			return r.s[from:i], nil
		case c == '\\':
			r.i = i
			return r.escaped(from)
		case c < 0x20:
			r.i = i
			return "", r.fail("a character of a string")
		}
	}
	r.i = len(r.s)
	return "", r.fail("the end of a string")
}

// escaped reads the rest of a string from its first escape on.
func (r *reader) escaped(from int) (string, error) {
	var b strings.Builder
	b.WriteString(r.s[from:r.i])
	for r.i < len(r.s) {
		c := r.s[r.i]
		switch {
		case c == '"':
			r.i++
			return b.String(), nil
		case c < 0x20:
			return "", r.fail("a character of a string")
		case c != '\\':
			b.WriteByte(c)
			r.i++
			continue
		}
		r.i++
		if r.i >= len(r.s) {
			break
		}
		c = r.s[r.i]
		r.i++
		if c == 'u' {
			u, err := r.hex()
			if err != nil {
				return "", err
			}
			b.WriteRune(r.surrogate(u))
			continue
		}
		k := strings.IndexByte(`"\/bfnrt`, c)
		if k < 0 {
			r.i--
			return "", r.fail("an escape")
		}
		b.WriteByte("\"\\/\b\f\n\r\t"[k])
	}
	return "", r.fail("the end of a string")
}

// surrogate joins the first half of a pair with the second, when that follows.
func (r *reader) surrogate(u rune) rune {
	if !utf16.IsSurrogate(u) {
		return u
	}
	if strings.HasPrefix(r.s[r.i:], `\u`) {
		at := r.i
		r.i += 2
		if low, err := r.hex(); err == nil {
			if u := utf16.DecodeRune(u, low); u != utf8.RuneError {
				return u
			}
		}
		r.i = at
	}
	return utf8.RuneError
}

func (r *reader) hex() (rune, error) {
	if r.i+4 > len(r.s) {
		r.i = len(r.s)
		return 0, r.fail("four hexadecimal digits")
	}
	u, err := strconv.ParseUint(r.s[r.i:r.i+4], 16, 16)
	if err != nil {
		return 0, r.fail("four hexadecimal digits")
	}
	r.i += 4
	return rune(u), nil
}

// integer reads a whole number.
func (r *reader) integer() (int, error) {
	r.peek()
	from := r.i
	for r.i < len(r.s) && strings.IndexByte("+-.0123456789eE", r.s[r.i]) >= 0 {
		r.i++
	}
	n, err := strconv.Atoi(r.s[from:r.i])
	if err != nil {
		r.i = from
		return 0, r.fail("a whole number")
	}
	return n, nil
}

// raw skips one value and returns its text, which is well formed only as far as brackets and strings go.
func (r *reader) raw() (string, error) {
	first := r.peek()
	from := r.i
	if first == '"' {
		_, err := r.str()
		return r.s[from:r.i], err
	}
	depth := 0
	for r.i < len(r.s) {
		switch r.s[r.i] {
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return r.scalar(from)
			}
			if depth--; depth == 0 {
				r.i++
				return r.s[from:r.i], nil
			}
		case ',':
			if depth == 0 {
				return r.scalar(from)
			}
		case '"':
			if _, err := r.str(); err != nil {
				return "", err
			}
			continue
		}
		r.i++
	}
	if depth > 0 {
		return "", r.fail("a closing bracket")
	}
	return r.scalar(from)
}

// scalar is the number or word between from and here.
func (r *reader) scalar(from int) (string, error) {
	v := strings.TrimRight(r.s[from:r.i], " \t\r\n")
	if v == "" {
		return "", r.fail("a value")
	}
	return v, nil
}

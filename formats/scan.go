package formats

import (
	"encoding/json"
	"math"
	"unicode/utf8"
)

// A scanner reads the strict subset of JSON that a safetensors header is made of. encoding/json would take duplicate
// names, other spellings of names, and numbers such as 1e2; here these are errors, with their offset.
type scanner struct {
	p   []byte
	pos int
}

func (s *scanner) space() {
	for s.pos < len(s.p) {
		switch s.p[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

// peek is the next byte that is not white space; 0 at the end.
func (s *scanner) peek() byte {
	s.space()
	if s.pos == len(s.p) {
		return 0
	}
	return s.p[s.pos]
}

// want consumes one punctuation byte.
func (s *scanner) want(c byte) error {
	if got := s.peek(); got != c {
		return s.unexpected(string(c))
	}
	s.pos++
	return nil
}

func (s *scanner) unexpected(want string) error {
	if s.peek() == 0 {
		return Corrupt("header ends where %s is expected", want)
	}
	return Corrupt("header has %q where %s is expected", s.p[s.pos], want)
}

// str reads a string.
func (s *scanner) str() (string, error) {
	if s.peek() != '"' {
		return "", s.unexpected("a string")
	}
	start := s.pos
	for i := s.pos + 1; i < len(s.p); i++ {
		switch c := s.p[i]; {
		case c == '\\':
			i++
		case c == '"':
			s.pos = i + 1
			raw := s.p[start:s.pos]
			var out string
			if !utf8.Valid(raw) {
				return "", Corrupt("string in header is not UTF-8")
			}
			if err := json.Unmarshal(raw, &out); err != nil {
				return "", Corrupt("string in header: %v", err)
			}
			return out, nil
		case c < 0x20:
			return "", Corrupt("control character in a string of the header")
		}
	}
	return "", Corrupt("string in header does not end")
}

// integer reads a whole number that is not negative, in plain digits.
func (s *scanner) integer() (int64, error) {
	s.space()
	start, n := s.pos, int64(0)
	for s.pos < len(s.p) && s.p[s.pos] >= '0' && s.p[s.pos] <= '9' {
		d := int64(s.p[s.pos] - '0')
		if n > (math.MaxInt64-d)/10 {
			return 0, Corrupt("number in header does not fit 63 bits")
		}
		n = 10*n + d
		s.pos++
	}
	switch {
	case s.pos == start:
		return 0, s.unexpected("a whole number")
	case s.pos-start > 1 && s.p[start] == '0':
		return 0, Corrupt("number in header begins with 0")
	case s.pos < len(s.p) && (s.p[s.pos] == '.' || s.p[s.pos] == 'e' || s.p[s.pos] == 'E'):
		return 0, s.unexpected("a whole number")
	}
	return n, nil
}

// list reads [a, b, …].
func (s *scanner) list(item func() error) error { return s.sequence('[', ']', item) }

// object reads {"name": …, …}; a name may come only once.
func (s *scanner) object(member func(name string) error) error {
	seen := map[string]bool{}
	return s.sequence('{', '}', func() error {
		name, err := s.str()
		if err != nil {
			return err
		}
		if seen[name] {
			return Corrupt("name %.100q comes twice in the header", name)
		}
		seen[name] = true
		if err := s.want(':'); err != nil {
			return err
		}
		return member(name)
	})
}

func (s *scanner) sequence(open, end byte, item func() error) error {
	if err := s.want(open); err != nil {
		return err
	}
	if s.peek() == end {
		s.pos++
		return nil
	}
	for {
		if err := item(); err != nil {
			return err
		}
		if s.peek() == end {
			s.pos++
			return nil
		}
		if err := s.want(','); err != nil {
			return err
		}
	}
}

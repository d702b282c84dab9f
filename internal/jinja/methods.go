package jinja

import (
	"fmt"
	"strings"
	"unicode"
)

// A bound is a method of a text, a list or a mapping.
type bound func(g *given, v any) (any, error)

// method finds what v.name is; nil when the value has no such method. The sandbox has none that change a value.
func method(v any, name string) any {
	var m bound
	switch v.(type) {
	case string:
		m = textMethods[name]
	case *dict:
		m = dictMethods[name]
	case *list:
		m = listMethods[name]
	}
	if m == nil {
		return nil
	}
	return function(func(s *scope, args []any, named map[string]any) (any, error) { return m(&given{s, args, named}, v) })
}

// call calls a method by its name.
func call(v any, name string, g *given) (any, error) {
	f, ok := method(text(v), name).(function)
	if !ok {
		return nil, templateError("%s has no %s", typeName(v), name)
	}
	return f(g.s, g.args, g.named)
}

var textMethods map[string]bound

func init() {
	of := func(f func(s string) any) bound {
		return func(_ *given, v any) (any, error) { return f(v.(string)), nil }
	}
	letters := func(is func(r rune) bool) bound {
		return of(func(s string) any { return s != "" && strings.IndexFunc(s, func(r rune) bool { return !is(r) }) < 0 })
	}
	stripped := func(left, right bool) bound {
		return func(g *given, v any) (any, error) { return strip(v.(string), g.at(0, "chars", nil), left, right), nil }
	}
	affix := func(has func(s, p string) bool) bound {
		return func(g *given, v any) (any, error) {
			options := []any{g.at(0, "prefix", "")}
			if l, ok := options[0].(*list); ok {
				options = l.items
			}
			for _, p := range options {
				if has(v.(string), text(p)) {
					return true, nil
				}
			}
			return false, nil
		}
	}
	find := func(index func(s, sub string) int) bound {
		return func(g *given, v any) (any, error) {
			s := v.(string)
			i := index(s, g.text(0, "sub", ""))
			if i > 0 {
				i = len([]rune(s[:i]))
			}
			return int64(i), nil
		}
	}
	textMethods = map[string]bound{
		"strip": stripped(true, true), "lstrip": stripped(true, false), "rstrip": stripped(false, true),
		"upper": of(func(s string) any { return strings.ToUpper(s) }), "lower": of(func(s string) any { return strings.ToLower(s) }),
		"capitalize": of(func(s string) any { return capitalize(s) }), "title": of(func(s string) any { return title(s) }),
		"isdigit": letters(unicode.IsDigit), "isalpha": letters(unicode.IsLetter), "isspace": letters(unicode.IsSpace),
		"isalnum":    letters(func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }),
		"isupper":    of(func(s string) any { return s != strings.ToLower(s) && s == strings.ToUpper(s) }),
		"islower":    of(func(s string) any { return s != strings.ToUpper(s) && s == strings.ToLower(s) }),
		"startswith": affix(strings.HasPrefix), "endswith": affix(strings.HasSuffix),
		"find": find(strings.Index), "rfind": find(strings.LastIndex), "index": find(strings.Index),
		"count": func(g *given, v any) (any, error) { return int64(strings.Count(v.(string), g.text(0, "sub", ""))), nil },
		"removeprefix": func(g *given, v any) (any, error) {
			return strings.TrimPrefix(v.(string), g.text(0, "prefix", "")), nil
		},
		"removesuffix": func(g *given, v any) (any, error) {
			return strings.TrimSuffix(v.(string), g.text(0, "suffix", "")), nil
		},
		"split": splitMethod(false), "rsplit": splitMethod(true),
		"splitlines": of(func(s string) any {
			out := &list{}
			for line := range strings.Lines(strings.ReplaceAll(s, "\r\n", "\n")) {
				out.items = append(out.items, strings.TrimSuffix(line, "\n"))
			}
			return out
		}),
		"join": func(g *given, v any) (any, error) { return join(&given{args: []any{v}}, g.at(0, "iterable", &list{})) },
		"replace": func(g *given, v any) (any, error) {
			n, _ := integer(g.at(2, "count", int64(-1)))
			s, from, to := v.(string), g.text(0, "old", ""), g.text(1, "new", "")
			if to != "" && strings.Count(s, from) > maxOutput/len(to) {
				return nil, errTooLong
			}
			return strings.Replace(s, from, to, int(n)), nil
		},
		"format": func(g *given, v any) (any, error) { return braces(v.(string), g) },
	}
}

// splitMethod is Python's split: without a separator at runs of white space.
func splitMethod(right bool) bound {
	return func(g *given, v any) (any, error) {
		s, most := v.(string), int64(-1)
		if n, ok := integer(g.at(1, "maxsplit", nil)); ok {
			most = n
		}
		var parts []string
		sep := g.at(0, "sep", nil)
		switch {
		case sep == nil && most < 0:
			parts = strings.Fields(s)
		case sep == nil:
			s = strings.TrimLeft(s, blanks)
			for ; most > 0 && strings.ContainsAny(strings.TrimRight(s, blanks), blanks); most-- {
				i := strings.IndexAny(s, blanks)
				parts, s = append(parts, s[:i]), strings.TrimLeft(s[i:], blanks)
			}
			if s != "" {
				parts = append(parts, s)
			}
		case text(sep) == "":
			return nil, templateError("an empty separator")
		case right && most >= 0:
			for ; most > 0 && strings.Contains(s, text(sep)); most-- {
				i := strings.LastIndex(s, text(sep))
				parts, s = append([]string{s[i+len(text(sep)):]}, parts...), s[:i]
			}
			parts = append([]string{s}, parts...)
		case most >= 0:
			parts = strings.SplitN(s, text(sep), int(most)+1)
		default:
			parts = strings.Split(s, text(sep))
		}
		out := &list{}
		for _, p := range parts {
			out.items = append(out.items, p)
		}
		return out, nil
	}
}

var dictMethods = map[string]bound{
	"items": func(_ *given, v any) (any, error) { return pairs(v) },
	"keys":  func(_ *given, v any) (any, error) { return &list{items: v.(*dict).keys}, nil },
	"values": func(_ *given, v any) (any, error) {
		out, d := &list{}, v.(*dict)
		for _, k := range d.keys {
			out.items = append(out.items, d.vals[k])
		}
		return out, nil
	},
	"get": func(g *given, v any) (any, error) {
		if k, ok := key(g.at(0, "key", nil)); ok {
			if x, ok := v.(*dict).vals[k]; ok {
				return x, nil
			}
		}
		return g.at(1, "default", nil), nil
	},
	"copy": func(_ *given, v any) (any, error) { return v, nil }, // nothing can change it
}

var listMethods = map[string]bound{
	"index": func(g *given, v any) (any, error) {
		for i, e := range v.(*list).items {
			if same(e, g.at(0, "value", nil)) {
				return int64(i), nil
			}
		}
		return nil, templateError("%s is not in the list", repr(g.at(0, "value", nil)))
	},
	"count": func(g *given, v any) (any, error) {
		n := int64(0)
		for _, e := range v.(*list).items {
			if same(e, g.at(0, "value", nil)) {
				n++
			}
		}
		return n, nil
	},
}

// strip takes characters away at the ends: white space, or those of chars.
func strip(s string, chars any, left, right bool) string {
	cut := func(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }
	if set, ok := chars.(string); ok {
		cut = func(r rune) bool { return strings.ContainsRune(set, r) }
	}
	if left {
		s = strings.TrimLeftFunc(s, cut)
	}
	if right {
		s = strings.TrimRightFunc(s, cut)
	}
	return s
}

func capitalize(s string) string {
	for i, r := range s {
		n := len(string(r))
		return s[:i] + strings.ToUpper(string(r)) + strings.ToLower(s[i+n:])
	}
	return s
}

func title(s string) string {
	var b strings.Builder
	begins := true
	for _, r := range s {
		if begins {
			b.WriteString(strings.ToUpper(string(r)))
		} else {
			b.WriteString(strings.ToLower(string(r)))
		}
		begins = !unicode.IsLetter(r)
	}
	return b.String()
}

// formatted is Python's "%": %s and %d alone are in use.
func formatted(s string, v any) (any, error) {
	args := []any{v}
	if l, ok := v.(*list); ok && l.tuple {
		args = l.items
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		switch {
		case s[i] == '%':
			b.WriteByte('%')
		case (s[i] == 's' || s[i] == 'd') && len(args) > 0:
			if b.WriteString(text(args[0])); b.Len() > maxOutput {
				return nil, errTooLong
			}
			args = args[1:]
		default:
			return nil, templateError("a text is formatted by %q", s)
		}
	}
	return b.String(), nil
}

// braces is Python's format, with bare fields only.
func braces(s string, g *given) (any, error) {
	var b strings.Builder
	next := 0
	for {
		i := strings.IndexAny(s, "{}")
		if i < 0 {
			b.WriteString(s)
			return b.String(), nil
		}
		b.WriteString(s[:i])
		if strings.HasPrefix(s[i:], "{{") || strings.HasPrefix(s[i:], "}}") {
			b.WriteByte(s[i])
			s = s[i+2:]
			continue
		}
		end := strings.IndexByte(s[i:], '}')
		if s[i] == '}' || end < 0 {
			return nil, templateError("a text is formatted by %q", s)
		}
		name := s[i+1 : i+end]
		s = s[i+end+1:]
		n := next
		if name == "" {
			next++
		} else if _, err := fmt.Sscanf(name, "%d", &n); err != nil {
			n = len(g.args)
		}
		v := g.at(n, name, undefined{name})
		if _, missing := v.(undefined); missing {
			return nil, templateError("a format's field %q is not given", name)
		}
		if b.WriteString(text(v)); b.Len() > maxOutput {
			return nil, errTooLong
		}
	}
}

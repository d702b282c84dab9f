package jinja

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// globals are the functions that every template has.
var globals map[string]any

func init() {
	globals = map[string]any{
		"range":           function(rangeOf),
		"namespace":       function(newNamespace),
		"dict":            function(newMapping),
		"raise_exception": function(raise),
		"strftime_now":    function(today),
	}
}

func rangeOf(_ *scope, args []any, _ map[string]any) (any, error) {
	n := []int64{0, 0, 1}
	for i, a := range args {
		v, ok := integer(a)
		if !ok || i > 2 {
			return nil, templateError("range of %s", typeName(a))
		}
		if n[i] = v; len(args) == 1 {
			n[0], n[1] = 0, v
		}
	}
	out := &list{}
	if len(args) == 0 || n[2] == 0 {
		return nil, templateError("range needs an end, and a step that is not 0")
	}
	for i := n[0]; n[2] > 0 && i < n[1] || n[2] < 0 && i > n[1]; i += n[2] {
		if len(out.items) >= maxRange {
			return nil, templateError("a range of more than %d", maxRange)
		}
		out.items = append(out.items, i)
	}
	return out, nil
}

func newMapping(_ *scope, args []any, named map[string]any) (any, error) {
	d := newDict()
	if len(args) > 0 {
		o, ok := args[0].(*dict)
		if !ok {
			return nil, templateError("a mapping is made of %s", typeName(args[0]))
		}
		for _, k := range o.keys {
			d.set(k, o.vals[k])
		}
	}
	for _, k := range sortedNames(named) {
		d.set(k, named[k])
	}
	return d, nil
}

func newNamespace(s *scope, args []any, named map[string]any) (any, error) {
	d, err := newMapping(s, args, named)
	if err != nil {
		return nil, err
	}
	return &namespace{d.(*dict)}, nil
}

func raise(_ *scope, args []any, _ map[string]any) (any, error) {
	said := ""
	if len(args) > 0 {
		said = text(args[0])
	}
	return nil, fmt.Errorf("%w: %s", ErrRaised, said)
}

// today is always the same day, which templates themselves fall back to: what is calibrated on must not depend on the date.
func today(_ *scope, args []any, _ map[string]any) (any, error) {
	if len(args) != 1 {
		return nil, templateError("strftime_now needs a format")
	}
	return dates.Replace(text(args[0])), nil
}

var dates = strings.NewReplacer("%Y", "2024", "%m", "07", "%d", "26", "%-d", "26", "%b", "Jul", "%B", "July", "%a", "Fri", "%A", "Friday", "%y", "24",
	"%H", "00", "%M", "00", "%S", "00", "%j", "208", "%%", "%")

// member is what loop.name is.
func (l *loop) member(name string) any {
	n := int64(len(l.items))
	at := int64(l.at)
	switch name {
	case "index":
		return at + 1
	case "index0":
		return at
	case "revindex":
		return n - at
	case "revindex0":
		return n - at - 1
	case "first":
		return at == 0
	case "last":
		return at == n-1
	case "length":
		return n
	case "previtem":
		if at > 0 {
			return l.items[at-1]
		}
	case "nextitem":
		if at < n-1 {
			return l.items[at+1]
		}
	case "cycle":
		return function(func(_ *scope, args []any, _ map[string]any) (any, error) {
			if len(args) == 0 {
				return nil, templateError("cycle of nothing")
			}
			return args[l.at%len(args)], nil
		})
	case "changed":
		return function(func(_ *scope, args []any, _ map[string]any) (any, error) {
			now := &list{items: args}
			changed := !l.started || !same(l.changed, now)
			l.started, l.changed = true, now
			return changed, nil
		})
	}
	return undefined{"loop." + name}
}

// toJSON is Python's json.dumps without its escaping of what is not ASCII: blanks behind commas and colons, or lines of an indent.
func toJSON(g *given, v any) (any, error) {
	e := &encoder{item: ", ", colon: ": ", ascii: truth(g.at(0, "ensure_ascii", false))}
	if n, ok := integer(g.at(1, "indent", nil)); ok {
		pad, err := repeated(" ", n)
		if err != nil {
			return nil, err
		}
		e.pad, e.item = pad.(string), ","
		e.lines = true
	}
	if l, ok := g.at(2, "separators", nil).(*list); ok && len(l.items) == 2 {
		e.item, e.colon = text(l.items[0]), text(l.items[1])
	}
	e.sorted = truth(g.at(3, "sort_keys", false))
	err := e.value(v, 0)
	return e.b.String(), err
}

type encoder struct {
	b             strings.Builder
	item, colon   string
	pad           string
	lines, sorted bool
	ascii         bool
}

func (e *encoder) newline(depth int) {
	if e.lines {
		e.b.WriteString("\n" + strings.Repeat(e.pad, depth))
	}
}

func (e *encoder) value(v any, depth int) error {
	switch v := v.(type) {
	case nil:
		e.b.WriteString("null")
	case bool:
		fmt.Fprint(&e.b, v)
	case int64, float64:
		e.b.WriteString(repr(v))
	case string:
		return e.text(v)
	case *list:
		return e.members("[", "]", len(v.items), depth, func(i int) error { return e.value(v.items[i], depth+1) })
	case *dict:
		keys := v.keys
		if e.sorted {
			l, err := sorted(keys, true, false, nil)
			if err != nil {
				return err
			}
			keys = l.(*list).items
		}
		return e.members("{", "}", len(keys), depth, func(i int) error {
			if err := e.text(text(keys[i])); err != nil {
				return err
			}
			e.b.WriteString(e.colon)
			return e.value(v.vals[keys[i]], depth+1)
		})
	default:
		return templateError("%s has no JSON form", typeName(v))
	}
	return nil
}

// members writes what stands in brackets.
func (e *encoder) members(open, shut string, n, depth int, write func(i int) error) error {
	if depth > maxDepth || e.b.Len() > maxOutput {
		return templateError("a value is too large for JSON")
	}
	e.b.WriteString(open)
	for i := range n {
		if i > 0 {
			e.b.WriteString(e.item)
		}
		e.newline(depth + 1)
		if err := write(i); err != nil {
			return err
		}
		if e.b.Len() > maxOutput {
			return errTooLong
		}
	}
	if n > 0 {
		e.newline(depth)
	}
	e.b.WriteString(shut)
	return nil
}

func (e *encoder) text(s string) error {
	var b strings.Builder
	j := json.NewEncoder(&b)
	j.SetEscapeHTML(false)
	if err := j.Encode(s); err != nil {
		return err
	}
	out := strings.TrimSuffix(b.String(), "\n")
	out = strings.NewReplacer("\\u2028", "\u2028", "\\u2029", "\u2029").Replace(out)
	if !e.ascii {
		e.b.WriteString(out)
		return nil
	}
	for _, r := range out {
		switch {
		case r < 0x80:
			e.b.WriteRune(r)
		case r > 0xffff:
			r -= 0x10000
			fmt.Fprintf(&e.b, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			fmt.Fprintf(&e.b, `\u%04x`, r)
		}
	}
	return nil
}

func sortedNames(m map[string]any) []string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

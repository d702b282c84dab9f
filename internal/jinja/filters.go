package jinja

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// given are the arguments of a filter or a method.
type given struct {
	s     *scope
	args  []any
	named map[string]any
}

// at is an argument by its place or its name, absent when it is not given.
func (g *given) at(i int, name string, absent any) any {
	if i < len(g.args) {
		return g.args[i]
	}
	if v, ok := g.named[name]; ok {
		return v
	}
	return absent
}

func (g *given) text(i int, name, absent string) string { return text(g.at(i, name, absent)) }

// A filter makes a value of another.
type filter func(g *given, v any) (any, error)

// filters are those of Jinja that templates use, and tojson as transformers defines it.
var filters map[string]filter

func init() {
	filters = map[string]filter{
		"trim":       func(g *given, v any) (any, error) { return strip(text(v), g.at(0, "chars", nil), true, true), nil },
		"upper":      func(_ *given, v any) (any, error) { return strings.ToUpper(text(v)), nil },
		"lower":      func(_ *given, v any) (any, error) { return strings.ToLower(text(v)), nil },
		"capitalize": func(_ *given, v any) (any, error) { return capitalize(text(v)), nil },
		"title":      func(_ *given, v any) (any, error) { return title(text(v)), nil },
		"string":     func(_ *given, v any) (any, error) { return text(v), nil },
		"safe":       func(_ *given, v any) (any, error) { return text(v), nil },
		"escape":     escape, "e": escape,
		"length": length, "count": length,
		"default": fallback, "d": fallback,
		"tojson":     toJSON,
		"join":       join,
		"list":       func(_ *given, v any) (any, error) { l, err := items(v); return &list{items: l}, err },
		"first":      func(_ *given, v any) (any, error) { return end(v, 0) },
		"last":       func(_ *given, v any) (any, error) { return end(v, -1) },
		"replace":    func(g *given, v any) (any, error) { return call(v, "replace", g) },
		"items":      func(_ *given, v any) (any, error) { return pairs(v) },
		"dictsort":   dictSort,
		"reverse":    reverse,
		"sort":       sortFilter,
		"unique":     unique,
		"sum":        sum,
		"min":        func(_ *given, v any) (any, error) { return extreme(v, -1) },
		"max":        func(_ *given, v any) (any, error) { return extreme(v, 1) },
		"abs":        func(_ *given, v any) (any, error) { return absolute(v) },
		"int":        toInt,
		"float":      toFloat,
		"round":      round,
		"indent":     indent,
		"map":        mapFilter,
		"select":     func(g *given, v any) (any, error) { return choose(g, v, false, true) },
		"reject":     func(g *given, v any) (any, error) { return choose(g, v, false, false) },
		"selectattr": func(g *given, v any) (any, error) { return choose(g, v, true, true) },
		"rejectattr": func(g *given, v any) (any, error) { return choose(g, v, true, false) },
		"wordcount":  func(_ *given, v any) (any, error) { return int64(len(strings.Fields(text(v)))), nil },
	}
}

func length(_ *given, v any) (any, error) {
	n, err := size(v)
	return int64(n), err
}

func fallback(g *given, v any) (any, error) {
	_, missing := v.(undefined)
	if missing || truth(g.at(1, "boolean", false)) && !truth(v) {
		return g.at(0, "default_value", ""), nil
	}
	return v, nil
}

func escape(_ *given, v any) (any, error) {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "'", "&#39;", `"`, "&#34;").Replace(text(v)), nil
}

func join(g *given, v any) (any, error) {
	all, err := items(v)
	if err != nil {
		return nil, err
	}
	parts, sep, total := make([]string, len(all)), g.text(0, "d", ""), 0
	for i, e := range all {
		if a := g.at(1, "attribute", nil); a != nil {
			if e, err = path(e, a); err != nil {
				return nil, err
			}
		}
		parts[i] = text(e)
		if total += len(parts[i]) + len(sep); total > maxOutput {
			return nil, errTooLong
		}
	}
	return strings.Join(parts, sep), nil
}

func end(v any, at int64) (any, error) {
	all, err := items(v)
	if err != nil {
		return nil, err
	}
	return item(&list{items: all}, at)
}

// pairs are the keys and values of a mapping.
func pairs(v any) (any, error) {
	d, ok := v.(*dict)
	if _, missing := v.(undefined); missing {
		d, ok = newDict(), true
	}
	if !ok {
		return nil, templateError("%s has no items", typeName(v))
	}
	out := &list{}
	for _, k := range d.keys {
		out.items = append(out.items, &list{[]any{k, d.vals[k]}, true})
	}
	return out, nil
}

// dictSort sorts pairs by key, without regard to case unless it is asked for.
func dictSort(g *given, v any) (any, error) {
	p, err := pairs(v)
	if err != nil {
		return nil, err
	}
	by := int64(0)
	if g.text(1, "by", "key") == "value" {
		by = 1
	}
	return sorted(p.(*list).items, truth(g.at(0, "case_sensitive", false)), truth(g.at(2, "reverse", false)), by)
}

func sortFilter(g *given, v any) (any, error) {
	all, err := items(v)
	if err != nil {
		return nil, err
	}
	return sorted(all, truth(g.at(1, "case_sensitive", false)), truth(g.at(0, "reverse", false)), g.at(2, "attribute", nil))
}

// sorted orders by an attribute, or by the values themselves.
func sorted(all []any, sensitive, backwards bool, by any) (any, error) {
	var failed error
	keyOf := func(v any) any {
		if by != nil {
			var err error
			if v, err = path(v, by); err != nil {
				failed = err
			}
		}
		if s, ok := v.(string); ok && !sensitive {
			return strings.ToLower(s)
		}
		return v
	}
	out := slices.Clone(all)
	slices.SortStableFunc(out, func(a, b any) int {
		n, err := order(keyOf(a), keyOf(b))
		failed = cmp.Or(failed, err)
		if backwards {
			return -n
		}
		return n
	})
	return &list{items: out}, failed
}

func unique(g *given, v any) (any, error) {
	all, err := items(v)
	out := &list{}
	for _, e := range all {
		if has, err := contains(out, e); err != nil {
			return nil, err
		} else if !has {
			out.items = append(out.items, e)
		}
	}
	return out, err
}

func reverse(_ *given, v any) (any, error) {
	all, err := items(v)
	if err != nil {
		return nil, err
	}
	out := slices.Clone(all)
	slices.Reverse(out)
	if _, ok := v.(string); ok {
		return join(&given{}, &list{items: out})
	}
	return &list{items: out}, nil
}

func sum(g *given, v any) (any, error) {
	all, err := items(v)
	total := g.at(1, "start", int64(0))
	for i := 0; i < len(all) && err == nil; i++ {
		e := all[i]
		if a := g.at(0, "attribute", nil); a != nil {
			e, err = path(e, a)
		}
		if err == nil {
			total, err = arithmetic("+", total, e)
		}
	}
	return total, err
}

func extreme(v any, sign int) (any, error) {
	all, err := items(v)
	if err != nil || len(all) == 0 {
		return undefined{}, err
	}
	best := all[0]
	for _, e := range all[1:] {
		o, err := order(e, best)
		if err != nil {
			return nil, err
		}
		if o == sign {
			best = e
		}
	}
	return best, nil
}

func absolute(v any) (any, error) {
	if f, _, ok := number(v); ok && f < 0 {
		return arithmetic("-", int64(0), v)
	}
	return v, nil
}

func toInt(g *given, v any) (any, error) {
	if f, _, ok := number(v); ok {
		return int64(f), nil
	}
	s := strings.TrimSpace(text(v))
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n, nil
	}
	if f, err := strconv.ParseFloat(s, 64); err == nil {
		return int64(f), nil
	}
	return g.at(0, "default", int64(0)), nil
}

func toFloat(g *given, v any) (any, error) {
	if f, _, ok := number(v); ok {
		return f, nil
	}
	if f, err := strconv.ParseFloat(strings.TrimSpace(text(v)), 64); err == nil {
		return f, nil
	}
	return g.at(0, "default", 0.0), nil
}

func round(g *given, v any) (any, error) {
	f, _, ok := number(v)
	digits, _ := integer(g.at(0, "precision", int64(0)))
	if !ok || digits < 0 || digits > 15 {
		return nil, templateError("%s cannot be rounded", typeName(v))
	}
	r, err := strconv.ParseFloat(strconv.FormatFloat(f, 'f', int(digits), 64), 64)
	return r, err
}

// indent puts blanks before every line but the first.
func indent(g *given, v any) (any, error) {
	pad := "    "
	switch w := g.at(0, "width", nil).(type) {
	case string:
		pad = w
	case int64:
		p, err := repeated(" ", w)
		if err != nil {
			return nil, err
		}
		pad = p.(string)
	}
	lines := strings.Split(text(v), "\n")
	if len(lines) > maxOutput/max(1, len(pad)) {
		return nil, errTooLong
	}
	for i := range lines {
		if (i > 0 || truth(g.at(1, "first", false))) && (lines[i] != "" || truth(g.at(2, "blank", false))) {
			lines[i] = pad + lines[i]
		}
	}
	return strings.Join(lines, "\n"), nil
}

// path follows "a.b.0" into a value.
func path(v any, along any) (any, error) {
	name, ok := along.(string)
	if !ok {
		return item(v, along)
	}
	for _, part := range strings.Split(name, ".") {
		var err error
		if n, e := strconv.ParseInt(part, 10, 64); e == nil {
			v, err = item(v, n)
		} else {
			v, err = item(v, part)
		}
		if err != nil {
			return nil, err
		}
	}
	return v, nil
}

// mapFilter takes an attribute of every item, or applies a filter to it.
func mapFilter(g *given, v any) (any, error) {
	if !truth(v) {
		return &list{}, nil
	}
	all, err := items(v)
	if err != nil {
		return nil, err
	}
	out := &list{}
	for _, e := range all {
		switch a := g.at(len(g.args), "attribute", nil); {
		case a != nil:
			if e, err = path(e, a); err != nil {
				return nil, err
			}
			if _, missing := e.(undefined); missing {
				e = g.at(len(g.args), "default", e)
			}
		case len(g.args) > 0 && filters[text(g.args[0])] != nil:
			if e, err = filters[text(g.args[0])](&given{s: g.s, args: g.args[1:], named: g.named}, e); err != nil {
				return nil, err
			}
		default:
			return nil, templateError("map needs an attribute or a filter")
		}
		out.items = append(out.items, e)
	}
	return out, nil
}

// choose keeps the items, or drops them, whose value or attribute passes a test; without a test it must be true.
func choose(g *given, v any, attribute, keep bool) (any, error) {
	if !truth(v) {
		return &list{}, nil // none has no items, but nothing is to be chosen from it either
	}
	all, err := items(v)
	if err != nil {
		return nil, err
	}
	args, out := g.args, &list{}
	var of any
	if attribute {
		if len(args) == 0 {
			return nil, templateError("an attribute is needed to choose by")
		}
		of, args = args[0], args[1:]
	}
	for _, e := range all {
		x := e
		if attribute {
			if x, err = path(e, of); err != nil {
				return nil, err
			}
		}
		ok := truth(x)
		if len(args) > 0 {
			test := tests[text(args[0])]
			if test == nil {
				return nil, templateError("test %s is not known", text(args[0]))
			}
			if ok, err = test(x, args[1:]); err != nil {
				return nil, err
			}
		}
		if ok == keep {
			out.items = append(out.items, e)
		}
	}
	return out, nil
}

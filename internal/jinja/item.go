package jinja

import "strings"

// item is v[at]: what is there, or an attribute of that name.
func item(v, at any) (any, error) {
	if d, ok := v.(*dict); ok {
		if k, ok := key(at); ok {
			if x, ok := d.vals[k]; ok {
				return x, nil
			}
		}
	}
	if i, ok := integer(at); ok {
		var all []any
		switch v := v.(type) {
		case *list:
			all = v.items
		case string:
			var err error
			if all, err = items(v); err != nil {
				return nil, err
			}
		case undefined:
			return nil, templateError("%s is not defined; its element %d was asked for", v.name, i)
		}
		if i < 0 {
			i += int64(len(all))
		}
		if i >= 0 && i < int64(len(all)) {
			return all[i], nil
		}
		return undefined{text(at)}, nil
	}
	if name, ok := at.(string); ok {
		return attribute(v, name)
	}
	return undefined{text(at)}, nil
}

func (e sliced) eval(s *scope) (any, error) {
	v, err := e.of.eval(s)
	if err != nil {
		return nil, err
	}
	var part [3]any
	for i, p := range e.part {
		if p != nil {
			if part[i], err = p.eval(s); err != nil {
				return nil, err
			}
		}
	}
	switch v.(type) {
	case string, *list:
	default:
		return nil, templateError("%s cannot be sliced", typeName(v))
	}
	all, err := items(v)
	if err != nil {
		return nil, err
	}
	picked, err := slice(all, part)
	if err != nil {
		return nil, err
	}
	if _, ok := v.(string); ok {
		var b strings.Builder
		for _, r := range picked {
			b.WriteString(r.(string))
		}
		return s.charge(b.String(), nil)
	}
	return s.charge(&list{picked, v.(*list).tuple}, nil)
}

// slice is Python's: ends beyond the list are its ends, a negative step goes backwards.
func slice(all []any, part [3]any) ([]any, error) {
	n, step := int64(len(all)), int64(1)
	if part[2] != nil {
		var ok bool
		if step, ok = integer(part[2]); !ok || step == 0 {
			return nil, templateError("a slice's step is %s", repr(part[2]))
		}
	}
	low, high := int64(0), n
	if step < 0 {
		low, high = -1, n-1
	}
	bound := func(v any, absent int64) (int64, error) {
		if v == nil {
			return absent, nil
		}
		i, ok := integer(v)
		if !ok {
			return 0, templateError("a slice's end is %s", typeName(v))
		}
		if i < 0 {
			i += n
		}
		return min(max(i, low), high), nil
	}
	first, last := low, high
	if step < 0 {
		first, last = high, low
	}
	from, err := bound(part[0], first)
	if err != nil {
		return nil, err
	}
	to, err := bound(part[1], last)
	if err != nil {
		return nil, err
	}
	var out []any
	for i := from; step > 0 && i < to || step < 0 && i > to; i += step {
		out = append(out, all[i])
	}
	return out, nil
}

package jinja

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strings"
)

// A value is nil (none), undefined, bool, int64, float64, string, *list, *dict, *namespace, *loop, *macro or function.

// undefined is what a name or member that is not there has for a value; it prints as nothing.
type undefined struct{ name string }

// A list is a list or a tuple.
type list struct {
	items []any
	tuple bool
}

// A dict keeps its keys in the order in which they came.
type dict struct {
	keys []any
	vals map[any]any
}

func newDict() *dict { return &dict{vals: map[any]any{}} }

func (d *dict) set(key, val any) {
	if _, ok := d.vals[key]; !ok {
		d.keys = append(d.keys, key)
	}
	d.vals[key] = val
}

// A namespace is a dict whose members can be set from inside a loop.
type namespace struct{ *dict }

// A function is called with values by place and by name.
type function func(s *scope, args []any, named map[string]any) (any, error)

// FromJSON makes a value; objects keep the order of their keys.
func FromJSON(raw []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	v, err := decodeJSON(d)
	if err == nil && d.More() {
		err = fmt.Errorf("more follows the JSON value")
	}
	return v, err
}

func decodeJSON(d *json.Decoder) (any, error) {
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case json.Number:
		if n, err := t.Int64(); err == nil {
			return n, nil
		}
		return t.Float64()
	case json.Delim:
		if t == '[' {
			l := &list{}
			for d.More() {
				v, err := decodeJSON(d)
				if err != nil {
					return nil, err
				}
				l.items = append(l.items, v)
			}
			_, err := d.Token()
			return l, err
		}
		o := newDict()
		for d.More() {
			key, err := d.Token()
			if err != nil {
				return nil, err
			}
			v, err := decodeJSON(d)
			if err != nil {
				return nil, err
			}
			o.set(key, v)
		}
		_, err := d.Token()
		return o, err
	}
	return t, nil
}

// truth is Python's idea of it.
func truth(v any) bool {
	switch v := v.(type) {
	case nil, undefined:
		return false
	case bool:
		return v
	case int64:
		return v != 0
	case float64:
		return v != 0
	case string:
		return v != ""
	case *list:
		return len(v.items) > 0
	case *dict:
		return len(v.keys) > 0
	}
	return true
}

// number is a value as a float, where it is a number; booleans are.
func number(v any) (f float64, whole, ok bool) {
	switch v := v.(type) {
	case bool:
		if v {
			return 1, true, true
		}
		return 0, true, true
	case int64:
		return float64(v), true, true
	case float64:
		return v, false, true
	}
	return 0, false, false
}

func integer(v any) (int64, bool) {
	switch v := v.(type) {
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	case int64:
		return v, true
	}
	return 0, false
}

func same(a, b any) bool {
	if x, _, ok := number(a); ok {
		y, _, ok := number(b)
		return ok && x == y
	}
	switch a := a.(type) {
	case nil:
		return b == nil
	case string:
		s, ok := b.(string)
		return ok && a == s
	case undefined:
		_, ok := b.(undefined)
		return ok
	case *list:
		o, ok := b.(*list)
		if !ok || len(a.items) != len(o.items) {
			return false
		}
		for i := range a.items {
			if !same(a.items[i], o.items[i]) {
				return false
			}
		}
		return true
	case *dict:
		o, ok := b.(*dict)
		if !ok || len(a.keys) != len(o.keys) {
			return false
		}
		for _, k := range a.keys {
			v, ok := o.vals[k]
			if !ok || !same(a.vals[k], v) {
				return false
			}
		}
		return true
	}
	return false
}

// order is -1, 0 or 1; an error where values cannot be compared.
func order(a, b any) (int, error) {
	if x, _, ok := number(a); ok {
		if y, _, ok := number(b); ok {
			switch {
			case x < y:
				return -1, nil
			case x > y:
				return 1, nil
			}
			return 0, nil
		}
	}
	if x, ok := a.(string); ok {
		if y, ok := b.(string); ok {
			return strings.Compare(x, y), nil
		}
	}
	return 0, templateError("%s and %s cannot be ordered", typeName(a), typeName(b))
}

func typeName(v any) string {
	switch v.(type) {
	case nil:
		return "none"
	case undefined:
		return "an undefined value"
	case bool:
		return "a boolean"
	case int64, float64:
		return "a number"
	case string:
		return "a text"
	case *list:
		return "a list"
	case *dict, *namespace:
		return "a mapping"
	case *loop:
		return "a loop"
	}
	return "a function"
}

// items are what a loop over a value runs through.
func items(v any) ([]any, error) {
	switch v := v.(type) {
	case undefined:
		return nil, nil
	case *list:
		return v.items, nil
	case *dict:
		return v.keys, nil
	case string:
		if len(v) > maxOutput/16 {
			return nil, errTooLong
		}
		var out []any
		for _, r := range v {
			out = append(out, string(r))
		}
		return out, nil
	}
	return nil, templateError("%s cannot be looped over", typeName(v))
}

func size(v any) (int, error) {
	switch v := v.(type) {
	case string:
		return len([]rune(v)), nil
	case *list, *dict, undefined:
		l, err := items(v)
		return len(l), err
	}
	return 0, templateError("%s has no length", typeName(v))
}

// contains is Python's "in".
func contains(in, v any) (bool, error) {
	switch in := in.(type) {
	case string:
		s, ok := v.(string)
		if !ok {
			return false, templateError("%s cannot be looked for in a text", typeName(v))
		}
		return strings.Contains(in, s), nil
	case *dict:
		k, ok := key(v)
		_, has := in.vals[k]
		return ok && has, nil
	case *list:
		for _, e := range in.items {
			if same(e, v) {
				return true, nil
			}
		}
		return false, nil
	case undefined:
		return false, nil
	}
	return false, templateError("%s contains nothing", typeName(in))
}

// key is a value as a key of a dict: 1, 1.0 and true are the same.
func key(v any) (any, bool) {
	switch v := v.(type) {
	case string, nil:
		return v, true
	case bool, int64, float64:
		f, _, _ := number(v)
		if f == math.Trunc(f) && math.Abs(f) < 1<<53 {
			return int64(f), true
		}
		return f, true
	}
	return nil, false
}

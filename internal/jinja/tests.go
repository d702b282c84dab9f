package jinja

// tests are what stands behind "is".
var tests map[string]func(v any, args []any) (bool, error)

func init() {
	kind := func(f func(v any) bool) func(any, []any) (bool, error) {
		return func(v any, _ []any) (bool, error) { return f(v), nil }
	}
	compared := func(f func(o int) bool) func(any, []any) (bool, error) {
		return func(v any, args []any) (bool, error) {
			if len(args) != 1 {
				return false, templateError("a comparison needs a value")
			}
			o, err := order(v, args[0])
			return err == nil && f(o), err
		}
	}
	equal := func(v any, args []any) (bool, error) { return len(args) == 1 && same(v, args[0]), nil }
	remainder := func(v any, by int64) (bool, error) {
		n, ok := integer(v)
		if !ok || by == 0 {
			return false, templateError("%s cannot be divided by %d", typeName(v), by)
		}
		return n%by == 0, nil
	}
	missing := func(v any) bool { _, ok := v.(undefined); return ok }
	text := func(v any) bool { _, ok := v.(string); return ok }
	boolean := func(v any) bool { _, ok := v.(bool); return ok }
	mapping := func(v any) bool { _, ok := v.(*dict); return ok }
	tests = map[string]func(any, []any) (bool, error){
		"defined":   kind(func(v any) bool { return !missing(v) }),
		"undefined": kind(missing),
		"none":      kind(func(v any) bool { return v == nil }),
		"string":    kind(text),
		"boolean":   kind(boolean),
		"true":      kind(func(v any) bool { return v == true }),
		"false":     kind(func(v any) bool { return v == false }),
		"number":    kind(func(v any) bool { _, _, ok := number(v); return ok }),
		"integer":   kind(func(v any) bool { _, ok := v.(int64); return ok }),
		"float":     kind(func(v any) bool { _, ok := v.(float64); return ok }),
		"mapping":   kind(mapping),
		"sequence":  kind(func(v any) bool { _, err := items(v); return err == nil }),
		"iterable":  kind(func(v any) bool { _, err := items(v); return err == nil }),
		"callable":  kind(func(v any) bool { _, m := v.(*macro); _, f := v.(function); return m || f }),
		"odd":       func(v any, _ []any) (bool, error) { even, err := remainder(v, 2); return !even, err },
		"even":      func(v any, _ []any) (bool, error) { return remainder(v, 2) },
		"divisibleby": func(v any, args []any) (bool, error) {
			if len(args) != 1 {
				return false, templateError("divisibleby needs a number")
			}
			by, _ := integer(args[0])
			return remainder(v, by)
		},
		"equalto": equal, "eq": equal, "==": equal, "sameas": equal,
		"ne": func(v any, args []any) (bool, error) { ok, err := equal(v, args); return !ok, err },
		"in": func(v any, args []any) (bool, error) {
			if len(args) != 1 {
				return false, templateError("in needs a value")
			}
			return contains(args[0], v)
		},
		"lt": compared(func(o int) bool { return o < 0 }), "lessthan": compared(func(o int) bool { return o < 0 }),
		"gt": compared(func(o int) bool { return o > 0 }), "greaterthan": compared(func(o int) bool { return o > 0 }),
		"le": compared(func(o int) bool { return o <= 0 }), "ge": compared(func(o int) bool { return o >= 0 }),
	}
}

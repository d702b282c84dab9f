package jinja

// An expr has a value.
type expr interface{ eval(s *scope) (any, error) }

type (
	constant struct{ value any }
	variable string
	choice   struct{ cond, then, other expr }
	binary   struct {
		op          string
		left, right expr
	}
	not      struct{ of expr }
	negative struct{ of expr }
	listed   struct {
		items []expr
		tuple bool
	}
	mapped struct{ keys, vals []expr }
	member struct {
		of   expr
		name string
	}
	subscript struct{ of, at expr }
	sliced    struct {
		of   expr
		part [3]expr
	}
	called struct {
		of   expr
		args arguments
	}
	filtered struct {
		of   expr
		name string
		args arguments
	}
	tested filtered
)

func (c constant) eval(*scope) (any, error) { return c.value, nil }

func (v variable) eval(s *scope) (any, error) {
	if val, ok := s.lookup(string(v)); ok {
		return val, nil
	}
	return undefined{string(v)}, nil
}

func (c choice) eval(s *scope) (any, error) {
	v, err := c.cond.eval(s)
	switch {
	case err != nil:
		return nil, err
	case truth(v):
		return c.then.eval(s)
	case c.other == nil:
		return undefined{}, nil
	}
	return c.other.eval(s)
}

func (n not) eval(s *scope) (any, error) {
	v, err := n.of.eval(s)
	return !truth(v), err
}

func (n negative) eval(s *scope) (any, error) {
	v, err := n.of.eval(s)
	if err != nil {
		return nil, err
	}
	return arithmetic("-", int64(0), v)
}

func (l listed) eval(s *scope) (any, error) {
	out := &list{tuple: l.tuple}
	for _, e := range l.items {
		v, err := e.eval(s)
		if err != nil {
			return nil, err
		}
		out.items = append(out.items, v)
	}
	return s.charge(out, nil)
}

func (m mapped) eval(s *scope) (any, error) {
	d := newDict()
	for i := range m.keys {
		k, err := m.keys[i].eval(s)
		if err != nil {
			return nil, err
		}
		v, err := m.vals[i].eval(s)
		if err != nil {
			return nil, err
		}
		at, ok := key(k)
		if !ok {
			return nil, templateError("%s cannot be a key", typeName(k))
		}
		d.set(at, v)
	}
	return s.charge(d, nil)
}

func (b binary) eval(s *scope) (any, error) {
	if err := s.step(); err != nil {
		return nil, err
	}
	l, err := b.left.eval(s)
	if err != nil {
		return nil, err
	}
	switch b.op {
	case "and":
		if !truth(l) {
			return l, nil
		}
		return b.right.eval(s)
	case "or":
		if truth(l) {
			return l, nil
		}
		return b.right.eval(s)
	}
	r, err := b.right.eval(s)
	if err != nil {
		return nil, err
	}
	for _, v := range []any{l, r} { // they are walked through
		if _, err := s.charge(v, nil); err != nil {
			return nil, err
		}
	}
	switch b.op {
	case "==":
		return same(l, r), nil
	case "!=":
		return !same(l, r), nil
	case "in":
		return contains(r, l)
	case "not in":
		in, err := contains(r, l)
		return !in, err
	case "~":
		return s.charge(joined(text(l), text(r)))
	case "<", ">", "<=", ">=":
		o, err := order(l, r)
		return o < 0 && b.op[0] == '<' || o > 0 && b.op[0] == '>' || o == 0 && len(b.op) == 2, err
	}
	return s.charge(arithmetic(b.op, l, r))
}

func (m member) eval(s *scope) (any, error) {
	v, err := m.of.eval(s)
	if _, ok := v.(string); ok {
		v, err = s.charge(v, err) // a method walks through it
	}
	if err != nil {
		return nil, err
	}
	return attribute(v, m.name)
}

// attribute is v.name: a method if there is one, else a member.
func attribute(v any, name string) (any, error) {
	switch v := v.(type) {
	case undefined:
		return nil, templateError("%s is not defined; its member %s was asked for", v.name, name)
	case *namespace:
		if x, ok := v.vals[name]; ok {
			return x, nil
		}
		return undefined{name}, nil
	case *loop:
		return v.member(name), nil
	}
	if f := method(v, name); f != nil {
		return f, nil
	}
	if d, ok := v.(*dict); ok {
		if x, ok := d.vals[name]; ok {
			return x, nil
		}
	}
	return undefined{name}, nil
}

func (e subscript) eval(s *scope) (any, error) {
	v, err := e.of.eval(s)
	if _, ok := v.(string); ok {
		v, err = s.charge(v, err)
	}
	if err != nil {
		return nil, err
	}
	at, err := e.at.eval(s)
	if err != nil {
		return nil, err
	}
	return item(v, at)
}

// values evaluates the arguments of a call.
func (a arguments) values(s *scope) (args []any, named map[string]any, err error) {
	for _, e := range a.list {
		v, err := e.eval(s)
		if err != nil {
			return nil, nil, err
		}
		args = append(args, v)
	}
	named = map[string]any{}
	for i, e := range a.named {
		if named[a.names[i]], err = e.eval(s); err != nil {
			return nil, nil, err
		}
	}
	return args, named, nil
}

func (c called) eval(s *scope) (any, error) { return c.invoke(s, nil) }

func (c called) invoke(s *scope, caller *macro) (any, error) {
	if err := s.step(); err != nil {
		return nil, err
	}
	f, err := c.of.eval(s)
	if err != nil {
		return nil, err
	}
	args, named, err := c.args.values(s)
	if err != nil {
		return nil, err
	}
	switch f := f.(type) {
	case function:
		return s.charge(f(s, args, named))
	case *macro:
		return s.charge(f.call(s, args, named, caller))
	}
	return nil, templateError("%s is called, but is none (%s)", typeName(f), calledName(c.of))
}

func calledName(e expr) string {
	switch e := e.(type) {
	case variable:
		return string(e)
	case member:
		return "." + e.name
	}
	return "an expression"
}

func (f filtered) eval(s *scope) (any, error) {
	v, err := s.charge(f.of.eval(s))
	if err != nil {
		return nil, err
	}
	return f.apply(s, v)
}

func (f filtered) apply(s *scope, v any) (any, error) {
	if err := s.step(); err != nil {
		return nil, err
	}
	if filters[f.name] == nil { // in a branch that is never taken it does no harm
		return nil, templateError("filter %s is not known", f.name)
	}
	args, named, err := f.args.values(s)
	if err != nil {
		return nil, err
	}
	return s.charge(filters[f.name](&given{s: s, args: args, named: named}, v))
}

func (t tested) eval(s *scope) (any, error) {
	if tests[t.name] == nil {
		return nil, templateError("test %s is not known", t.name)
	}
	v, err := t.of.eval(s)
	if err != nil {
		return nil, err
	}
	args, _, err := t.args.values(s)
	if err != nil {
		return nil, err
	}
	ok, err := tests[t.name](v, args)
	return ok, err
}

package jinja

import (
	"errors"
	"strings"
)

// A stmt prints, or changes variables.
type stmt interface{ exec(s *scope) error }

type (
	literal  string // text between tags
	group    []stmt
	printed  struct{ value expr }
	doStmt   struct{ value expr }
	jump     struct{ error } // break or continue
	loopStmt struct {
		names       []string
		over, where expr
		body, empty []stmt
	}
	ifStmt struct {
		conds  []expr
		bodies [][]stmt
		other  []stmt
	}
	target  struct{ name, member string }
	setStmt struct {
		targets []target
		value   expr // or nil, then the body is what it prints
		body    []stmt
		filters []filtered
	}
	macroStmt struct{ *macro }
	callStmt  struct {
		call   called
		caller *macro
	}
	filterStmt struct {
		filters []filtered
		body    []stmt
	}
)

// A macro is a function written in the template. It sees the variables of where it was defined.
type macro struct {
	name     string
	params   []string
	defaults []expr
	body     []stmt
	in       *scope
}

// Jumps out of a loop's body travel as errors.
type (
	errBreak    struct{}
	errContinue struct{}
)

func (errBreak) Error() string    { return "break outside a loop" }
func (errContinue) Error() string { return "continue outside a loop" }

// outsideLoop is the error for a jump that no loop has caught.
func outsideLoop(err error) error {
	if errors.Is(err, errBreak{}) || errors.Is(err, errContinue{}) {
		return templateError("%v", err)
	}
	return err
}

// run executes statements in order.
func (s *scope) run(body []stmt) error {
	for _, st := range body {
		if err := s.step(); err != nil {
			return err
		}
		if err := st.exec(s); err != nil {
			return err
		}
	}
	return nil
}

// capture runs statements in a scope of their own and returns what they print.
func (s *scope) capture(body []stmt) (string, error) {
	var out strings.Builder
	before := s.r.out
	s.r.out = &out
	err := s.inner().run(body)
	s.r.out = before
	return out.String(), err
}

func (l literal) exec(s *scope) error { s.r.out.WriteString(string(l)); return nil }
func (g group) exec(s *scope) error   { return s.inner().run(g) }
func (j jump) exec(*scope) error      { return j.error }

func (p printed) exec(s *scope) error {
	v, err := p.value.eval(s)
	if err == nil {
		s.r.out.WriteString(text(v))
	}
	return err
}

func (d doStmt) exec(s *scope) error { _, err := d.value.eval(s); return err }

func (i ifStmt) exec(s *scope) error {
	for n, c := range i.conds {
		v, err := c.eval(s)
		if err != nil {
			return err
		}
		if truth(v) {
			return s.run(i.bodies[n])
		}
	}
	return s.run(i.other)
}

// A loop is the variable of that name.
type loop struct {
	at      int
	items   []any
	changed any
	started bool
}

func (l loopStmt) exec(s *scope) error {
	v, err := l.over.eval(s)
	if err != nil {
		return err
	}
	all, err := items(v)
	if err != nil {
		return err
	}
	if l.where != nil {
		if all, err = l.choose(s, all); err != nil {
			return err
		}
	}
	if len(all) == 0 {
		return s.inner().run(l.empty)
	}
	of := &loop{items: all}
	for of.at = range all {
		in := s.inner()
		in.vars["loop"] = of
		if err := l.bind(in, all[of.at]); err != nil {
			return err
		}
		err := in.run(l.body)
		if errors.Is(err, errBreak{}) {
			return nil
		}
		if err != nil && !errors.Is(err, errContinue{}) {
			return err
		}
	}
	return nil
}

// choose keeps the items for which the loop's condition holds.
func (l loopStmt) choose(s *scope, all []any) ([]any, error) {
	var kept []any
	for _, v := range all {
		in := s.inner()
		if err := l.bind(in, v); err != nil {
			return nil, err
		}
		ok, err := l.where.eval(in)
		if err != nil {
			return nil, err
		}
		if truth(ok) {
			kept = append(kept, v)
		}
	}
	return kept, nil
}

// bind gives an item to the loop's names.
func (l loopStmt) bind(s *scope, v any) error {
	if err := s.step(); err != nil {
		return err
	}
	if len(l.names) == 1 {
		s.vars[l.names[0]] = v
		return nil
	}
	parts, err := unpacked(v, len(l.names))
	for i := range parts {
		s.vars[l.names[i]] = parts[i]
	}
	return err
}

func unpacked(v any, n int) ([]any, error) {
	parts, err := items(v)
	if err == nil && len(parts) != n {
		err = templateError("%d values for %d names", len(parts), n)
	}
	if err != nil {
		return nil, err
	}
	return parts, nil
}

func (t setStmt) exec(s *scope) error {
	var v any
	var err error
	if t.value != nil {
		v, err = t.value.eval(s)
	} else {
		v, err = s.capture(t.body)
		for i := 0; err == nil && i < len(t.filters); i++ {
			v, err = t.filters[i].apply(s, v)
		}
	}
	if err != nil {
		return err
	}
	if len(t.targets) == 1 {
		return t.targets[0].assign(s, v)
	}
	parts, err := unpacked(v, len(t.targets))
	for i := range parts {
		if err := t.targets[i].assign(s, parts[i]); err != nil {
			return err
		}
	}
	return err
}

func (t target) assign(s *scope, v any) error {
	if t.member == "" {
		s.vars[t.name] = v
		return nil
	}
	of, _ := s.lookup(t.name)
	ns, ok := of.(*namespace)
	if !ok {
		return templateError("%s is not a namespace, its member %s cannot be set", t.name, t.member)
	}
	ns.set(t.member, v)
	return nil
}

func (m macroStmt) exec(s *scope) error {
	c := *m.macro
	c.in = s
	s.vars[m.name] = &c
	return nil
}

func (c callStmt) exec(s *scope) error {
	caller := *c.caller
	caller.in = s
	v, err := c.call.invoke(s, &caller)
	if err == nil {
		s.r.out.WriteString(text(v))
	}
	return err
}

func (f filterStmt) exec(s *scope) error {
	body, err := s.capture(f.body)
	v := any(body)
	for i := 0; err == nil && i < len(f.filters); i++ {
		v, err = f.filters[i].apply(s, v)
	}
	if err == nil {
		s.r.out.WriteString(text(v))
	}
	return err
}

// call runs a macro and returns what it prints.
func (m *macro) call(s *scope, args []any, named map[string]any, caller *macro) (any, error) {
	if s.r.depth++; s.r.depth > maxDepth {
		return nil, templateError("macro %s calls itself too deeply", m.name)
	}
	defer func() { s.r.depth-- }()
	in := m.in.inner()
	if len(args) > len(m.params) {
		return nil, templateError("macro %s takes %d values, %d are given", m.name, len(m.params), len(args))
	}
	for i, name := range m.params {
		v, ok := named[name]
		switch {
		case i < len(args):
			v = args[i]
		case ok:
		case m.defaults[i] != nil:
			var err error
			if v, err = m.defaults[i].eval(in); err != nil {
				return nil, err
			}
		default:
			v = undefined{name}
		}
		in.vars[name] = v
	}
	if caller != nil {
		in.vars["caller"] = caller
	}
	var out strings.Builder
	before := in.r.out
	in.r.out = &out
	err := outsideLoop(in.run(m.body))
	in.r.out = before
	return out.String(), err
}

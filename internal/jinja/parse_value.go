package jinja

import (
	"strconv"
	"strings"
)

var constants = map[string]any{"true": true, "True": true, "false": false, "False": false, "none": nil, "None": nil}

func (p *parser) primary() (expr, error) {
	t := p.peek()
	switch t.kind {
	case tokName:
		p.next()
		if v, ok := constants[t.text]; ok {
			return constant{v}, nil
		}
		return variable(t.text), nil
	case tokString:
		var b strings.Builder
		for p.peek().kind == tokString {
			b.WriteString(p.next().text)
		}
		return constant{b.String()}, nil
	case tokNumber:
		p.next()
		return numeral(strings.ReplaceAll(t.text, "_", ""))
	}
	switch {
	case p.accept("("):
		e, tuple, err := p.sequence(")")
		if err != nil || !tuple && len(e) == 1 {
			return first(e), err
		}
		return listed{e, true}, nil
	case p.accept("["):
		e, _, err := p.sequence("]")
		return listed{e, false}, err
	case p.accept("{"):
		return p.mapping()
	}
	return nil, p.fail("%s where a value should be", t)
}

func first(e []expr) expr {
	if len(e) == 0 {
		return nil
	}
	return e[0]
}

func numeral(text string) (expr, error) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return constant{n}, nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return nil, templateError("number %s: %v", text, err)
	}
	return constant{f}, nil
}

// sequence reads expressions up to the closing bracket; comma says whether there was one, as in a tuple, or nothing at all.
func (p *parser) sequence(end string) (list []expr, comma bool, err error) {
	for !p.accept(end) {
		if len(list) > 0 {
			if err := p.expect(","); err != nil {
				return nil, false, err
			}
			comma = true
			if p.accept(end) {
				return list, comma, nil
			}
		}
		e, err := p.expression()
		if err != nil {
			return nil, false, err
		}
		list = append(list, e)
	}
	return list, comma || len(list) == 0, nil
}

func (p *parser) mapping() (expr, error) {
	var m mapped
	for !p.accept("}") {
		if len(m.keys) > 0 {
			if err := p.expect(","); err != nil {
				return nil, err
			}
			if p.accept("}") {
				break
			}
		}
		k, err := p.expression()
		if err != nil {
			return nil, err
		}
		if err := p.expect(":"); err != nil {
			return nil, err
		}
		v, err := p.expression()
		if err != nil {
			return nil, err
		}
		m.keys, m.vals = append(m.keys, k), append(m.vals, v)
	}
	return m, nil
}

// postfix reads members, subscripts and calls.
func (p *parser) postfix(e expr) (expr, error) {
	for {
		switch {
		case p.accept("."):
			t := p.next()
			if t.kind != tokName && t.kind != tokNumber {
				return nil, p.fail("%s where a member should be", t)
			}
			if n, err := strconv.ParseInt(t.text, 10, 64); err == nil {
				e = subscript{e, constant{n}}
			} else {
				e = member{e, t.text}
			}
		case p.accept("["):
			var err error
			if e, err = p.subscript(e); err != nil {
				return nil, err
			}
		case p.is("("):
			c, err := p.call()
			if err != nil {
				return nil, err
			}
			e = called{e, c}
		default:
			return e, nil
		}
	}
}

func (p *parser) subscript(e expr) (expr, error) {
	var part [3]expr
	colons := 0
	for !p.accept("]") {
		if p.accept(":") {
			if colons++; colons > 2 {
				return nil, p.fail("a slice has three parts at most")
			}
			continue
		}
		if part[colons] != nil {
			return nil, p.fail("%s where %q should be", p.peek(), "]")
		}
		v, err := p.expression()
		if err != nil {
			return nil, err
		}
		part[colons] = v
	}
	switch {
	case colons > 0:
		return sliced{e, part}, nil
	case part[0] == nil:
		return nil, p.fail("a subscript is empty")
	}
	return subscript{e, part[0]}, nil
}

// arguments are those of a call.
type arguments struct {
	list  []expr
	names []string
	named []expr
}

func (p *parser) call() (a arguments, err error) {
	if err = p.expect("("); err != nil {
		return a, err
	}
	for n := 0; !p.accept(")"); n++ {
		if n > 0 {
			if err = p.expect(","); err != nil {
				return a, err
			}
			if p.accept(")") {
				break
			}
		}
		name := ""
		if p.peek().kind == tokName && p.tokens[p.pos+1].kind == tokOp && p.tokens[p.pos+1].text == "=" {
			name = p.next().text
			p.next()
		}
		e, err := p.expression()
		if err != nil {
			return a, err
		}
		if name != "" {
			a.names, a.named = append(a.names, name), append(a.named, e)
		} else {
			a.list = append(a.list, e)
		}
	}
	return a, nil
}

// filtered reads filters, tests and calls behind a value.
func (p *parser) filtered(e expr) (expr, error) {
	for {
		switch {
		case p.accept("|"):
			f, err := p.filter()
			if err != nil {
				return nil, err
			}
			f.of = e
			e = f
		case p.accept("is"):
			t, err := p.test(e)
			if err != nil {
				return nil, err
			}
			e = t
		case p.is("("):
			c, err := p.call()
			if err != nil {
				return nil, err
			}
			e = called{e, c}
		default:
			return e, nil
		}
	}
}

func (p *parser) filter() (f filtered, err error) {
	if f.name, err = p.name(); err != nil {
		return f, err
	}
	if p.is("(") {
		f.args, err = p.call()
	}
	return f, err
}

func (p *parser) test(of expr) (expr, error) {
	negate := p.accept("not")
	name, err := p.name()
	if err != nil {
		if !p.is("==") { // "is == x" is spelt so too
			return nil, err
		}
		name = p.next().text
	}
	t := tested{of: of, name: name}
	next := p.peek()
	word := next.kind == tokName && !strings.Contains(" else or and is if in not ", " "+next.text+" ")
	switch {
	case p.is("("):
		if t.args, err = p.call(); err != nil {
			return nil, err
		}
	case word || next.kind == tokString || next.kind == tokNumber || p.is("[") || p.is("{"):
		e, err := p.primary()
		if err == nil {
			e, err = p.postfix(e)
		}
		if err != nil {
			return nil, err
		}
		t.args.list = []expr{e}
	}
	if negate {
		return not{t}, nil
	}
	return t, nil
}

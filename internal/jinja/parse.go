package jinja

import (
	"fmt"
	"slices"
)

func templateText(format string, a []any) string { return fmt.Sprintf(format, a...) }

// statements reads up to the end, or to a tag that begins with one of the given words, which is left to be read.
func (p *parser) statements(until ...string) ([]stmt, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, p.fail("tags are nested too deeply")
	}
	defer func() { p.depth-- }()
	var body []stmt
	for {
		t := p.peek()
		switch t.kind {
		case tokEnd:
			if len(until) > 0 {
				return nil, p.fail("the template ends before %s", until[len(until)-1])
			}
			return body, nil
		case tokText:
			p.next()
			body = append(body, literal(t.text))
		case tokVarOpen:
			p.next()
			e, err := p.tuple()
			if err != nil {
				return nil, err
			}
			if p.next().kind != tokVarClose {
				p.pos--
				return nil, p.fail("%s where the value should end", p.peek())
			}
			body = append(body, printed{e})
		case tokTagOpen:
			if word := p.tokens[p.pos+1]; word.kind == tokName && slices.Contains(until, word.text) {
				return body, nil
			}
			p.next()
			s, err := p.tag()
			if err != nil {
				return nil, err
			}
			body = append(body, s)
		default:
			return nil, p.fail("%s belongs to nothing", t)
		}
	}
}

// tuple is an expression, or several that commas join.
func (p *parser) tuple() (expr, error) {
	e, err := p.expression()
	if err != nil || !p.is(",") {
		return e, err
	}
	all := listed{[]expr{e}, true}
	for p.accept(",") {
		if k := p.peek().kind; k == tokVarClose || k == tokTagClose {
			break
		}
		if e, err = p.expression(); err != nil {
			return nil, err
		}
		all.items = append(all.items, e)
	}
	return all, nil
}

// tags are the statements by the word that begins them.
var tags map[string]func(p *parser) (stmt, error)

func init() {
	tags = map[string]func(p *parser) (stmt, error){
		"for": (*parser).forTag, "if": (*parser).ifTag, "set": (*parser).setTag, "macro": (*parser).macroTag, "call": (*parser).callTag,
		"filter": (*parser).filterTag, "generation": (*parser).generationTag, "do": (*parser).doTag,
		"break":    func(p *parser) (stmt, error) { return jump{errBreak{}}, p.close() },
		"continue": func(p *parser) (stmt, error) { return jump{errContinue{}}, p.close() },
	}
}

func (p *parser) tag() (stmt, error) {
	name, err := p.name()
	if err != nil {
		return nil, err
	}
	f := tags[name]
	if f == nil {
		p.pos--
		return nil, p.fail("tag %s is not known, or does not belong here", name)
	}
	return f(p)
}

// close ends a tag.
func (p *parser) close() error {
	if p.peek().kind != tokTagClose {
		return p.fail("%s where the tag should end", p.peek())
	}
	p.next()
	return nil
}

// block reads the statements up to a closing tag, and that tag.
func (p *parser) block(end string) ([]stmt, error) {
	if err := p.close(); err != nil {
		return nil, err
	}
	body, err := p.statements(end)
	if err != nil {
		return nil, err
	}
	return body, p.end()
}

// end reads a tag of one word, which has been seen.
func (p *parser) end() error {
	p.pos += 2
	return p.close()
}

func (p *parser) forTag() (stmt, error) {
	var f loopStmt
	for {
		name, err := p.name()
		if err != nil {
			return nil, err
		}
		f.names = append(f.names, name)
		if !p.accept(",") {
			break
		}
	}
	err := p.expect("in")
	if err == nil {
		f.over, err = p.or() // an "if" behind it chooses among the items
	}
	if err == nil && p.accept("if") {
		f.where, err = p.expression()
	}
	if err == nil && p.is("recursive") {
		err = p.fail("recursive loops are not supported")
	}
	if err == nil {
		err = p.close()
	}
	if err == nil {
		f.body, err = p.statements("else", "endfor")
	}
	if err == nil && p.tokens[p.pos+1].text == "else" {
		if err = p.end(); err == nil {
			f.empty, err = p.statements("endfor")
		}
	}
	if err != nil {
		return nil, err
	}
	return f, p.end()
}

func (p *parser) ifTag() (stmt, error) {
	var s ifStmt
	for {
		cond, err := p.tuple()
		if err == nil {
			err = p.close()
		}
		if err != nil {
			return nil, err
		}
		body, err := p.statements("elif", "else", "endif")
		if err != nil {
			return nil, err
		}
		s.conds, s.bodies = append(s.conds, cond), append(s.bodies, body)
		switch p.tokens[p.pos+1].text {
		case "elif":
			p.pos += 2
			continue
		case "else":
			if err := p.end(); err != nil {
				return nil, err
			}
			if s.other, err = p.statements("endif"); err != nil {
				return nil, err
			}
		}
		return s, p.end()
	}
}

func (p *parser) setTag() (stmt, error) {
	var s setStmt
	for {
		name, err := p.name()
		if err != nil {
			return nil, err
		}
		t := target{name: name}
		if p.accept(".") {
			if t.member, err = p.name(); err != nil {
				return nil, err
			}
		}
		s.targets = append(s.targets, t)
		if !p.accept(",") {
			break
		}
	}
	var err error
	if p.accept("=") {
		if s.value, err = p.tuple(); err != nil {
			return nil, err
		}
		return s, p.close()
	}
	for p.accept("|") {
		f, err := p.filter()
		if err != nil {
			return nil, err
		}
		s.filters = append(s.filters, f)
	}
	s.body, err = p.block("endset")
	return s, err
}

// parameters are those of a macro.
func (p *parser) parameters(m *macro) error {
	if err := p.expect("("); err != nil {
		return err
	}
	for n := 0; !p.accept(")"); n++ {
		if n > 0 {
			if err := p.expect(","); err != nil {
				return err
			}
			if p.accept(")") {
				break
			}
		}
		name, err := p.name()
		if err != nil {
			return err
		}
		var value expr
		if p.accept("=") {
			if value, err = p.expression(); err != nil {
				return err
			}
		}
		m.params, m.defaults = append(m.params, name), append(m.defaults, value)
	}
	return nil
}

func (p *parser) macroTag() (stmt, error) {
	m := &macro{}
	var err error
	if m.name, err = p.name(); err != nil {
		return nil, err
	}
	if err = p.parameters(m); err != nil {
		return nil, err
	}
	m.body, err = p.block("endmacro")
	return macroStmt{m}, err
}

// callTag is a call of a macro that gets a body as its caller.
func (p *parser) callTag() (stmt, error) {
	m := &macro{name: "caller"}
	if p.is("(") {
		if err := p.parameters(m); err != nil {
			return nil, err
		}
	}
	e, err := p.expression()
	if err != nil {
		return nil, err
	}
	c, ok := e.(called)
	if !ok {
		return nil, p.fail("a call tag needs a call")
	}
	m.body, err = p.block("endcall")
	return callStmt{c, m}, err
}

func (p *parser) filterTag() (stmt, error) {
	f, err := p.filter()
	if err != nil {
		return nil, err
	}
	list := []filtered{f}
	for p.accept("|") {
		if f, err = p.filter(); err != nil {
			return nil, err
		}
		list = append(list, f)
	}
	body, err := p.block("endfilter")
	return filterStmt{list, body}, err
}

// generationTag marks what an assistant says; it prints its body.
func (p *parser) generationTag() (stmt, error) {
	body, err := p.block("endgeneration")
	return group(body), err
}

func (p *parser) doTag() (stmt, error) {
	e, err := p.tuple()
	if err != nil {
		return nil, err
	}
	return doStmt{e}, p.close()
}

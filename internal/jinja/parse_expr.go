package jinja

// A parser walks over the tokens of a template.
type parser struct {
	tokens []token
	pos    int
	depth  int
}

func (p *parser) peek() token { return p.tokens[p.pos] }

func (p *parser) next() token {
	t := p.tokens[p.pos]
	if t.kind != tokEnd {
		p.pos++
	}
	return t
}

func (p *parser) fail(format string, a ...any) error {
	return templateError("line %d: %s", p.peek().line, templateText(format, a))
}

// is says whether the next token is an operator or a word with this text.
func (p *parser) is(text string) bool {
	t := p.peek()
	return (t.kind == tokOp || t.kind == tokName) && t.text == text
}

// accept takes the token if it is next.
func (p *parser) accept(text string) bool {
	ok := p.is(text)
	if ok {
		p.pos++
	}
	return ok
}

func (p *parser) expect(text string) error {
	if !p.accept(text) {
		return p.fail("%s where %q should be", p.peek(), text)
	}
	return nil
}

func (p *parser) name() (string, error) {
	if p.peek().kind != tokName {
		return "", p.fail("%s where a name should be", p.peek())
	}
	return p.next().text, nil
}

// expression is the loosest kind: a if b else c.
func (p *parser) expression() (expr, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, p.fail("an expression is nested too deeply")
	}
	defer func() { p.depth-- }()
	e, err := p.or()
	for err == nil && p.accept("if") {
		c := choice{then: e}
		if c.cond, err = p.or(); err == nil && p.accept("else") {
			c.other, err = p.expression()
		}
		e = c
	}
	return e, err
}

// binary parses operands of one level, joined by its operators from the left.
func (p *parser) binary(operand func() (expr, error), ops ...string) (expr, error) {
	e, err := operand()
	for err == nil {
		op := ""
		for _, o := range ops {
			if p.is(o) {
				op = o
			}
		}
		if op == "" {
			return e, nil
		}
		p.next()
		var right expr
		right, err = operand()
		e = binary{op, e, right}
	}
	return nil, err
}

func (p *parser) or() (expr, error)  { return p.binary(p.and, "or") }
func (p *parser) and() (expr, error) { return p.binary(p.not, "and") }

func (p *parser) not() (expr, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, p.fail("an expression is nested too deeply")
	}
	defer func() { p.depth-- }()
	if p.accept("not") {
		e, err := p.not()
		return not{e}, err
	}
	return p.compare()
}

// compare is a chain: a < b < c holds where both parts do.
func (p *parser) compare() (expr, error) {
	e, err := p.sum()
	var whole expr
	for err == nil {
		op := ""
		for _, o := range []string{"==", "!=", "<", ">", "<=", ">=", "in"} {
			if p.is(o) {
				op = o
			}
		}
		if p.is("not") && p.tokens[p.pos+1].text == "in" && p.tokens[p.pos+1].kind == tokName {
			p.next()
			op = "not in"
		}
		if op == "" {
			if whole == nil {
				whole = e
			}
			return whole, nil
		}
		p.next()
		var right expr
		if right, err = p.sum(); err != nil {
			break
		}
		part := binary{op, e, right}
		if whole == nil {
			whole = part
		} else {
			whole = binary{"and", whole, part}
		}
		e = right
	}
	return nil, err
}

func (p *parser) sum() (expr, error)     { return p.binary(p.joined, "+", "-") }
func (p *parser) joined() (expr, error)  { return p.binary(p.product, "~") }
func (p *parser) product() (expr, error) { return p.binary(p.power, "*", "/", "//", "%") }
func (p *parser) power() (expr, error) {
	return p.binary(func() (expr, error) { return p.unary(true) }, "**")
}

func (p *parser) unary(filters bool) (e expr, err error) {
	if p.depth++; p.depth > maxDepth {
		return nil, p.fail("an expression is nested too deeply")
	}
	defer func() { p.depth-- }()
	switch {
	case p.accept("-"):
		e, err = p.unary(false)
		e = negative{e}
	case p.accept("+"):
		e, err = p.unary(false)
	default:
		e, err = p.primary()
	}
	if err == nil {
		e, err = p.postfix(e)
	}
	if err == nil && filters {
		e, err = p.filtered(e)
	}
	return e, err
}

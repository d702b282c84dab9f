// Package jinja renders chat templates: the part of the Jinja language that templates in published models use, with the settings that
// Hugging Face's transformers give it (trim_blocks, lstrip_blocks, loop controls, the sandbox that changes no value). What a
// template uses beyond that is an error that names it, not other output.
// https://jinja.palletsprojects.com/en/stable/templates
package jinja

import (
	"errors"
	"fmt"
	"strings"
)

// ErrTemplate is inside every error about a template itself; ErrRaised inside the one that a template raises about what it is given.
var (
	ErrTemplate = errors.New("chat template")
	ErrRaised   = errors.New("the chat template refuses the conversation")
)

// A Template is parsed and can be rendered many times, also at once.
type Template struct{ body []stmt }

// Limits of one rendering. Templates come from files, and must not take the program with them.
const (
	maxSteps  = 4 << 20
	maxOutput = 16 << 20 // bytes of any text
	maxDepth  = 100
	maxRange  = 100000
)

// Parse reads a template.
func Parse(text string) (*Template, error) {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	text = strings.TrimSuffix(text, "\n")
	tokens, err := lex(text)
	if err != nil {
		return nil, err
	}
	p := &parser{tokens: tokens}
	body, err := p.statements()
	if err == nil && p.peek().kind != tokEnd {
		err = p.fail("%s belongs to nothing", p.peek())
	}
	if err != nil {
		return nil, err
	}
	return &Template{body}, nil
}

// Render fills the template in with variables: values as FromJSON makes them, or Go's nil, bool, int, string.
func (t *Template) Render(vars map[string]any) (string, error) {
	r := &renderer{}
	root := &scope{vars: map[string]any{}, r: r}
	for name, v := range vars {
		if n, ok := v.(int); ok {
			v = int64(n)
		}
		root.vars[name] = v
	}
	var out strings.Builder
	r.out = &out
	if err := outsideLoop(root.run(t.body)); err != nil {
		return "", err
	}
	return out.String(), nil
}

// A renderer is one rendering.
type renderer struct {
	out   *strings.Builder
	steps int
	depth int
}

// A scope holds variables; those of outer scopes can be read, not set.
type scope struct {
	vars  map[string]any
	outer *scope
	r     *renderer
}

func (s *scope) inner() *scope { return &scope{vars: map[string]any{}, outer: s, r: s.r} }

func (s *scope) lookup(name string) (any, bool) {
	for ; s != nil; s = s.outer {
		if v, ok := s.vars[name]; ok {
			return v, true
		}
	}
	v, ok := globals[name]
	return v, ok
}

// step counts work and stops a rendering that does not end.
func (s *scope) step() error {
	if s.r.steps++; s.r.steps > maxSteps || s.r.out.Len() > maxOutput {
		return templateError("does not come to an end")
	}
	return nil
}

// charge counts what a new value costs, and refuses one that is too large: the nodes of lists and mappings, the bytes of a text.
func (s *scope) charge(v any, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	s.r.steps += weight(v, maxSteps-s.r.steps)
	return v, s.step()
}

// weight is the number of values inside v, up to most, and a part of the bytes of a text.
func weight(v any, most int) int {
	n := 0
	switch v := v.(type) {
	case string:
		n = len(v) / 64
	case *list:
		for i := 0; i < len(v.items) && n <= most; i++ {
			n += 1 + inside(v.items[i], most-n)
		}
	case *dict:
		for i := 0; i < len(v.keys) && n <= most; i++ {
			n += 1 + inside(v.vals[v.keys[i]], most-n)
		}
	}
	return n
}

// inside is the weight of a member; texts there were made, and counted, before.
func inside(v any, most int) int {
	if _, ok := v.(string); ok {
		return 0
	}
	return weight(v, most)
}

var errTooLong = templateError("a text becomes too long")

func templateError(format string, a ...any) error {
	return fmt.Errorf("%w: %s", ErrTemplate, fmt.Sprintf(format, a...))
}

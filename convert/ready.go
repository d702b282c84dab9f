package convert

import (
	"slices"

	"quern/formats"
	"quern/internal/arch"
	"quern/quantize"
)

// Types are those that the tensors of a plan with these options would be stored in, by name; an importance matrix is taken to come, as methods that ask
// for the types bring one.
func Types(src *formats.Source, recipe *Recipe, opt Options) (map[string]*quantize.Type, error) {
	bound, err := arch.Bind(src)
	if err != nil {
		return nil, err
	}
	if opt.Imatrix == nil {
		opt.Imatrix = &formats.Imatrix{}
	}
	p := &Plan{Source: src.Path, src: src, Params: bound.Params}
	if err := p.steps(bound, recipe, opt); err != nil {
		return nil, err
	}
	types := map[string]*quantize.Type{}
	for i := range p.Steps {
		types[p.Steps[i].Name] = p.Steps[i].to
	}
	return types, nil
}

// ready puts a tensor that is encoded already in the place of the source's.
func (p *Plan) ready(s *Step, made *formats.Tensor) error {
	if made.Type != s.to || !slices.Equal(made.Shape, s.Shape) || made.Raw == nil {
		return &formats.Error{File: p.Source, Tensor: s.Name, Err: formats.Unsupported("it was encoded as %s %v, the plan stores %s %v", made.Type, made.Shape, s.to, s.Shape)}
	}
	s.tensor, s.Method = made, true
	return nil
}

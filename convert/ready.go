package convert

import (
	"slices"

	"quern/formats"
	"quern/internal/arch"
	"quern/quantize"
)

// Types are those that the tensors of a plan with these options would be stored in, by name, and the factors that stand beside some of them: weights are
// divided by these before they are encoded. An importance matrix is taken to come, as methods that ask for the types bring one.
func Types(src *formats.Source, recipe *Recipe, opt Options) (types map[string]*quantize.Type, factors map[string]float32, err error) {
	bound, err := arch.Bind(src)
	if err != nil {
		return nil, nil, err
	}
	if opt.Imatrix == nil {
		opt.Imatrix = &formats.Imatrix{}
	}
	p := &Plan{Source: src.Path, src: src, Params: bound.Params}
	if err := p.steps(bound, recipe, opt); err != nil {
		return nil, nil, err
	}
	types, factors = map[string]*quantize.Type{}, map[string]float32{}
	for i := range p.Steps {
		s := &p.Steps[i]
		types[s.Name] = s.to
		if s.factor != 0 {
			factors[s.Name] = s.factor
		}
	}
	return types, factors, nil
}

// ready puts a tensor that is encoded already in the place of the source's.
func (p *Plan) ready(s *Step, made *formats.Tensor) error {
	if made.Type != s.to || !slices.Equal(made.Shape, s.Shape) || made.Raw == nil {
		return &formats.Error{File: p.Source, Tensor: s.Name, Err: formats.Unsupported("it was encoded as %s %v, the plan stores %s %v", made.Type, made.Shape, s.to, s.Shape)}
	}
	s.tensor, s.Method = made, true
	return nil
}

package convert

import (
	"fmt"
	"math"

	"quern/formats"
	"quern/internal/arch"
	"quern/quantize"
)

// bridging says whether the plan keeps the codes of its source: where nobody named a type for it, and it has codes.
func (p *Plan) bridging(opt Options) bool { return opt.bridging && p.src.Quantized != nil }

// sortInner undoes act-order where that changes nothing.
func (p *Plan) sortInner(bound *arch.Bound) error {
	layers, err := straighten(bound)
	if layers > 0 {
		p.warn(fmt.Sprintf("in %d layers the feed-forward network's inner dimension is sorted by the groups of its last matrix (act-order): the same function, with rows "+
			"of ffn_gate and ffn_up and columns of ffn_down in another order than in the source", layers))
	}
	return err
}

// bridge decides for a tensor that has codes: the type that keeps them, or else eight bits, which lose little of four.
func (p *Plan) bridge(s *Step, choice *choice) error {
	if formats.CodesOf(s.tensor) == nil || !quantizable(s.Name, s.Shape) {
		return nil
	}
	b, why, err := bridgeOf(s.tensor)
	if err != nil {
		return err
	}
	if b == nil {
		choice.instead = quantize.Q8_0
		choice.to, choice.fallback = fit(choice.instead, s.tensor.Cols(), false)
		s.Codes = "decoded: " + why
		return nil
	}
	s.bridge, s.Codes = b, b.note(formats.CodesOf(s.tensor))
	s.rounded = &rounded{}
	choice.to, choice.fallback = b.to, ""
	return nil
}

// bridged names the plan after the type that most of its codes went into.
func (p *Plan) bridged(recipe *Recipe) *Recipe {
	weights, most := map[string]int64{}, ""
	decoded := 0
	for i := range p.Steps {
		s := &p.Steps[i]
		if s.Copy && s.tensor.Type == quantize.MXFP4 {
			weights[MXFP4_MOE.Name] += int64(s.tensor.Elems())
		}
		if s.Codes == "" {
			continue
		}
		weights[s.Type] += int64(s.tensor.Elems())
		if s.bridge == nil {
			decoded++
		}
	}
	for _, r := range recipes {
		if weights[r.Name] > weights[most] {
			most = r.Name
		}
	}
	if decoded > 0 {
		p.warn(fmt.Sprintf("the codes of %d matrices have no place in a GGUF: they are decoded and quantized again; --plan says why", decoded))
	}
	for _, r := range recipes {
		if r.Name == most {
			p.Type, p.FileType = r.Name, r.FileType
			named := *recipe
			named.Name, named.FileType = r.Name, r.FileType
			return &named
		}
	}
	return recipe
}

// tellRounded adds to the warnings of a plan that was run what happened to scales and minima on the way into F16.
func (p *Plan) tellRounded() {
	numbers, changed, most := int64(0), int64(0), 0.0
	for i := range p.Steps {
		if r := p.Steps[i].rounded; r != nil {
			numbers += r.numbers.Load()
			changed += r.changed.Load()
			most = max(most, math.Float64frombits(r.most.Load()))
		}
	}
	if changed > 0 {
		p.warn(fmt.Sprintf("codes are as in the source; of %d scales and minima %d were rounded to F16, by %.2g %% at most", numbers, changed, 100*most))
	}
}

// blocks moves codes of some rows.
func (w *worker) blocks(tensor, row, rows int, j job) error {
	t := w.plans[0].Steps[tensor].tensor
	if err := formats.CodesOf(t).ReadCodes(&w.codes, row, rows); err != nil {
		return err
	}
	size, _ := j.to.Size(t.Cols())
	w.out = grow(w.out, rows*size)
	for i := range rows {
		if err := j.bridge.row(w.out[i*size:], &w.codes, i, j.rounded); err != nil {
			return err
		}
	}
	for _, p := range j.plans {
		if err := w.sinks[p].WriteAt(w.out, tensor, int64(row)*int64(size)); err != nil {
			return err
		}
	}
	return nil
}

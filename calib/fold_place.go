package calib

import (
	"slices"
	"strings"

	"quern/formats"
	"quern/internal/arch"
	"quern/quantize"
)

// A foldPlace is where factors go into the weights: what makes k channels, and all that takes them.
type foldPlace struct {
	layer    int
	from     *formats.Tensor // of the source: a norm, or a matrix
	norm     *arch.Rule      // of the norm; nil where from is a matrix
	bias     *formats.Tensor // of from; may be nil
	into     []*formats.Tensor
	rounded  []foldConsumer // those of into that the search looks at
	experts  int            // among which rows of the search are shared; 0: none
	inputs   seat
	values   bool // one of into is the matrix of values, whose inputs have means
	k        int  // columns of into
	channels int  // rows of from
	share    []int
	factor   []float32
	loss     float64
}

type foldConsumer struct {
	t    *formats.Tensor
	role arch.Role
}

// asks says whether the search wants the inputs of a seat.
func (p *foldPlace) asks(s seat) bool {
	return s == p.inputs || p.values && s == seat{roleMeans, -1}
}

// take keeps what the journal has.
func (p *foldPlace) take(factors, loss *formats.Tensor) error {
	if factors.Name != journalName(p.from.Name+".factors") || factors.Rows == nil || !slices.Equal(factors.Shape, []int{p.channels}) || loss.Rows == nil || loss.Elems() != 1 {
		return formats.Corrupt("it is not what this run keeps")
	}
	p.factor = make([]float32, p.channels)
	one := make([]float32, 1)
	if err := factors.Rows.ReadRows(p.factor, 0); err != nil {
		return err
	}
	if err := loss.Rows.ReadRows(one, 0); err != nil {
		return err
	}
	p.loss = float64(one[0])
	for _, f := range p.factor {
		if !(f > 0) || f-f != 0 {
			return formats.Corrupt("a factor is %g", f)
		}
	}
	return nil
}

// foldPlaces are all places of a model at which a matrix that will be rounded takes its inputs.
func (s *Subject) foldPlaces(matrices []string) (list []*foldPlace) {
	f := &foldFinder{byName: map[string]*formats.Tensor{}, rounded: map[string]bool{}, bound: s.bound}
	for _, t := range s.src.Tensors {
		f.byName[t.Name] = t
	}
	for _, name := range matrices {
		f.rounded[name] = true
	}
	for _, fold := range s.bound.Arch.Folds(&s.bound.Params) {
		for layer := range s.bound.Params.Layers {
			list = append(list, f.places(fold, layer)...)
		}
	}
	slices.SortStableFunc(list, func(a, b *foldPlace) int { return a.layer - b.layer })
	return list
}

type foldFinder struct {
	byName  map[string]*formats.Tensor
	rounded map[string]bool
	bound   *arch.Bound
}

// places are those of one fold in one layer: one, or one for each expert.
func (f *foldFinder) places(fold arch.Fold, layer int) (list []*foldPlace) {
	var from, bias *arch.Origin
	for i := range f.bound.Origins {
		o := &f.bound.Origins[i]
		if o.Layer != layer || o.Rule.Role != fold.From {
			continue
		}
		if strings.HasSuffix(o.Rule.GGUF, ".bias") {
			bias = o
		} else if from != nil || len(o.Rule.And) > 0 {
			return nil
		} else {
			from = o
		}
	}
	if from == nil {
		return nil
	}
	for e, name := range from.Parts {
		p := &foldPlace{layer: layer, from: f.byName[name], inputs: seat{expert: -1}}
		expert := -1
		if len(from.Parts) > 1 {
			expert = e
		}
		if p.from == nil || p.from.Rows == nil || bias != nil && len(from.Parts) > 1 {
			return nil
		}
		if bias != nil {
			p.bias = f.byName[bias.Parts[0]]
		}
		if f.fill(p, fold, from.Rule, expert) {
			list = append(list, p)
		}
	}
	return list
}

// fill finds the takers of a place, and says whether factors can go there.
func (f *foldFinder) fill(p *foldPlace, fold arch.Fold, rule *arch.Rule, expert int) bool {
	found := false
	for _, role := range fold.Into {
		for _, o := range f.bound.Origins {
			if o.Layer != p.layer || o.Rule.Role != role || strings.HasSuffix(o.Rule.GGUF, ".bias") {
				continue
			}
			stacked := strings.Contains(o.Rule.HF, "{e}")
			if !found && (expert >= 0 || !stacked) {
				found, p.inputs = true, seat{role, expert}
			}
			if stacked && expert < 0 {
				p.experts = max(p.experts, len(o.Parts))
			}
			for e, name := range o.Parts {
				if t := f.byName[name]; expert < 0 || e == expert {
					if t == nil || o.Rule.Do.Turned || !f.taker(p, t, role) {
						return false
					}
				}
			}
		}
	}
	if !found || len(p.rounded) == 0 {
		return false
	}
	params := f.bound.Params.At(p.layer)
	switch p.channels = p.from.Elems(); {
	case len(p.from.Shape) == 1:
		p.norm = rule
	case len(p.from.Shape) != 2 || rule.Do.Forward != nil:
		return false
	default:
		p.channels = p.from.NumRows()
	}
	if fold.Heads && p.channels != p.k {
		if p.channels != params.KVHeads*params.HeadDim || p.k != params.Heads*params.HeadDim {
			return false
		}
		p.share = make([]int, p.k)
		for j := range p.share {
			p.share[j] = j/params.HeadDim/(params.Heads/params.KVHeads)*params.HeadDim + j%params.HeadDim
		}
	}
	return p.share != nil || p.channels == p.k
}

// taker adds one that takes the channels.
func (f *foldFinder) taker(p *foldPlace, t *formats.Tensor, role arch.Role) bool {
	if slices.Contains(p.into, t) {
		return true
	}
	if t.Rows == nil || p.k != 0 && t.Cols() != p.k {
		return false
	}
	p.k, p.into = t.Cols(), append(p.into, t)
	p.values = p.values || role == arch.RoleV
	if f.rounded[t.Name] {
		p.rounded = append(p.rounded, foldConsumer{t, role})
	}
	return true
}

// folded is the subject's source with the factors of all places in its weights.
func (s *Subject) folded(places []*foldPlace) (*Folded, error) {
	src := *s.src
	src.Tensors = slices.Clone(src.Tensors)
	at := map[string]int{}
	for i, t := range src.Tensors {
		at[t.Name] = i
	}
	out := &Folded{Source: &src, Tried: len(places)}
	for _, p := range places {
		out.Loss += p.loss / float64(len(places))
		if p.loss >= 1 {
			continue
		}
		out.Gained++
		factor, divide := p.factor, []*formats.Tensor{p.from}
		if p.bias != nil {
			divide = append(divide, p.bias)
		}
		if p.norm != nil {
			made, exact, err := s.divided(src.Tensors[at[p.from.Name]], p)
			if err != nil {
				return nil, err
			}
			src.Tensors[at[p.from.Name]], factor, divide = made, exact, divide[1:]
		}
		for _, t := range divide {
			i := at[t.Name]
			src.Tensors[i] = scaled(src.Tensors[i], nil, factor)
		}
		by := factor
		if p.share != nil {
			by = make([]float32, p.k)
			for j, c := range p.share {
				by[j] = factor[c]
			}
		}
		for _, t := range p.into {
			i := at[t.Name]
			src.Tensors[i] = scaled(src.Tensors[i], by, nil)
		}
	}
	return out, s.settle(&src, at, places)
}

// divided is a norm with its weights divided, as its type holds them, and the factors by which that divides them.
func (s *Subject) divided(t *formats.Tensor, p *foldPlace) (made *formats.Tensor, exact []float32, err error) {
	as := func(t *formats.Tensor, op func(*formats.Tensor, *arch.Params) *formats.Tensor) (x []float32, err error) {
		if op != nil && s.bound.Config != nil {
			t = op(t, &s.bound.Params)
		}
		x = make([]float32, t.Elems())
		return x, t.Rows.ReadRows(x, 0)
	}
	before, err := as(t, p.norm.Do.Forward)
	if err != nil {
		return nil, nil, err
	}
	x := make([]float32, len(before))
	for i, v := range before {
		x[i] = v / p.factor[i]
	}
	if x, err = as(arch.Floats(t.Name, x), p.norm.Do.Inverse); err != nil {
		return nil, nil, err
	}
	made = stored(t, x)
	after, err := as(made, p.norm.Do.Forward)
	if err != nil {
		return nil, nil, err
	}
	for i, v := range after {
		f := before[i] / v
		if !(f > 0) || f-f != 0 { // a norm of nothing, or one that its type does not hold
			return t, slices.Repeat([]float32{1}, len(x)), nil
		}
		after[i] = f
	}
	return made, after, nil
}

// stored is a tensor like t of some numbers, as t's type holds them.
func stored(t *formats.Tensor, x []float32) *formats.Tensor {
	to := t.Type
	if to.Block != 1 || to.Encode == nil {
		to = quantize.F32
	}
	raw := make([]byte, len(x)*to.Bytes)
	to.Encode(raw, x, nil)
	return formats.Held(t, to, raw)
}

// settle stores tensors that have factors and are not rounded, biases and routers, as their types hold them.
func (s *Subject) settle(src *formats.Source, at map[string]int, places []*foldPlace) error {
	for _, p := range places {
		list := p.into
		if p.bias != nil {
			list = append(slices.Clone(list), p.bias)
		}
		for _, t := range list {
			now := src.Tensors[at[t.Name]]
			if now == t || now.Raw != nil || slices.ContainsFunc(p.rounded, func(c foldConsumer) bool { return c.t == t }) || t.Elems() > settleMost {
				continue
			}
			x := make([]float32, t.Elems())
			if err := now.Rows.ReadRows(x, 0); err != nil {
				return err
			}
			src.Tensors[at[t.Name]] = stored(t, x)
		}
	}
	return nil
}

// settleMost are weights of a tensor that is kept in memory.
const settleMost = 1 << 24

// scaled is a tensor with its columns multiplied, or its rows divided; a vector's elements count as its rows.
func scaled(t *formats.Tensor, columns, rows []float32) *formats.Tensor {
	n := *t
	n.Raw, n.Rows = nil, scaledRows{t.Rows, t.Cols(), columns, rows, len(t.Shape) == 1}
	return &n
}

type scaledRows struct {
	rows    formats.Rows
	cols    int
	columns []float32
	divide  []float32
	vector  bool
}

func (s scaledRows) ReadRows(dst []float32, row int) error {
	if err := s.rows.ReadRows(dst, row); err != nil {
		return err
	}
	for i := range dst {
		switch {
		case s.columns != nil:
			dst[i] *= s.columns[i%s.cols]
		case s.vector:
			dst[i] /= s.divide[i]
		default:
			dst[i] /= s.divide[row+i/s.cols]
		}
	}
	return nil
}

package calib

import (
	"context"
	"errors"
	"runtime"
	"slices"

	"quern/formats"
	"quern/internal/arch"
	"quern/internal/model"
	"quern/quantize"
)

// A FoldRun finds factors for the channels between a model's matrices with quantize.AWQ, and puts them into the weights: the checkpoint that comes out
// computes the same, and loses less when it is rounded. Chunks go through the model as it is, for factors do not change what layers see.
type FoldRun struct {
	model.Options
	Matrices []string // that will be rounded, by the source's names: the others follow
	Near     func() *quantize.Nearest
	Journal  *Journal
	Layer    func(done, layers int) // called when a layer is done; may be nil
}

// A Folded is what a run made.
type Folded struct {
	Source *formats.Source // whose tensors have the factors in them; it is closed with the subject's
	Tried  int             // places for factors
	Gained int             // of these, where factors are better than none
	Loss   float64         // what is left there of the loss without, in the mean of all that were tried
}

// foldRun is a FoldRun under way.
type foldRun struct {
	*FoldRun
	subject *Subject
	byLayer map[int][]*foldPlace
	grams   map[seat]*quantize.Gram
	spare   map[int][]*quantize.Gram
	threads int
}

// Fold runs chunks through the subject.
func (s *Subject) Fold(ctx context.Context, chunks [][]int32, f *FoldRun) (*Folded, error) {
	r := &foldRun{FoldRun: f, subject: s, byLayer: map[int][]*foldPlace{}, grams: map[seat]*quantize.Gram{}, spare: map[int][]*quantize.Gram{}, threads: f.Threads}
	if r.threads <= 0 {
		r.threads = runtime.GOMAXPROCS(0)
	}
	places := s.foldPlaces(f.Matrices)
	for _, p := range places {
		r.byLayer[p.layer] = append(r.byLayer[p.layer], p)
	}
	opt := f.Options
	opt.Observe = func(layer int, role arch.Role, x []float32, m, k int) { r.add(layer, seat{role, -1}, x, m, k) }
	opt.ObserveExpert = func(layer int, role arch.Role, expert int, x []float32, m, k int) {
		r.add(layer, seat{role, expert}, x, m, k)
	}
	opt.ObserveMeans = func(layer int, x []float32, m, k int) { r.add(layer, seat{roleMeans, -1}, x, m, k) }
	if err := s.Layers(ctx, chunks, opt, nil, func(l *model.Layer) error { return r.layer(ctx, l) }); err != nil {
		return nil, err
	}
	return s.folded(places)
}

// add adds up the inputs of a seat that a place of the layer asks for.
func (r *foldRun) add(layer int, s seat, x []float32, m, k int) {
	if len(r.byLayer[layer]) == 0 || r.Journal.has(layer) {
		return
	}
	if !slices.ContainsFunc(r.byLayer[layer], func(p *foldPlace) bool { return p.k == k && p.asks(s) }) {
		return
	}
	g := r.grams[s]
	if g == nil {
		if list := r.spare[k]; len(list) > 0 {
			g, r.spare[k] = list[len(list)-1], list[:len(list)-1]
		} else {
			g = quantize.NewGram(k)
		}
		r.grams[s] = g
	}
	g.Add(x, m, r.threads)
}

// layer finds the factors of a layer and keeps them, or takes those that an earlier run kept.
func (r *foldRun) layer(ctx context.Context, l *model.Layer) error {
	places := r.byLayer[l.Index]
	if len(places) > 0 {
		if !r.Journal.has(l.Index) {
			if err := r.search(ctx, l.Index, places); err != nil {
				return err
			}
		}
		kept, err := r.Journal.open(l.Index)
		if err != nil {
			return err
		}
		if len(kept) != 2*len(places) {
			return &formats.Error{File: r.Journal.file(l.Index), Err: formats.Corrupt("%d tensors are not what this run keeps", len(kept))}
		}
		for i, p := range places {
			if err := p.take(kept[2*i], kept[2*i+1]); err != nil {
				return &formats.Error{File: r.Journal.file(l.Index), Tensor: kept[2*i].Name, Err: err}
			}
		}
	}
	for s, g := range r.grams {
		g.Reset()
		delete(r.grams, s)
		r.spare[g.Columns()] = append(r.spare[g.Columns()], g)
	}
	if r.Layer != nil && l.Index >= 0 {
		r.Layer(l.Index+1, r.subject.bound.Params.Layers)
	}
	return nil
}

// search finds the factors of all places of a layer.
func (r *foldRun) search(ctx context.Context, layer int, places []*foldPlace) error {
	var tensors []*formats.Tensor
	for _, p := range places {
		tensors = append(tensors, &formats.Tensor{Name: p.from.Name + ".factors", Shape: []int{p.channels}, Type: quantize.F32},
			&formats.Tensor{Name: p.from.Name + ".loss", Shape: []int{1}, Type: quantize.F32})
	}
	var found *quantize.Scaling
	return r.Journal.keep(layer, tensors, func(i int, dst []byte) error {
		if i%2 == 1 {
			putFloats(dst, []float32{float32(found.Loss)})
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		var err error
		if found, err = r.factors(places[i/2]); err == nil {
			putFloats(dst, found.Factor)
		}
		return err
	})
}

const (
	foldRows       = 256 // of each matrix, that the search rounds
	foldExpertRows = 8   // of each of many experts, at least
)

// factors searches those of one place; without inputs there are none.
func (r *foldRun) factors(p *foldPlace) (*quantize.Scaling, error) {
	none := &quantize.Scaling{Factor: make([]float32, p.channels), Loss: 1}
	for i := range none.Factor {
		none.Factor[i] = 1
	}
	inputs := r.grams[p.inputs]
	if inputs == nil {
		return none, nil
	}
	stats := inputs.Stats(r.threads)
	byMeans := stats
	if m := r.grams[seat{roleMeans, -1}]; m != nil && p.values {
		byMeans = m.Stats(r.threads)
		byMeans.Join(stats, inputsOfValues)
	}
	var list []quantize.Consumer
	rows := max(foldExpertRows, foldRows/max(1, p.experts))
	for _, c := range p.rounded {
		w, err := someRows(c.t, rows)
		if err != nil {
			return nil, err
		}
		from := stats
		if c.role == arch.RoleV {
			from = byMeans
		}
		list = append(list, quantize.Consumer{W: w, Stats: from})
	}
	a := &quantize.AWQ{Near: r.Near, Share: p.share}
	found, err := a.Search(p.k, list, r.threads)
	if bad := (*quantize.NotFinite)(nil); err != nil && !errors.As(err, &bad) {
		return none, nil // columns that kernels do not take
	}
	return found, err
}

// someRows are n rows of a matrix, or all, spread evenly.
func someRows(t *formats.Tensor, n int) ([]float32, error) {
	all, k := t.NumRows(), t.Cols()
	n = min(n, all)
	w := make([]float32, n*k)
	for i := range n {
		if err := t.Rows.ReadRows(w[i*k:][:k], i*all/n); err != nil {
			return nil, err
		}
	}
	return w, nil
}

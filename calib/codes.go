package calib

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"quern/formats"
	"quern/internal/arch"
	"quern/internal/model"
	"quern/quantize"
)

// A CodeRun makes codes for the matrices of a checkpoint with quantize.GPTQ. Chunks go through the model once: every matrix sees what those
// before it make with their codes, and passes on what it then computes. Rows and columns of codes are those of the source's own tensors.
type CodeRun struct {
	model.Options
	Matrices []string // that become codes, by the source's names
	Grid     quantize.Grid
	Offsets  bool
	Round    func() func([]float32) // what storing does to scales: a function for each worker
	Clip     bool                   // codes by quantize.Clip, without feedback; Order and Damp do not matter then
	Order    quantize.Order
	Damp     float64 // quantize.DefaultDamp
	Static   bool    // matrices see what those before them made before they had codes
	Journal  *Journal
	Layer    func(done, layers int) // called when a layer is done; may be nil
}

// A CodeResult is what a run made.
type CodeResult struct {
	Names   []string // matrices that have codes, layer by layer
	Fed     int      // of these, rounded by their inputs in this run
	Damped  []string // that needed more damping than asked for
	Filled  []string // experts' matrices whose inputs were too few, and were filled up
	Nearest []string // matrices of whose inputs nothing was seen: rounded to nearest
	Losses  []CodeLoss
	layers  map[string]*codeLayer
	threads int
}

// A codeMatrix is a matrix of the source that becomes codes.
type codeMatrix struct {
	t      *formats.Tensor // of the source
	layer  int
	role   arch.Role
	expert int           // -1: all tokens go through it
	column func(int) int // which of the source's columns each is that the forward pass shows; nil: they are the same
	note   codeNote
	codes  *quantize.Codes // until the layer is kept
}

// codeRun is a CodeRun under way.
type codeRun struct {
	*CodeRun
	subject *Subject
	coded   *arch.Bound // the model with what its matrices are as codes
	byLayer map[int]*codeLayer
	grams   *grams
	out     CodeResult
	threads int
}

// Codes runs chunks through the subject.
func (s *Subject) Codes(ctx context.Context, chunks [][]int32, c *CodeRun) (*CodeResult, error) {
	r := &codeRun{CodeRun: c, subject: s, byLayer: map[int]*codeLayer{}, threads: c.Threads, out: CodeResult{layers: map[string]*codeLayer{}}}
	if r.threads <= 0 {
		r.threads = runtime.GOMAXPROCS(0)
	}
	r.grams, r.out.threads = newGrams(r.threads), r.threads
	if err := r.bind(); err != nil {
		return nil, err
	}
	opt := c.Options
	opt.Observe = func(layer int, role arch.Role, x []float32, m, k int) { r.add(layer, seat{role, -1}, x, m, k) }
	opt.ObserveExpert = func(layer int, role arch.Role, expert int, x []float32, m, k int) {
		r.add(layer, seat{role, expert}, x, m, k)
	}
	opt.ObserveMeans = func(layer int, x []float32, m, k int) { r.add(layer, seat{roleMeans, -1}, x, m, k) }
	next := func(l *model.Layer) error { return r.next(ctx, l) }
	if r.Static {
		next = nil
	}
	if err := s.Layers(ctx, chunks, opt, next, func(l *model.Layer) error { return r.layer(ctx, l) }); err != nil {
		return nil, err
	}
	return &r.out, r.unplaced()
}

// bind finds the place of every matrix in the forward pass, and understands the checkpoint once more with their codes in their stead.
func (r *codeRun) bind() error {
	source := *r.subject.src
	source.Tensors = slices.Clone(source.Tensors)
	at := map[string]int{}
	for i, t := range source.Tensors {
		at[t.Name] = i
	}
	wanted := map[string]bool{}
	for _, name := range r.Matrices {
		wanted[name] = true
	}
	for _, o := range r.subject.bound.Origins {
		for e, name := range o.Parts {
			i, ok := at[name]
			if !ok || !wanted[name] {
				continue
			}
			delete(wanted, name)
			m := &codeMatrix{t: source.Tensors[i], layer: o.Layer, role: o.Rule.Role, expert: -1}
			if strings.Contains(o.Rule.HF, "{e}") {
				m.expert = e
			}
			if of := o.Rule.Do.Columns; of != nil {
				m.column = of(r.subject.bound.Params.At(o.Layer))
			}
			l := r.byLayer[o.Layer]
			if l == nil {
				l = &codeLayer{run: r.CodeRun, index: o.Layer, replaced: map[int]bool{}}
				r.byLayer[o.Layer] = l
			}
			r.out.layers[name], l.list = l, append(l.list, m)
			source.Tensors[i] = &formats.Tensor{Name: name, Shape: m.t.Shape, Type: quantize.F32, Rows: codeRows{l, len(l.list) - 1}}
		}
	}
	for name := range wanted {
		return &formats.Error{File: source.Path, Tensor: name, Err: formats.Unsupported("the forward pass does not know this matrix")}
	}
	var err error
	r.coded, err = arch.Bind(&source)
	return err
}

// next makes codes of the matrices that are multiplied with next, and lets the layer compute with them.
func (r *codeRun) next(ctx context.Context, l *model.Layer) error {
	c := r.byLayer[l.Index]
	if c == nil {
		return nil
	}
	if err := r.reach(ctx, c, func(m *codeMatrix) bool { return slices.Contains(l.Next, m.role) }); err != nil {
		return err
	}
	return r.replace(l, c)
}

// layer makes what codes of a layer there are not yet, and keeps all.
func (r *codeRun) layer(ctx context.Context, l *model.Layer) error {
	if c := r.byLayer[l.Index]; c != nil {
		if err := r.reach(ctx, c, func(*codeMatrix) bool { return true }); err != nil {
			return err
		}
		if c.kept == nil {
			if err := c.keep(); err != nil {
				return err
			}
			if err := c.open(); err != nil {
				return err
			}
		}
		r.out.tell(c)
	}
	r.grams.done()
	if r.Layer != nil && l.Index >= 0 {
		r.Layer(l.Index+1, r.subject.bound.Params.Layers)
	}
	return nil
}

// reach makes the codes of some matrices of a layer, unless there are any; or finds those of all that an earlier run kept.
func (r *codeRun) reach(ctx context.Context, l *codeLayer, which func(*codeMatrix) bool) error {
	if l.kept != nil {
		return nil
	}
	if r.Journal.has(l.index) {
		return l.open()
	}
	methods := map[seat]*codeMethod{}
	for _, m := range l.list {
		if m.codes != nil || !which(m) {
			continue
		}
		c := l.empty(m, m.t.NumRows())
		if err := r.make(ctx, m, c, methods); err != nil {
			return unrounded(m.t, err)
		}
		m.codes = c
	}
	return nil
}

// replace puts the matrices that have codes by now in the place of those that the layer has.
func (r *codeRun) replace(l *model.Layer, c *codeLayer) error {
	for i, o := range r.coded.Origins {
		if o.Layer != l.Index || c.replaced[i] || !c.ready(o.Parts) {
			continue
		}
		c.replaced[i] = true
		if err := replace(l, append([]arch.Role{o.Rule.Role}, o.Rule.And...), r.coded.Tensors[i]); err != nil {
			return err
		}
	}
	return nil
}

// ready says whether parts of a tensor are matrices of the layer, and all that are have codes.
func (l *codeLayer) ready(parts []string) (some bool) {
	for _, m := range l.list {
		if slices.Contains(parts, m.t.Name) {
			if some = true; m.codes == nil && l.kept == nil {
				return false
			}
		}
	}
	return some
}

// unplaced is an error where a matrix's layer never came.
func (r *codeRun) unplaced() error {
	for name, l := range r.out.layers {
		if l.kept == nil {
			return &formats.Error{Tensor: name, Err: fmt.Errorf("the forward pass never came to layer %d", l.index)}
		}
	}
	return nil
}

// A rounder gives each worker a method of its own.
type rounder func() func(*quantize.Codes, []float32) error

// A codeMethod is what rounds the matrices of a seat.
type codeMethod struct {
	stats *quantize.Stats // nil where nothing is known of the inputs
	how   rounder
	note  codeNote
}

// make makes the codes of a matrix. Those with the same inputs share what methods has of these.
func (r *codeRun) make(ctx context.Context, m *codeMatrix, c *quantize.Codes, methods map[seat]*codeMethod) error {
	s := r.input(m)
	own := methods[s]
	if own == nil {
		if own = (&codeMethod{note: codeNote{loss: -1}}); m.expert >= 0 { // experts have inputs of their own, and one would not keep the factors of all
			clear(methods)
		}
		methods[s] = own
		if own.stats, own.note.filled = r.grams.stats(s, m.t.Cols()); own.stats != nil {
			var err error
			if own.how, err = r.method(own.stats, &own.note); err != nil {
				return err
			}
		}
	}
	if m.note = own.note; own.stats == nil {
		m.note.nearest = true
		return r.rows(ctx, m, c, func() func(*quantize.Codes, []float32) error {
			n := r.nearest()
			return func(c *quantize.Codes, w []float32) error { n.Rows(c, w, m.t.Cols(), nil); return nil }
		})
	}
	r.out.Fed++
	if err := r.rows(ctx, m, c, own.how); err != nil {
		return err
	}
	return m.note.measure(m, c, own.stats)
}

// method is how matrices with some inputs are rounded.
func (r *codeRun) method(stats *quantize.Stats, note *codeNote) (rounder, error) {
	if r.Clip {
		c, err := quantize.NewClip(r.nearest(), stats)
		return func() func(*quantize.Codes, []float32) error {
			own := *c
			own.Nearest = r.nearest()
			return own.Rows
		}, err
	}
	g, err := quantize.NewGPTQ(r.nearest(), stats, r.Order, r.Damp, r.threads)
	if err != nil {
		return nil, err
	}
	note.damped = g.Damped > r.Damp
	return func() func(*quantize.Codes, []float32) error {
		own := *g
		own.Nearest = r.nearest()
		return own.Rows
	}, nil
}

// nearest is the search of grids, for one worker.
func (r *codeRun) nearest() *quantize.Nearest {
	return &quantize.Nearest{Grid: r.Grid, Offsets: r.Offsets, Round: r.Round()}
}

// rows shares a matrix among workers, each of which has a method of its own.
func (r *codeRun) rows(ctx context.Context, m *codeMatrix, dst *quantize.Codes, how rounder) error {
	n, k := m.t.NumRows(), m.t.Cols()
	g, ctx := errgroup.WithContext(ctx)
	var mu sync.Mutex
	next := make(chan int, (n+roundRows-1)/roundRows)
	for from := 0; from < n; from += roundRows {
		next <- from
	}
	close(next)
	for range min(r.threads, len(next)) {
		g.Go(func() error {
			do, w, part := how(), make([]float32, min(roundRows, n)*k), quantize.Codes{}
			for from := range next {
				if err := ctx.Err(); err != nil {
					return err
				}
				some := min(roundRows, n-from)
				if err := m.t.Rows.ReadRows(w[:some*k], from); err != nil {
					return err
				}
				if err := do(&part, w[:some*k]); err != nil {
					return err
				}
				mu.Lock()
				dst.CopyRows(from, &part, 0, some)
				mu.Unlock()
			}
			return nil
		})
	}
	return g.Wait()
}

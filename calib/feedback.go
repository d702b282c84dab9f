package calib

import (
	"context"
	"fmt"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"quern/formats"
	"quern/internal/arch"
	"quern/internal/model"
	"quern/quantize"
)

// A FeedbackRun rounds the matrices of a model layer by layer with quantize.Feedback. Chunks go through the model once: every layer sees what the
// rounded layers before it make of them, is rounded by what it sees, and passes on what it then computes.
type FeedbackRun struct {
	model.Options
	Types   map[string]*quantize.Type // what the output stores each tensor in, by GGUF name
	Damp    float64                   // quantize.DefaultDamp
	Static  bool                      // layers see what the layers before them made before they were rounded
	Journal *Journal
	Layer   func(done, layers int) // called when a layer is done; may be nil
}

// A Rounded is what a run made.
type Rounded struct {
	Tensors map[string]*formats.Tensor // of the output, encoded; those that are not here are left to the plan
	Imatrix *formats.Imatrix           // of the same inputs, for them
	Fed     int                        // tensors rounded with feedback
	Damped  []string                   // that needed more damping than asked for
}

// shares says which matrices have the input of another one of their layer, whose sums they use.
var shares = map[arch.Role]arch.Role{arch.RoleK: arch.RoleQ, arch.RoleUp: arch.RoleGate}

// feedbackRun is a FeedbackRun under way.
type feedbackRun struct {
	*FeedbackRun
	subject *Subject
	sums    *Collector
	byLayer map[int][]*matrix
	grams   map[arch.Role]*quantize.Gram // of the present layer, by the role that the others share
	spare   map[int][]*quantize.Gram     // by columns
	out     Rounded
	threads int
}

// A matrix is a tensor of the output that a layer multiplies with: several of the forward pass where they are stored as one.
type matrix struct {
	t     *formats.Tensor
	roles []arch.Role
	to    *quantize.Type
}

// Round runs chunks through the subject.
func (s *Subject) Round(ctx context.Context, chunks [][]int32, f *FeedbackRun) (*Rounded, error) {
	r := &feedbackRun{FeedbackRun: f, subject: s, sums: s.Collector(true), byLayer: map[int][]*matrix{}, spare: map[int][]*quantize.Gram{},
		grams: map[arch.Role]*quantize.Gram{}, out: Rounded{Tensors: map[string]*formats.Tensor{}}, threads: f.Threads}
	if r.threads <= 0 {
		r.threads = runtime.GOMAXPROCS(0)
	}
	r.sums.threads = r.threads
	for i, t := range s.bound.Tensors {
		o := s.bound.Origins[i]
		to := f.Types[t.Name]
		head := o.Rule.Role == arch.RoleOutput
		if len(t.Shape) != 2 || to == nil || to.Block == 1 || to.Factor != 0 || o.Layer < 0 && !head || r.sums.at[place{o.Layer, o.Rule.Role}] == nil {
			continue
		}
		r.byLayer[o.Layer] = append(r.byLayer[o.Layer], &matrix{t, append([]arch.Role{o.Rule.Role}, o.Rule.And...), to})
	}
	opt := f.Options
	opt.Observe, opt.ObserveExpert, opt.ObserveMeans = r.observe, r.sums.ObserveExpert, r.observeMeans
	if err := s.Layers(ctx, chunks, opt, func(l *model.Layer) error { return r.layer(ctx, l) }); err != nil {
		return nil, err
	}
	if err := r.sums.check(); err != nil {
		return nil, err
	}
	im, err := r.sums.Imatrix()
	if err != nil {
		return nil, err
	}
	r.out.Imatrix = im
	return &r.out, nil
}

// observe adds up the inputs of a product.
func (r *feedbackRun) observe(layer int, role arch.Role, x []float32, m, k int) {
	r.sums.Observe(layer, role, x, m, k)
	if role != arch.RoleV { // observeMeans has more to say of these
		r.add(layer, role, x, m, k)
	}
}

// inputsOfValues is how much the inputs of values count beside their means: a little, for what no mean has seen.
const inputsOfValues = 0.1

// observeMeans adds up what attention makes of the inputs of values. The matrix of values is rounded by these: what is wrong in the value of a token that all
// queries look at is wrong in all of them, and what is wrong in others cancels.
func (r *feedbackRun) observeMeans(layer int, x []float32, m, k int) {
	r.add(layer, arch.RoleV, x, m, k)
}

// add adds to the sums of a role, if a matrix that is not done is rounded by them.
func (r *feedbackRun) add(layer int, role arch.Role, x []float32, m, k int) {
	if r.Journal.has(layer) || !r.needs(layer, role) {
		return
	}
	g := r.grams[role]
	if g == nil {
		g = r.gram(k)
		r.grams[role] = g
	}
	g.Add(x, m, r.threads)
}

// needs says whether a matrix of the layer is rounded by the inputs of a role.
func (r *feedbackRun) needs(layer int, role arch.Role) bool {
	return slices.ContainsFunc(r.byLayer[layer], func(m *matrix) bool { return m.input(r.byLayer[layer]) == role && m.to.Lattice != nil })
}

// input is the role whose inputs m has: its own, unless it shares another one's that is among the layer's.
func (m *matrix) input(layer []*matrix) arch.Role {
	role := m.roles[0]
	if other, ok := shares[role]; ok && slices.ContainsFunc(layer, func(o *matrix) bool { return o.roles[0] == other && o.t.Cols() == m.t.Cols() }) {
		return other
	}
	return role
}

// gram takes sums that another layer is done with.
func (r *feedbackRun) gram(k int) *quantize.Gram {
	if list := r.spare[k]; len(list) > 0 {
		r.spare[k] = list[:len(list)-1]
		return list[len(list)-1]
	}
	return quantize.NewGram(k)
}

// layer rounds the matrices of a layer, or takes what an earlier run kept of it.
func (r *feedbackRun) layer(ctx context.Context, l *model.Layer) error {
	list := r.byLayer[l.Index]
	if len(list) > 0 && !r.Journal.has(l.Index) {
		if err := r.round(ctx, l.Index, list); err != nil {
			return err
		}
	}
	for role, g := range r.grams {
		g.Reset()
		delete(r.grams, role)
		r.spare[g.Columns()] = append(r.spare[g.Columns()], g)
	}
	if len(list) > 0 {
		kept, err := r.Journal.open(l.Index)
		if err != nil {
			return err
		}
		for i, m := range list {
			t := kept[i]
			if t.Name != m.t.Name || t.Type != m.to || !slices.Equal(t.Shape, m.t.Shape) {
				return &formats.Error{File: r.Journal.file(l.Index), Tensor: t.Name, Err: formats.Corrupt("it is not what this run keeps")}
			}
			r.out.Tensors[t.Name] = t
			if r.Static || l.Index < 0 {
				continue
			}
			if err := replace(l, m, t); err != nil {
				return err
			}
		}
	}
	if r.Layer != nil && l.Index >= 0 {
		r.Layer(l.Index+1, r.subject.bound.Params.Layers)
	}
	return nil
}

// replace puts a tensor in the place of the matrices that lie in it.
func replace(l *model.Layer, m *matrix, t *formats.Tensor) error {
	from := 0
	for _, role := range m.roles {
		old := l.Tensor(role)
		if old == nil {
			return &formats.Error{Tensor: t.Name, Err: fmt.Errorf("layer %d does not multiply with it", l.Index)}
		}
		n := old.NumRows()
		if err := l.Replace(role, t.Part(from, n)); err != nil {
			return err
		}
		from += n
	}
	return nil
}

// round encodes the matrices of a layer and keeps them.
func (r *feedbackRun) round(ctx context.Context, layer int, list []*matrix) error {
	factors := map[arch.Role]*quantize.Feedback{}
	var tensors []*formats.Tensor
	for _, m := range list {
		tensors = append(tensors, &formats.Tensor{Name: m.t.Name, Shape: m.t.Shape, Type: m.to})
	}
	return r.Journal.keep(layer, tensors, func(i int, dst []byte) error {
		m := list[i]
		role := m.input(list)
		f := factors[role]
		if g := r.grams[role]; f == nil && g != nil {
			var damped float64
			var err error
			if f, damped, err = quantize.NewFeedback(r.stats(role), r.Damp, r.threads); err != nil {
				return err
			}
			if damped > r.Damp {
				r.out.Damped = append(r.out.Damped, m.t.Name)
			}
			factors[role] = f
		}
		if f != nil && f.Can(m.to) {
			r.out.Fed++
			return r.rows(ctx, m, dst, func(dst []byte, w []float32) error { return f.Rows(dst, m.to, w) })
		}
		by := r.sums.importance(place{layer, m.roles[0]})
		return r.rows(ctx, m, dst, func(dst []byte, w []float32) error {
			return quantize.Rows(dst, m.to, w, m.t.Cols(), by, quantize.EffortDefault)
		})
	})
}

// stats are the sums that matrices of a role are rounded by.
func (r *feedbackRun) stats(role arch.Role) *quantize.Stats {
	s := r.grams[role].Stats(r.threads)
	if inputs := r.grams[arch.RoleQ]; role == arch.RoleV && inputs != nil && inputs.Columns() == len(s.Diag) {
		s.Join(inputs.Stats(r.threads), inputsOfValues)
	}
	return s
}

// roundRows are rows that one worker rounds at once, a multiple of what quantize.Feedback takes side by side.
const roundRows = 64

// rows shares a matrix among workers.
func (r *feedbackRun) rows(ctx context.Context, m *matrix, dst []byte, do func(dst []byte, w []float32) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(r.threads)
	rows, cols := m.t.NumRows(), m.t.Cols()
	size, _ := m.to.Size(cols)
	for from := 0; from < rows; from += roundRows {
		n := min(roundRows, rows-from)
		g.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			w := make([]float32, n*cols)
			if err := m.t.Rows.ReadRows(w, from); err != nil {
				return err
			}
			return do(dst[from*size:(from+n)*size], w)
		})
	}
	return g.Wait()
}

// importance is the mean square of the inputs at a place, or nil where none were seen.
func (c *Collector) importance(p place) []float32 {
	for _, e := range c.at[p] {
		s := e.stats[0]
		if s.Count == 0 {
			continue
		}
		by := make([]float32, len(s.Diag))
		for i, d := range s.Diag {
			by[i] = float32(d / float64(s.Count))
		}
		return by
	}
	return nil
}

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

// A FeedbackRun rounds the matrices of a model with quantize.Feedback. Chunks go through the model once: every matrix sees what the
// rounded ones before it make of them, is rounded by what it sees, and passes on what it then computes.
type FeedbackRun struct {
	model.Options
	Types   map[string]*quantize.Type // what the output stores each tensor in, by GGUF name
	Factors map[string]float32        // what the weights of some of them are divided by before they are encoded
	Damp    float64                   // quantize.DefaultDamp
	Static  bool                      // matrices see what those before them made before they were rounded
	Journal *Journal
	Layer   func(done, layers int) // called when a layer is done; may be nil
}

// A Rounded is what a run made.
type Rounded struct {
	Tensors map[string]*formats.Tensor // of the output, encoded; those that are not here are left to the plan
	Imatrix *formats.Imatrix           // of the same inputs, for them
	Fed     int                        // tensors rounded with feedback, in this run
	Damped  []string                   // that needed more damping than asked for
	Filled  []string                   // tensors of experts, with how many of them saw too little and were filled up
}

// feedbackRun is a FeedbackRun under way.
type feedbackRun struct {
	*FeedbackRun
	subject *Subject
	sums    *Collector
	byLayer map[int][]*matrix
	grams   *grams
	out     Rounded
	threads int
}

// A matrix is a tensor of the output that a layer multiplies with: several of the forward pass where they are stored as one, or one for each expert.
type matrix struct {
	t       *formats.Tensor
	roles   []arch.Role
	to      *quantize.Type
	factor  float32 // weights are divided by it; 0 is one
	experts int     // 0: all tokens go through it
	encoded []byte  // until the layer is kept
	in      bool    // the layer computes with it
}

// Round runs chunks through the subject.
func (s *Subject) Round(ctx context.Context, chunks [][]int32, f *FeedbackRun) (*Rounded, error) {
	r := &feedbackRun{FeedbackRun: f, subject: s, sums: s.Collector(true), byLayer: map[int][]*matrix{},
		out: Rounded{Tensors: map[string]*formats.Tensor{}}, threads: f.Threads}
	if r.threads <= 0 {
		r.threads = runtime.GOMAXPROCS(0)
	}
	r.sums.threads, r.grams = r.threads, newGrams(r.threads)
	for i, t := range s.bound.Tensors {
		o := s.bound.Origins[i]
		to := f.Types[t.Name]
		head := o.Rule.Role == arch.RoleOutput
		experts := 0
		if slices.Contains(routed, o.Rule.Role) && len(t.Shape) == 3 {
			experts = t.Shape[0]
		}
		if len(t.Shape) != 2 && experts == 0 || to == nil || to.Block == 1 || o.Layer < 0 && !head || r.sums.at[place{o.Layer, o.Rule.Role}] == nil {
			continue
		}
		r.byLayer[o.Layer] = append(r.byLayer[o.Layer], &matrix{t: t, roles: append([]arch.Role{o.Rule.Role}, o.Rule.And...), to: to, factor: f.Factors[t.Name], experts: experts})
	}
	opt := f.Options
	opt.Observe, opt.ObserveExpert, opt.ObserveMeans = r.observe, r.observeExpert, r.observeMeans
	next := func(l *model.Layer) error { return r.next(ctx, l) }
	if r.Static {
		next = nil
	}
	if err := s.Layers(ctx, chunks, opt, next, func(l *model.Layer) error { return r.layer(ctx, l) }); err != nil {
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
		r.add(layer, seat{role, -1}, seat{role, -1}, x, m, k)
	}
}

// observeExpert adds up the inputs of those that the router sent to an expert.
func (r *feedbackRun) observeExpert(layer int, role arch.Role, expert int, x []float32, m, k int) {
	r.sums.ObserveExpert(layer, role, expert, x, m, k)
	r.add(layer, seat{role, expert}, seat{role, expert}, x, m, k)
}

// observeMeans adds up what attention makes of the inputs of values.
func (r *feedbackRun) observeMeans(layer int, x []float32, m, k int) {
	r.add(layer, seat{arch.RoleV, -1}, seat{roleMeans, -1}, x, m, k)
}

// add adds to sums, if a matrix that is not done is rounded by what a seat sees.
func (r *feedbackRun) add(layer int, at, sums seat, x []float32, m, k int) {
	list := r.byLayer[layer]
	if !r.Journal.has(layer) && slices.ContainsFunc(list, func(m *matrix) bool {
		return m.t.Cols() == k && (m.experts > 0) == (at.expert >= 0) && m.input(list) == at.role
	}) {
		r.grams.add(sums, x, m, k)
	}
}

// input is the role whose inputs m has: its own, unless it shares another one's that is among the layer's.
func (m *matrix) input(layer []*matrix) arch.Role {
	role := m.roles[0]
	if other, ok := sameInput[role]; ok && slices.ContainsFunc(layer, func(o *matrix) bool { return o.roles[0] == other && o.t.Cols() == m.t.Cols() }) {
		return other
	}
	return role
}

// next rounds the matrices that are multiplied with next, and lets the layer compute with them.
func (r *feedbackRun) next(ctx context.Context, l *model.Layer) error {
	list := r.byLayer[l.Index]
	if len(list) == 0 {
		return nil
	}
	if err := r.reach(ctx, l.Index, list, func(m *matrix) bool { return slices.Contains(l.Next, m.roles[0]) }); err != nil {
		return err
	}
	for _, m := range list {
		t := r.out.Tensors[m.t.Name]
		if m.encoded != nil {
			t = m.times(formats.Held(m.t, m.to, m.encoded))
		}
		if t == nil || m.in {
			continue
		}
		m.in = true
		roles := m.roles
		if m.experts > 0 {
			roles = roles[:1] // of several in one the layer has the first
		}
		if err := replace(l, roles, t); err != nil {
			return err
		}
	}
	return nil
}

// reach encodes some matrices of a layer, or takes what an earlier run kept of all.
func (r *feedbackRun) reach(ctx context.Context, layer int, list []*matrix, which func(*matrix) bool) error {
	switch {
	case r.out.Tensors[list[0].t.Name] != nil:
		return nil
	case r.Journal.has(layer):
		return r.take(layer, list)
	}
	return r.round(ctx, layer, list, which)
}

// layer rounds what matrices of a layer are left, and keeps all.
func (r *feedbackRun) layer(ctx context.Context, l *model.Layer) error {
	list := r.byLayer[l.Index]
	if len(list) > 0 {
		if err := r.reach(ctx, l.Index, list, func(*matrix) bool { return true }); err != nil {
			return err
		}
		if !r.Journal.has(l.Index) {
			if err := r.keep(l.Index, list); err != nil {
				return err
			}
			if err := r.take(l.Index, list); err != nil {
				return err
			}
		}
	}
	r.grams.done()
	if r.Layer != nil && l.Index >= 0 {
		r.Layer(l.Index+1, r.subject.bound.Params.Layers)
	}
	return nil
}

// keep puts the matrices of a layer into its file.
func (r *feedbackRun) keep(layer int, list []*matrix) error {
	var tensors []*formats.Tensor
	for _, m := range list {
		tensors = append(tensors, &formats.Tensor{Name: m.t.Name, Shape: m.t.Shape, Type: m.to})
	}
	return r.Journal.keep(layer, tensors, func(i int, dst []byte) error {
		copy(dst, list[i].encoded)
		return nil
	})
}

// take makes what is kept of a layer the output.
func (r *feedbackRun) take(layer int, list []*matrix) error {
	kept, err := r.Journal.open(layer)
	if err != nil {
		return err
	}
	for i, m := range list {
		t := kept[i]
		if t.Name != m.t.Name || t.Type != m.to || !slices.Equal(t.Shape, m.t.Shape) {
			return &formats.Error{File: r.Journal.file(layer), Tensor: t.Name, Err: formats.Corrupt("it is not what this run keeps")}
		}
		r.out.Tensors[t.Name], m.encoded = m.times(t), nil
	}
	return nil
}

// times multiplies what was encoded by what its weights were divided by.
func (m *matrix) times(t *formats.Tensor) *formats.Tensor {
	if m.factor == 0 {
		return t
	}
	return t.Times(slices.Repeat([]float32{m.factor}, max(1, m.experts)))
}

// replace puts a tensor in the place of the matrices of some roles, which lie in it one after the other.
func replace(l *model.Layer, roles []arch.Role, t *formats.Tensor) error {
	if len(roles) == 1 {
		return l.Replace(roles[0], t)
	}
	from := 0
	for _, role := range roles {
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

// round encodes some matrices of a layer that are not encoded yet.
func (r *feedbackRun) round(ctx context.Context, layer int, list []*matrix, which func(*matrix) bool) error {
	factors := map[arch.Role]*quantize.Feedback{}
	for _, m := range list {
		if m.encoded != nil || !which(m) {
			continue
		}
		size, _ := m.to.Size(m.t.Cols())
		dst := make([]byte, size*m.t.NumRows())
		if err := r.encode(ctx, layer, m, m.input(list), factors, dst); err != nil {
			return unrounded(m.t, err)
		}
		m.encoded = dst
	}
	return nil
}

// encode encodes a matrix with the inputs of a role; those of the same share what factors has of these.
func (r *feedbackRun) encode(ctx context.Context, layer int, m *matrix, role arch.Role, factors map[arch.Role]*quantize.Feedback, dst []byte) error {
	if m.experts > 0 {
		return r.experts(ctx, layer, m, role, dst)
	}
	f := factors[role]
	if f == nil {
		var err error
		if f, _, err = r.factor(m, seat{role, -1}); err != nil {
			return err
		}
		factors[role] = f
	}
	if f.Can(m.to) {
		r.out.Fed++
	}
	return r.rows(ctx, m, 0, m.t.NumRows(), dst, f, r.sums.importance(place{layer, m.roles[0]}, 0))
}

// experts encodes the matrices of all experts of a tensor, each by inputs of its own. One factor is kept at a time.
func (r *feedbackRun) experts(ctx context.Context, layer int, m *matrix, role arch.Role, dst []byte) error {
	n, poor, fed := m.t.NumRows()/m.experts, 0, false
	size := len(dst) / m.experts
	for e := range m.experts {
		f, filled, err := r.factor(m, seat{role, e})
		if err != nil {
			return err
		}
		if filled {
			poor++
		}
		fed = fed || f.Can(m.to)
		if err := r.rows(ctx, m, e*n, n, dst[e*size:][:size], f, r.sums.importance(place{layer, m.roles[0]}, e)); err != nil {
			return err
		}
	}
	if fed {
		r.out.Fed++
	}
	if poor > 0 {
		r.out.Filled = append(r.out.Filled, fmt.Sprintf("%s (%d of %d)", m.t.Name, poor, m.experts))
	}
	return nil
}

// factor is the feedback of a seat, nil where nothing is known of its inputs, and whether these were filled up.
func (r *feedbackRun) factor(m *matrix, at seat) (*quantize.Feedback, bool, error) {
	stats, filled := r.grams.stats(at, m.t.Cols())
	if stats == nil {
		return nil, filled, nil
	}
	f, damped, err := quantize.NewFeedback(stats, r.Damp, r.threads)
	if err == nil && damped > r.Damp && !slices.Contains(r.out.Damped, m.t.Name) {
		r.out.Damped = append(r.out.Damped, m.t.Name)
	}
	return f, filled, err
}

// roundRows are rows that one worker rounds at once: as many as quantize.Feedback takes side by side.
const roundRows = 32

// rows shares n rows of a matrix, from first on, among workers: with feedback where there is one that can, otherwise to nearest.
func (r *feedbackRun) rows(ctx context.Context, m *matrix, first, n int, dst []byte, f *quantize.Feedback, importance []float32) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(r.threads)
	cols := m.t.Cols()
	size, _ := m.to.Size(cols)
	for from := 0; from < n; from += roundRows {
		some := min(roundRows, n-from)
		g.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			w := make([]float32, some*cols)
			if err := m.t.Rows.ReadRows(w, first+from); err != nil {
				return err
			}
			if m.factor != 0 {
				for i := range w {
					w[i] /= m.factor
				}
			}
			part := dst[from*size:][:some*size]
			if f.Can(m.to) {
				return f.Rows(part, m.to, w)
			}
			return quantize.Rows(part, m.to, w, cols, importance, quantize.EffortDefault)
		})
	}
	return g.Wait()
}

// importance is the mean square of the inputs of one of the matrices at a place, as a plan with their importance matrix takes it, or nil where none were seen.
func (c *Collector) importance(p place, matrix int) []float32 {
	for _, e := range c.at[p] {
		f, seen := e.entry()
		if !seen {
			continue
		}
		by := make([]float32, len(e.stats[0].Diag))
		f.Importance(by, min(matrix, len(e.stats)-1))
		return by
	}
	return nil
}

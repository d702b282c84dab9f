package convert

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"sync"

	"golang.org/x/sync/errgroup"

	"quern/formats"
	"quern/quantize"
)

// RunOptions are the choices of a run. None of them changes a byte of a tensor.
type RunOptions struct {
	Threads      int   // workers; 0 is one for each processor
	MaxRAM       int64 // bytes beyond the page cache; 0 is no limit
	Force        bool  // replace existing files
	SplitBytes   int64 // start a new file before tensor bytes exceed this; 0 is one file
	SplitTensors int   // tensors in a file at most; 0 is no limit
	// Progress is called with the bytes of the source that are done; never by two goroutines at once. May be nil.
	Progress func(done, total int64)
}

// Run executes plans of one source in one pass over its weights. Each output appears under its name whole or not at all;
// when it fails or ctx ends, nothing is left.
func Run(ctx context.Context, plans []*Plan, opt RunOptions) (err error) {
	if len(plans) == 0 {
		return nil
	}
	if err := consistent(plans); err != nil {
		return err
	}
	b, err := newBudget(plans, opt).shrink(opt.MaxRAM)
	if err != nil {
		return err
	}
	r := &runner{plans: plans, budget: b, progress: opt.Progress, total: plans[0].Read}
	defer func() {
		for _, s := range r.sinks {
			s.Abort()
		}
	}()
	if err := r.begin(opt); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	for range b.workers {
		g.Go(func() error { return r.work(ctx) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for _, s := range r.sinks {
		if err := s.Commit(); err != nil {
			return err
		}
	}
	for _, p := range plans {
		p.tellRounded()
	}
	return nil
}

// consistent sees that the plans can share one pass and do not overwrite each other or their source.
func consistent(plans []*Plan) error {
	outs := map[string]bool{}
	for _, p := range plans {
		switch {
		case p.src != plans[0].src || len(p.Steps) != len(plans[0].Steps):
			return errors.New("plans of different sources cannot share a pass")
		case p.Out == "":
			return errors.New("a plan has no name for its output")
		case outs[p.Out]:
			return fmt.Errorf("two plans write %s", p.Out)
		}
		outs[p.Out] = true
		in, err1 := os.Stat(p.Source)
		out, err2 := os.Stat(p.Out)
		if err1 == nil && err2 == nil && os.SameFile(in, out) {
			return &formats.Error{Err: option("%s is the source and the output", p.Out), Hint: "another name after -o"}
		}
	}
	return nil
}

// A runner is one pass. Workers take blocks of rows from it, in the order of the tensors, until there are none.
type runner struct {
	plans    []*Plan
	sinks    []formats.Sink
	jobs     [][]job // per tensor
	budget   budget
	progress func(done, total int64)
	total    int64

	mu       sync.Mutex
	at, soon cursor // of the workers, and of what is read ahead of them
	ahead    int64  // bytes between the two
	done     int64
}

// A job is one form of a tensor and the plans that want it: a type that two plans share is encoded once.
type job struct {
	to      *quantize.Type
	effort  int
	copy    bool
	by      *importance
	bridge  *bridge // codes are moved
	rounded *rounded
	part    float32 // weights are divided by it first; 0 is one
	plans   []int
}

func (r *runner) begin(opt RunOptions) error {
	for _, p := range r.plans {
		sink, err := formats.Create("gguf", p.Out, formats.CreateOptions{SplitBytes: opt.SplitBytes, SplitTensors: opt.SplitTensors, Force: opt.Force})
		if err != nil {
			return err
		}
		r.sinks = append(r.sinks, sink)
		var list []*formats.Tensor
		for _, s := range p.entries() {
			list = append(list, &formats.Tensor{Name: s.Name, Shape: s.Shape, Type: s.to})
		}
		if err := sink.Begin(&p.Meta, list); err != nil {
			return err
		}
		for i, c := range p.companions {
			if err := sink.WriteAt(floatBytes(c.scale), len(p.Steps)+i, 0); err != nil {
				return err
			}
		}
	}
	r.jobs = make([][]job, len(r.plans[0].Steps))
	for i := range r.jobs {
		r.jobs[i] = jobsOf(r.plans, i)
	}
	return nil
}

func jobsOf(plans []*Plan, tensor int) []job {
	var jobs []job
next:
	for n, p := range plans {
		s := &p.Steps[tensor]
		j := job{to: s.to, effort: p.effort, copy: s.Copy, by: s.importance, part: s.factor, bridge: s.bridge, rounded: s.rounded}
		for k := range jobs {
			if o := &jobs[k]; o.to == j.to && (o.effort == j.effort || o.copy) && o.copy == j.copy && o.bridge == j.bridge && o.part == j.part && o.by.same(j.by) {
				o.plans = append(o.plans, n)
				continue next
			}
		}
		j.plans = []int{n}
		jobs = append(jobs, j)
	}
	return jobs
}

// A cursor is a place in the weights of a pass.
type cursor struct{ tensor, row int }

// take returns the block of rows at a cursor and moves it on; rows is 0 when there are no more.
func (r *runner) take(c *cursor) (tensor, row, rows int) {
	for c.tensor < len(r.jobs) {
		t := r.plans[0].Steps[c.tensor].tensor
		if left := t.NumRows() - c.row; left > 0 {
			tensor, row = c.tensor, c.row
			rows = min(left, max(1, r.budget.block/max(1, t.Cols())))
			c.row += rows
			return tensor, row, rows
		}
		c.tensor, c.row = c.tensor+1, 0
	}
	return 0, 0, 0
}

// aheadBytes are read before a worker asks for them, so that disk and processors work at the same time.
const aheadBytes = 16 << 20

// next hands out a block of rows, and has as much read ahead as it took.
func (r *runner) next() (tensor, row, rows int) {
	r.mu.Lock()
	tensor, row, rows = r.take(&r.at)
	if rows > 0 {
		r.ahead -= r.stored(tensor, rows)
	}
	soon := r.wants()
	r.mu.Unlock()
	for _, w := range soon {
		if raw := r.plans[0].Steps[w.tensor].tensor.Raw; raw != nil {
			formats.Want(raw, w.off, w.n)
		}
	}
	return tensor, row, rows
}

// wanted is a range of a tensor's stored bytes.
type wanted struct {
	tensor int
	off, n int64
}

// wants is what to read ahead, a lot at a time.
func (r *runner) wants() (soon []wanted) {
	if r.ahead > aheadBytes/2 {
		return nil
	}
	for r.ahead < aheadBytes {
		t, first, n := r.take(&r.soon)
		if n == 0 {
			r.ahead = math.MaxInt64 // the source ends
			break
		}
		size := r.stored(t, n)
		r.ahead += size
		if last := len(soon) - 1; last >= 0 && soon[last].tensor == t {
			soon[last].n += size
			continue
		}
		soon = append(soon, wanted{t, r.stored(t, first), size})
	}
	return soon
}

// stored is what so many rows of a tensor occupy in the source.
func (r *runner) stored(tensor, rows int) int64 {
	t := r.plans[0].Steps[tensor].tensor
	return int64(rows) * int64(t.Cols()) / int64(t.Type.Block) * int64(t.Type.Bytes)
}

func (r *runner) work(ctx context.Context) error {
	w := &worker{runner: r}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		tensor, row, rows := r.next()
		if rows == 0 {
			return nil
		}
		if err := w.block(tensor, row, rows); err != nil {
			return w.fail(tensor, err)
		}
		r.report(r.stored(tensor, rows))
	}
}

func (r *runner) report(n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done += n
	if r.progress != nil {
		r.progress(r.done, r.total)
	}
}

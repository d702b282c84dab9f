package model

import (
	"context"
	"runtime"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"quern/formats"
	"quern/internal/arch"
	"quern/internal/kernel"
	"quern/quantize"
)

// Mode says what the forward pass predicts.
type Mode int

const (
	// Exact decodes weights to float32 and multiplies in float32: it measures the error of the weights alone.
	Exact Mode = iota
	// Coded is Exact with products of codes: of 16 bits (kernel.I16), which lose about what half precision does; or, where weights are integers with a scale
	// for 32 of a row or more, of these and activations of 8 bits. They take less time: for sums over many inputs.
	Coded
	// Deploy rounds activations to what llama.cpp's CPU backend multiplies each type of weight with, and keys and values
	// to its cache's half precision: it predicts what the runtime computes.
	Deploy
)

func (m Mode) String() string {
	return [...]string{Exact: "exact", Coded: "coded", Deploy: "deploy"}[m]
}

// Options of a run; the zero value is good. Results do not depend on Threads, Batch or MaxRAM.
type Options struct {
	Mode    Mode
	Threads int // 0: all processors
	Batch   int // tokens that go through a layer together, 0: what fits into some hundred megabytes
	Observe Observer
	// ObserveExpert is the same for tensors of several matrices, which Observe is not shown: x are the inputs of one of them, an
	// expert's those rows that it was chosen for.
	ObserveExpert func(layer int, role arch.Role, expert int, x []float32, m, k int)

	// ObserveMeans is shown what attention makes of the inputs of a layer's values: row t of x [m][k] is their mean, weighted as one of the heads weighs
	// values for query t; heads take turns. What a change of the matrix of values does to the layer depends on these alone.
	ObserveMeans func(layer int, x []float32, m, k int)

	// MaxRAM is how much memory a run of sequences as long as Group allows may take, its final states included. More of it
	// lets more tokens share the reading of a weight. 0 is room for two layers and a gigabyte of states.
	MaxRAM int64
	Step   func(Step) // called by one goroutine whenever a batch has gone through a layer; may be nil
}

// A Step is how far States is.
type Step struct {
	Layer, Layers int // the layer that was computed, of so many
	Done, Total   int // tokens times layers
}

// An Observer is shown what the matrices are multiplied with: x [m][k], the inputs of the matrix of the given role before
// any rounding. It is called by one goroutine, once for each batch, layer and matrix, the matrices in the order of the
// forward pass; x is only lent. The output head, of layer -1, is computed by Logits. Which rows come together in a call
// depends on Options.Batch, the order of the rows of one matrix does not.
type Observer func(layer int, role arch.Role, x []float32, m, k int)

// A scratch is the memory of one call: it belongs to one call at a time and is reused by the next.
type scratch struct {
	workers []*worker
	in      input // the factor of the products that are being computed
	rope    *rope // one of the next, for the mode
	ropes   [Deploy + 1]*rope
	near    *rope // of layers with a window

	h, q, k, v, att, gate, up, beside []float32

	gates []float32 // of attention

	means []float32 // of the inputs of values

	kept, state, convolved []float32 // of layers that keep a state: what they give, what they are given, and what a convolution makes of that
	rates                  []float32 // of heads of such layers

	adaptIn, adaptFew, adaptOut []float32 // what adapters are given and make

	first, active, past, told4, coefs, gathered, opened []float32 // of several streams

	qa, kva, wide, mixed     []float32 // of latent attention
	indexQ, indexK, indexBy  []float32 // of what chooses positions
	indexGate, indexKeys     []float32
	poolK, poolGate, pooled  []float32 // of keys of several positions
	sum, scores, taken, made []float32 // of experts
	narrowIn, narrowOut      []float32 // … that are given less than the stream has

	way      routing
	lent     group // memory of a group …
	lentRead group // … and of what an encoder reads of it
	shelves  [2]shelf

	stocks         map[*formats.Tensor]*stock
	spare          []*stock // not in use
	stocked        int64    // bytes of all
	passes, logits int      // runs through the layers, and of the output head, that were begun
}

// A routing is where the rows of a batch go among experts.
type routing struct {
	entry        []float32
	chosen       []choice
	grouped      []choice // likewise among those that groups share
	begins, next []int
	routes       []route
	tokens       []int32 // of rows
}

// A worker is the memory of one thread.
type worker struct {
	rows  []float32      // decoded rows of a weight
	codes kernel.I16     // rows in 16-bit codes
	grid  quantize.Codes // rows of integers
	raw   []byte         // stored bytes of a row
	tile  kernel.RowsI8  // decoded rows of a weight in int8
	own   stock          // the panels of a span that nobody keeps
	edge  []float32      // outputs of a last panel that is not full
	half  []byte         // a row rounded to half precision
	gelus *gelus         // of a row

	state, ones               []float32 // of one head that keeps one; and ones
	keys, values, scores, mix []float32 // attention of one head
	prefer                    []float32 // a row's experts
	both                      []float32 // keys of two kinds
}

// A run is one call of States or Logits. It remembers its first error, and does nothing more after that, so that the
// forward pass can be read without checks in between.
type run struct {
	*scratch
	*routing
	m             *Model
	ctx           context.Context
	low           *[7]adapter // of the layer
	adapted       []float32   // of the rows of the batch, which adapter each has: not of the scratch, as it is needed while others go on
	at            []place     // of the batch in its layer
	mode          Mode
	threads       int
	observe       Observer
	observeExpert func(layer int, role arch.Role, expert int, x []float32, m, k int)
	observeMeans  func(layer int, x []float32, m, k int)
	station       func(live [][]float32, next []arch.Role) // called before products, with what is needed after them; may be nil
	held          [][]float32                              // is needed later
	report        func(Step)
	told          Step // what was reported last
	budget        budget
	often, more   bool // weights will be multiplied several times; and once more after their layer
	err           error
}

func threadsOf(opt Options) int {
	if opt.Threads > 0 {
		return opt.Threads
	}
	return runtime.GOMAXPROCS(0)
}

func (m *Model) begin(ctx context.Context, opt Options) *run {
	r := &run{m: m, ctx: ctx, mode: opt.Mode, threads: threadsOf(opt), observe: opt.Observe, observeExpert: opt.ObserveExpert, observeMeans: opt.ObserveMeans, report: opt.Step}
	m.mu.Lock()
	if n := len(m.idle); n > 0 {
		r.scratch, m.idle = m.idle[n-1], m.idle[:n-1]
	} else {
		r.scratch = &scratch{stocks: map[*formats.Tensor]*stock{}}
	}
	m.mu.Unlock()
	r.routing = &r.scratch.way
	if r.ropes[opt.Mode] == nil {
		r.ropes[opt.Mode] = newRope(&m.params, m.smooth && opt.Mode != Deploy)
	}
	r.rope = r.ropes[opt.Mode]
	if r.near == nil {
		r.near = newNear(&m.params)
	}
	for len(r.workers) < r.threads {
		r.workers = append(r.workers, &worker{})
	}
	return r
}

// end gives the memory back.
func (r *run) end() error {
	r.in.reset(nil, 0, 0)
	r.m.mu.Lock()
	r.m.idle = append(r.m.idle, r.scratch)
	r.m.mu.Unlock()
	return inFile(r.m.path, r.err)
}

// parallel calls f for every task 0…n-1, each once, on all threads. Tasks write to places of their own, so the result
// does not depend on who does what.
func (r *run) parallel(n int, f func(w *worker, task int) error) {
	if r.err != nil {
		return
	}
	var next atomic.Int64
	work := func(w *worker) error {
		for {
			task := int(next.Add(1)) - 1
			if task >= n {
				return nil
			}
			err := r.ctx.Err()
			if err == nil {
				err = f(w, task)
			}
			if err != nil {
				next.Store(int64(n))
				return err
			}
		}
	}
	if min(n, r.threads) <= 1 {
		r.err = work(r.workers[0])
		return
	}
	var g errgroup.Group
	for _, w := range r.workers[:min(n, r.threads)] {
		g.Go(func() error { return work(w) })
	}
	r.err = g.Wait()
}

// rowsPerTask is how many rows of an elementwise step make a task.
const rowsPerTask = 64

// eachRow calls f for every row 0…m-1.
func (r *run) eachRow(m int, f func(w *worker, row int)) {
	r.tryRows(m, func(w *worker, row int) error { f(w, row); return nil })
}

// tryRows is eachRow for what may fail.
func (r *run) tryRows(m int, f func(w *worker, row int) error) {
	r.parallel((m+rowsPerTask-1)/rowsPerTask, func(w *worker, task int) error {
		for row := task * rowsPerTask; row < min(m, (task+1)*rowsPerTask); row++ {
			if err := f(w, row); err != nil {
				return err
			}
		}
		return nil
	})
}

// grow returns n elements of *buf, whose contents are undefined, making it larger where it has to be.
func grow[T any](buf *[]T, n int) []T {
	if cap(*buf) < n {
		*buf = make([]T, n)
	}
	*buf = (*buf)[:n]
	return *buf
}

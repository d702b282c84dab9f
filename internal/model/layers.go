package model

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"

	"quern/formats"
	"quern/internal/arch"
)

// A Layer is where a run of Layers stands.
type Layer struct {
	Index   int         // -1: the output head, after the last layer
	Next    []arch.Role // of the matrices that are multiplied with next: their inputs have been shown. None: the layer is done
	weights []*weight
}

// Tensor is the matrix of a role as it stands in this layer, or nil. Its rows are in memory where the budget allows, and may be
// read until the callback returns.
func (l *Layer) Tensor(role arch.Role) *formats.Tensor {
	for _, w := range l.weights {
		if w.role == role {
			return w.t
		}
	}
	return nil
}

// Replace puts another matrix in the place of the role's, for the rest of this run: the model stays as it is. t keeps the shape; it
// needs Rows, and in deploy mode Raw where activations are to be rounded as its type wants it.
func (l *Layer) Replace(role arch.Role, t *formats.Tensor) error {
	for _, w := range l.weights {
		if w.role != role {
			continue
		}
		if t.Rows == nil {
			return inTensor(w.t, fmt.Errorf("its replacement has no rows"))
		}
		if err := shaped(t, w.t.Shape...); err != nil {
			return inTensor(w.t, err)
		}
		w.t = t
		return nil
	}
	return fmt.Errorf("layer %d has no matrix of role %d", l.Index, role)
}

// Layers takes sequences through the model layer by layer, for methods that change a matrix by what goes into it, and the
// next one by what then comes out. Opt.Observe is shown the inputs of all matrices, for all sequences; as soon as those of some matrices are complete, next is called with
// these, and may replace them: only then are their products computed. done is called when a layer is; after the last one come the output head's inputs, and a call
// with Index -1. A nil next changes nothing, and lets every batch go through a layer at once.
//
// A layer that texts go through several times comes once, and is shown what it is given each time: what a later leg is given is as the model is before anything was replaced.
//
// All sequences are kept at once, and between products what they need of the layer: a limit of memory that they do not fit into is ErrMemory.
func (m *Model) Layers(ctx context.Context, seqs [][]int32, opt Options, next, done func(*Layer) error) error {
	if err := m.checkTokens(seqs); err != nil {
		return err
	}
	r := m.begin(ctx, opt)
	r.plan(longest(seqs), opt)
	lib := &library{r: r}
	streams := r.entering(lib, seqs, opt, next != nil)
	n := len(m.layers)
	r.told.Layers = n
	r.told.Total = m.work(seqs, m.cuts(seqs, nil))
	var g *group
	for _, s := range m.stacks() {
		if g == nil || !m.sides() {
			g = r.together(slices.Repeat(seqs, s.times), opt, next != nil)
			r.start(g)
		}
		r.often = len(g.batches) > 1
		if streams != nil {
			copy(g.x, streams[s.from])
		}
		part := g.of(s.leg)
		ways := make([]way, len(part.batches))
		for i := s.from; i < s.to && r.err == nil; i++ {
			after := i + 1
			if after == n {
				after = -1
			}
			l := *lib.layer(i, len(part.batches), after)
			if next == nil {
				for j := range part.batches {
					r.advance(&l, &part.batches[j], false)
					r.step(i, len(part.batches[j].at))
				}
			} else {
				r.advanceAll(&l, i, part, ways, next)
			}
			r.leave(i)
			r.call(done, &Layer{Index: i, weights: l.matrices()})
		}
		if s.reads {
			r.turn(g, s.leg)
		}
	}
	lib.stop()
	last := &Layer{Index: -1}
	if !m.encoder {
		head := m.head
		r.showHead(g)
		last.weights = []*weight{&head}
	}
	r.call(done, last)
	return r.end()
}

// showHead shows the inputs of the output head, which takes what has been through all layers for the last time.
func (r *run) showHead(g *group) {
	stacks := r.m.stacks()
	times := stacks[len(stacks)-1].times
	before := len(g.place) / times * (times - 1)
	for j := range g.batches {
		b := &g.batches[j]
		skip := min(before, len(b.at))
		before -= skip
		h := grow(&r.h, len(b.at)*r.m.params.Embd)
		r.normalize(h, r.gather(b.x, len(b.at)), r.m.norm, len(b.at))
		r.look(h[skip*r.m.params.Embd:], len(b.at)-skip, product{w: &r.m.head})
	}
}

// A way is a batch that goes through a layer, and waits before products for the others.
type way struct {
	run
	kept []float32 // what it needs after them
}

// spoil, which tests set, destroys what a batch must not count on while it waits.
var spoil func(*scratch)

// advanceAll runs layer i over all batches, which meet before products; next may change the weights of these.
func (r *run) advanceAll(l *layer, i int, g *group, ways []way, next func(*Layer) error) {
	going := make([]func() ([]arch.Role, bool), len(ways))
	for j := range ways {
		w, b := &ways[j], &g.batches[j]
		on, stop := iter.Pull(func(wait func([]arch.Role) bool) { w.advance(r, l, b, wait, len(ways) > 1) })
		defer stop()
		going[j] = on
	}
	for r.err == nil {
		var roles []arch.Role
		waiting := 0
		for j, on := range going {
			now, waits := on()
			if r.err = ways[j].err; r.err != nil {
				return
			}
			if waits {
				roles, waiting = now, waiting+1
			}
		}
		if waiting == 0 {
			break
		}
		if waiting < len(going) {
			r.err = fmt.Errorf("batches of layer %d do not meet before %v", i, roles)
		}
		r.call(next, &Layer{Index: i, Next: roles, weights: l.matrices()})
	}
	for j := range g.batches {
		r.step(i, len(g.batches[j].at))
	}
}

var errLeft = errors.New("the others went no further")

// advance runs a layer over a batch with the memory of r; others use that while it waits.
func (w *way) advance(r *run, l *layer, b *batch, wait func([]arch.Role) bool, others bool) {
	own := w.routing
	if own == nil {
		own = &routing{}
	}
	w.run = *r
	w.routing, w.held = own, nil
	w.station = func(live [][]float32, next []arch.Role) {
		if !others { // it stays as it is
			live = nil
		}
		size := 0
		for _, x := range live {
			size += len(x)
		}
		w.move(live, grow(&w.kept, size), func(live, kept []float32) { copy(kept, live) })
		if !wait(next) {
			w.err = errLeft
		}
		if others && spoil != nil {
			spoil(w.scratch)
		}
		w.move(live, w.kept, func(live, kept []float32) { copy(live, kept) })
	}
	w.run.advance(l, b, false)
}

// move copies what a batch needs to the place where it is kept, or back.
func (w *way) move(live [][]float32, kept []float32, one func(live, kept []float32)) {
	const most = 1 << 18 // numbers of a task
	type piece struct{ live, kept []float32 }
	var pieces []piece
	for _, x := range live {
		for len(x) > 0 {
			n := min(most, len(x))
			pieces = append(pieces, piece{x[:n], kept[:n]})
			x, kept = x[n:], kept[n:]
		}
	}
	w.parallel(len(pieces), func(_ *worker, i int) error {
		one(pieces[i].live, pieces[i].kept)
		return nil
	})
}

// together makes one group of all sequences, if there is memory for it.
func (r *run) together(seqs [][]int32, opt Options, wait bool) *group {
	tokens := 0
	for _, s := range seqs {
		tokens += len(s)
	}
	if s := r.m.sizes(); r.err == nil && wait && r.budget.room < math.MaxInt {
		r.budget.room = int(int64(r.budget.room) * s.state / (s.state + s.acts)) // where they wait, they may need all of it
	}
	if r.m.again() {
		tokens *= 1 + len(r.m.stacks()) // streams that enter legs are made before, and kept
	}
	r.budget.panels = min(r.budget.panels, int64(max(0, r.budget.room-tokens))*r.m.sizes().state)
	if r.err == nil && tokens > r.budget.room {
		r.err = &formats.Error{Err: fmt.Errorf("%w: %d MB have room for %d tokens, %d are to be kept", ErrMemory, opt.MaxRAM>>20, r.budget.room, tokens)}
	}
	if r.err != nil {
		return &group{read: &group{}}
	}
	return r.group(seqs, r.m.cuts(seqs, nil), nil, nil)
}

// call calls next or done.
func (r *run) call(f func(*Layer) error, l *Layer) {
	if r.err == nil {
		r.err = f(l)
	}
}

package model

import (
	"context"

	"quern/formats"
)

// A library fetches the layers of a model one after the other, round and round. Where the budget allows, it reads one ahead.
// What is read only once, for a single batch or for the panels of a stock, is not fetched: products read it row by row, into a cache of the
// processor.
type library struct {
	r       *run
	turn    int        // which shelf the next layer goes to
	pending chan error // ends the reading of the next layer; nil when none is read
	cancel  context.CancelFunc
}

// layer returns layer i, which is the one that the last call named as next, for so many batches; next is the one that will be wanted after it, -1 where none will. What it returns is valid until the next call.
func (b *library) layer(i, batches, next int) *layer {
	r := b.r
	if r.budget.ahead == 0 || r.err != nil {
		return &r.m.layers[i]
	}
	if !r.budget.drop && b.pending == nil && (batches == 1 || r.holds(&r.m.layers[i])) {
		if next >= 0 {
			r.m.layers[next].want()
		}
		return &r.m.layers[i]
	}
	if b.pending == nil {
		b.read(i)
	}
	r.err, b.pending = <-b.pending, nil
	l := &r.shelves[b.turn].layer
	b.turn = (b.turn + 1) % r.budget.ahead
	if r.err == nil && next >= 0 && r.budget.ahead > 1 {
		b.read(next)
	}
	return l
}

// want makes the disk fetch the weights of a layer.
func (l *layer) want() {
	for _, w := range l.matrices() {
		if w.t.Raw != nil {
			formats.Want(w.t.Raw, 0, w.held())
		}
	}
}

// read begins to read a layer.
func (b *library) read(i int) {
	r, s := b.r, &b.r.shelves[b.turn]
	ctx, cancel := context.WithCancel(r.ctx)
	done := make(chan error, 1)
	b.pending, b.cancel = done, cancel
	s.layer = r.m.layers[i]
	ws := s.layer.matrices()
	go func() {
		defer cancel()
		done <- s.fill(ctx, ws, r.budget.shelf, r.threads, r.budget.drop)
	}()
}

// stop waits until nothing is read any more.
func (b *library) stop() {
	if b.pending != nil {
		b.cancel()
		<-b.pending
		b.pending = nil
	}
}

// head returns the output head for so many rows, from a shelf where there is room. It stays there until the next layers are read.
func (r *run) head(rows int) *weight {
	if !r.budget.head || r.err != nil || rows <= fewRows && !r.budget.drop && r.shelves[0].head == nil || r.stocks[r.m.head.t] != nil {
		return &r.m.head
	}
	s := &r.shelves[0]
	if s.head == nil {
		w := r.m.head
		r.err = s.fill(r.ctx, []*weight{&w}, 0, r.threads, r.budget.drop)
		if r.err == nil {
			s.head = &w
		}
	}
	return s.head
}

package model

import (
	"context"
	"fmt"

	"quern/formats"
	"quern/internal/arch"
)

// A Layer is where a run of Layers stands: all inputs of its matrices have been shown to the observer.
type Layer struct {
	Index   int // -1: the output head, after the last layer
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

// Layers takes sequences through the model layer by layer, for methods that change a layer by what goes into it, and the
// next one by what then comes out. For each layer it shows opt.Observe the inputs of all matrices, for all sequences, computed
// with the weights as they are; calls done, which may replace weights; and runs the layer with the weights that it has
// then. After the last layer come the output head's inputs, and a call with Index -1. All sequences are kept at once: a
// limit of memory that they do not fit into is ErrMemory.
func (m *Model) Layers(ctx context.Context, seqs [][]int32, opt Options, done func(*Layer) error) error {
	if err := m.checkTokens(seqs); err != nil {
		return err
	}
	r := m.begin(ctx, opt)
	r.budget, r.err = m.budget(longest(seqs), opt, r.threads)
	g := r.together(seqs, opt)
	r.start(g)
	lib := &library{r: r}
	n := len(m.layers)
	r.told = Step{Layers: n, Total: len(g.place) * n}
	for i := 0; i < n && r.err == nil; i++ {
		l := *lib.layer(i, i+1 < n)
		if opt.Observe != nil || opt.ObserveExpert != nil || opt.ObserveMeans != nil {
			for j := range g.batches {
				r.show(&l, &g.batches[j])
			}
		}
		r.stop(i, l.matrices(), done)
		r.observe, r.observeExpert, r.observeMeans = nil, nil, nil
		for j := range g.batches {
			r.advance(&l, &g.batches[j], false)
			r.step(i, len(g.batches[j].at))
		}
		r.observe, r.observeExpert, r.observeMeans = opt.Observe, opt.ObserveExpert, opt.ObserveMeans
	}
	lib.stop()
	if m.encoder {
		r.stop(-1, nil, done)
		return r.end()
	}
	head := m.head
	for j := range g.batches {
		b := &g.batches[j]
		h := grow(&r.h, len(b.at)*m.params.Embd)
		r.normalize(h, r.gather(b.x, len(b.at)), m.norm, len(b.at))
		r.look(h, len(b.at), product{w: &head})
	}
	r.stop(-1, []*weight{&head}, done)
	return r.end()
}

// together makes one group of all sequences, if there is memory for it.
func (r *run) together(seqs [][]int32, opt Options) *group {
	tokens := 0
	for _, s := range seqs {
		tokens += len(s)
	}
	if r.err == nil && tokens > r.budget.room {
		r.err = &formats.Error{Err: fmt.Errorf("%w: %d MB have room for %d tokens, %d are to be kept", ErrMemory, opt.MaxRAM>>20, r.budget.room, tokens)}
	}
	if r.err != nil {
		return &group{}
	}
	return r.group(seqs, nil, nil)
}

// show computes the inputs of a layer's matrices for the observer, and leaves the residual stream as it is. What the last matrices make of
// theirs nobody looks at.
func (r *run) show(l *layer, b *batch) {
	if r.m.streams > 1 {
		own := *b
		r.copy = append(r.copy[:0], b.x...)
		own.x = r.copy
		r.advanceStreams(l, &own, false)
		return
	}
	p := l.p
	m := len(b.at)
	h := grow(&r.h, m*p.Embd)
	att := grow(&r.att, m*l.o.k)
	r.askEarly(l, b)
	r.mix(att, h, l, b)
	x := append(r.copy[:0], b.x...)
	r.copy, r.showing = x, l.sideGate.t == nil // where there is one, what stands before it is needed
	r.finish(x, b.x, att, h, l, b.side, m)
	r.showing = false
}

// stop calls done.
func (r *run) stop(layer int, ws []*weight, done func(*Layer) error) {
	if r.err == nil {
		r.err = done(&Layer{Index: layer, weights: ws})
	}
}

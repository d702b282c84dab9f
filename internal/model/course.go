package model

import (
	"slices"

	"quern/internal/arch"
)

// A leg is layers that a text goes through one after the other, from … to before. Most models are one; where a text goes through layers several times, there are several, with
// a turn between.
type leg struct {
	from, to int
	reads    bool // what an encoder reads goes through it
}

// legsOf is the course of a text.
func legsOf(p *arch.Params) (legs []leg) {
	s := &p.Stacks
	switch n := p.Sides.Encoder; {
	case n > 0:
		return []leg{{0, n, true}, {n, p.Layers, false}}
	case s.Per == 0:
		return slices.Repeat([]leg{{0, p.Layers, false}}, max(1, p.Loops))
	}
	for range s.High {
		legs = append(slices.Concat(legs, slices.Repeat([]leg{{0, s.Per, false}}, s.Low)), leg{s.Per, p.Layers, false})
	}
	return legs
}

// again says whether what comes out of a leg enters another.
func (m *Model) again() bool { return len(m.legs) > 1 && !m.sides() }

// A stack is the layers of legs that are alike, and how many there are.
type stack struct {
	leg
	times int
}

// stacks are those of a model, in the order of their layers, in which a text comes to them first.
func (m *Model) stacks() (list []stack) {
	for _, l := range m.legs {
		i := slices.IndexFunc(list, func(s stack) bool { return s.leg == l })
		if i < 0 {
			i, list = len(list), append(list, stack{leg: l})
		}
		list[i].times++
	}
	return list
}

// pass takes a group through all layers; more says that another group will follow.
func (r *run) pass(b *library, g *group, more bool) {
	r.often = r.more || len(g.batches) > 1
	r.start(g)
	for n, l := range r.m.legs {
		last, after := n == len(r.m.legs)-1, -1
		if !last {
			after = r.m.legs[n+1].from
		} else if more {
			after = r.m.legs[0].from
		}
		r.walk(b, g, l, after, last)
		if !last {
			r.turn(g, l)
		}
	}
}

// walk takes a group through the layers of a leg; after is the layer that comes then, -1 for none.
func (r *run) walk(b *library, g *group, l leg, after int, last bool) {
	g = g.of(l)
	for i := l.from; i < l.to && r.err == nil; i++ {
		next := i + 1
		if next == l.to {
			next = after
		}
		layer := b.layer(i, len(g.batches), next)
		for j := range g.batches {
			r.advance(layer, &g.batches[j], last && i+1 == l.to)
			r.step(i, len(g.batches[j].at))
		}
		r.leave(i)
	}
}

// turn makes of what went through a leg what goes through the next one: the same, normed, or where there are two stacks the sum of what comes out of each, of which this is
// one. What an encoder read is normed, and stays.
func (r *run) turn(g *group, l leg) {
	g = g.of(l)
	by := r.m.norm
	if l.reads {
		by = r.m.readNorm
	}
	for j := 0; j < len(g.batches) && !r.m.params.LoopBare; j++ {
		b := &g.batches[j]
		r.normalize(b.x, b.x, by, len(b.at))
		if r.m.low == nil {
			continue
		}
		this, other := b.stack[0], b.stack[1]
		if l.from > 0 {
			this, other = other, this
		}
		copy(this, b.x)
		r.sumOf(b.x, other, len(b.at))
	}
}

// startStacks is the same before the first leg: the high stack's stream is the embedding, the low one's is the same for every token.
func (r *run) startStacks(b *batch) {
	if r.m.low == nil {
		return
	}
	copy(b.stack[1], b.x)
	for at := 0; at < len(b.stack[0]); at += len(r.m.low) {
		copy(b.stack[0][at:], r.m.low)
	}
	r.sumOf(b.x, b.stack[0], len(b.at))
}

// entering are the streams that enter the legs of each stack, by its first layer, one leg after the other; nil where
// embeddings enter them all.
func (r *run) entering(lib *library, seqs [][]int32, opt Options, wait bool) map[int][]float32 {
	if !r.m.again() {
		return nil
	}
	shown, streams := *r, map[int][]float32{}
	r.observe, r.observeExpert, r.observeMeans, r.report = nil, nil, nil, nil
	r.often, r.more = true, true
	g := r.together(seqs, opt, wait)
	r.start(g)
	for n, l := range r.m.legs {
		streams[l.from] = append(streams[l.from], g.x...)
		if n == len(r.m.legs)-1 {
			break
		}
		after := r.m.legs[n+1].from
		if n == len(r.m.legs)-2 {
			after = 0 // where all begins
		}
		r.walk(lib, g, l, after, false)
		r.turn(g, l)
	}
	r.observe, r.observeExpert, r.observeMeans, r.report = shown.observe, shown.observeExpert, shown.observeMeans, shown.report
	r.more = false
	return streams
}

package model

import (
	"errors"
	"fmt"
	"math"

	"quern/formats"
	"quern/internal/kernel"
)

// ErrMemory is inside the error of a run that Options.MaxRAM does not leave enough memory for.
var ErrMemory = errors.New("out of memory budget")

const (
	scratchBytes = 256 << 20 // activations of a batch, where nothing says how many tokens it has
	statesBytes  = 1 << 30   // residual streams of a group, where there is no limit
	mostBatch    = 2048      // more tokens gain nothing: decoding the weights is then a small part of the work
	leastBatch   = 512
	mostGroup    = 8 * mostBatch // and more than these only where weights come from a disk each time
	threadBytes  = 8 << 20       // decoded panels of a thread
	tokenBytes   = 48            // where a token stands, and whether it is wanted
)

// A budget says how a run divides its memory. Only time depends on it.
type budget struct {
	batch  int   // tokens that go through a layer together
	tokens int   // tokens that go through the model together: a group
	room   int   // tokens that there is memory for
	ahead  int   // layers whose stored weights are held: 2 = one is read while the other is used, 0 = none
	head   bool  // the output head is held, too, in the place of a layer
	drop   bool  // what was read is not worth a place in the system's cache: it goes before it is used again
	shelf  int64 // stored bytes of the largest layer
	panels int64 // bytes of stocks
}

// levels are the ways to hold weights, the fastest first.
var levels = []budget{{ahead: 2, head: true}, {ahead: 2}, {ahead: 1}, {ahead: 0}}

// budget plans a run of sequences of which the longest has the given length.
func (m *Model) budget(longest int, opt Options, threads int) (budget, error) {
	s := m.sizes()
	batch := opt.Batch
	if batch <= 0 {
		batch = int(min(max(scratchBytes/s.acts, leastBatch), mostBatch))
	}
	batch = max(batch, longest)
	if opt.MaxRAM <= 0 {
		b := levels[0]
		b.batch, b.shelf, b.room, b.panels = batch, s.layer, math.MaxInt, panelsUnlimited
		b.tokens = max(batch, min(mostGroup, int(statesBytes/s.state)))
		return b, nil
	}
	rest := opt.MaxRAM - int64(threads)*(threadBytes+s.perKey*int64(longest))
	smallest := max(min(batch, leastBatch), longest)
	for _, b := range levels {
		b.shelf, b.drop = s.layer, s.all > opt.MaxRAM
		held := int64(b.ahead) * s.layer
		if b.head {
			held += max(0, s.head-s.layer)
		}
		for b.batch = batch; b.batch >= smallest; b.batch = max(b.batch/2, min(smallest, b.batch-1)) {
			left := rest - held - int64(b.batch)*s.acts
			if left >= 2*int64(b.batch)*s.state { // one batch of tokens alone is no use of a weight that was read from disk
				b.room = int(left / s.state)
				b.tokens = b.room
				if !b.drop {
					b.tokens = min(b.room, max(mostGroup, batch))
					b.panels = min(left-int64(b.tokens)*s.state, mostPanels)
				}
				return b, nil
			}
		}
	}
	b := budget{batch: longest, tokens: longest, room: longest, shelf: s.layer}
	if need := int64(longest) * (s.acts + s.state); need > rest {
		return b, &formats.Error{Err: fmt.Errorf("%w: %d MB are needed for sequences of %d tokens, %d MB are allowed", ErrMemory,
			(opt.MaxRAM-rest+need)>>20+1, longest, opt.MaxRAM>>20),
			Hint: "a larger --max-ram, or shorter chunks"}
	}
	return b, nil
}

// sizes are bytes: of a token in a batch and in a group, of a position in attention, and of weights as they are held.
type sizes struct{ acts, state, perKey, layer, head, all int64 }

func (m *Model) sizes() sizes {
	p := &m.params
	// The float32 activations, and the widest of them once more, rounded.
	var s sizes
	for i := range m.layers {
		p := m.layers[i].p
		ff := max(p.FF, p.Side)
		s.acts = max(s.acts, int64(4*(3*p.Embd+2*p.Heads*p.HeadDim+2*p.KVHeads*p.HeadDim+2*ff)+4*max(ff, p.Embd)))
	}
	s.acts += mixtureActs(p) + latentActs(p) + indexActs(p) + hyperActs(p) + pooledActs(p) + m.stateActs() + adapterActs(p)
	s.acts += int64(4 * m.layers[0].oGate.n)
	if m.layers[0].parallel || m.layers[0].mix.beside || m.layers[0].mix.before || m.normStream {
		s.acts += int64(4 * p.Embd)
	}
	s.state = int64((1+m.streams)*4*p.Embd+tokenBytes) + m.keptBytes() // the residual stream, and the final state
	if m.streams > 1 {
		s.acts += int64(4*(4+m.streams)*p.Embd + 4*p.AltUp.Laurel)
	}
	d := (max(p.HeadDim, p.Near.Key, max(p.MLA.KV, p.MLA.NearKV)+p.RopeDim) + kernel.Lanes) / kernel.Lanes * kernel.Lanes
	s.perKey = int64(4 * (2*d + queryBlock))
	for i := range m.layers {
		n := int64(0)
		for _, w := range m.layers[i].matrices() {
			n += w.held()
		}
		s.layer, s.all = max(s.layer, n), s.all+n
	}
	s.head = m.head.held()
	s.all += s.head
	return s
}

// Group says how many of seqs, the first ones, go through the model together in a run with these options: States reads every weight
// once for so many. It is at least one, unless there are none; with a limit of memory their final states are counted, too.
func (m *Model) Group(seqs [][]int32, opt Options) int {
	b, err := m.budget(longest(seqs), opt, threadsOf(opt))
	if err != nil {
		return min(1, len(seqs)) // States says why
	}
	return upTo(seqs, b.tokens)
}

// upTo is how many of seqs have no more tokens than limit, at least one.
func upTo(seqs [][]int32, limit int) int {
	n, tokens := 0, 0
	for n < len(seqs) && (n == 0 || tokens+len(seqs[n]) <= limit) {
		tokens += len(seqs[n])
		n++
	}
	return n
}

func longest(seqs [][]int32) int {
	n := 0
	for _, s := range seqs {
		n = max(n, len(s))
	}
	return n
}

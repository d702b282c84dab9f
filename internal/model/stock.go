package model

import (
	"slices"

	"quern/formats"
	"quern/internal/kernel"
	"quern/quantize"
)

// A stock is the panels of one weight, kept while further batches, runs or pieces of logits will want them. They are made by the first
// product that needs them, and are the same whoever makes them.
type stock struct {
	layer int // of the weight
	kind  quantize.Acts
	group int
	bytes int64 // about what it takes

	done   []bool           // [panels]
	ints   []kernel.PanelI8 // [panels], or …
	codes  kernel.I16       // … [panels][k], or …
	floats []float32        // … [panels][k][Lanes]
}

const (
	panelsUnlimited = 512 << 20 // of stocks, where there is no limit of memory
	mostPanels      = 2 << 30   // where there is one: more is better left to others
	fewRows         = 16        // of states: for so few the output head is read without a shelf, and without a stock unless there were some before
)

// plan divides the memory of a run. Stocks of runs before it that have no room in it go.
func (r *run) plan(longest int, opt Options) {
	r.budget, r.err = r.m.budget(longest, opt, r.threads)
	if r.stocked > r.budget.panels {
		r.stocks, r.spare, r.stocked = map[*formats.Tensor]*stock{}, nil, 0
	}
}

// panelBytes is about what the panels of w take.
func (w *weight) panelBytes(kind quantize.Acts) int64 {
	per := int64(4) // a float, or a code in two forms with its share of scales
	if a := (acts{kind: kind}); a.coded() {
		per = 3
	}
	return per * int64(w.n) * int64(w.k)
}

// stock returns that of w for an input, or nil where none is worth its memory or has room.
func (r *run) stock(w *weight, a *acts) *stock {
	s := r.stocks[w.t]
	if s != nil && (s.kind != a.kind || s.group != a.group) { // of another mode
		delete(r.stocks, w.t)
		r.spare, s = append(r.spare, s), nil
	}
	if s == nil {
		if s = r.newStock(w, a.kind); s == nil {
			return nil
		}
		s.layer, s.kind, s.group = w.layer, a.kind, a.group
		s.reset(a, w.n, w.k)
		r.stocks[w.t] = s
	}
	return s
}

// reset makes room for the panels of n rows of k columns, none of which is there.
func (s *stock) reset(a *acts, n, k int) {
	panels := (n + a.lanes() - 1) / a.lanes()
	clear(grow(&s.done, panels))
	switch {
	case a.integer():
		grow(&s.ints, panels)
	case a.coded():
		s.codes.Reset(panels*kernel.Lanes, k)
	default:
		grow(&s.floats, panels*kernel.Lanes*k)
	}
}

// newStock has the memory of one that is no longer needed, where there is such a one.
func (r *run) newStock(w *weight, kind quantize.Acts) *stock {
	if w.many || !r.often {
		return nil
	}
	need := w.panelBytes(kind)
	if i := slices.IndexFunc(r.spare, func(s *stock) bool { return s.kind == kind && s.bytes == need }); i >= 0 {
		s := r.spare[i]
		r.spare = slices.Delete(r.spare, i, i+1)
		return s
	}
	if r.stocked+need > r.budget.panels {
		return nil
	}
	r.stocked += need
	return &stock{bytes: need}
}

// holds says whether all matrices of a layer have stocks, or room for them.
func (r *run) holds(l *layer) bool {
	need := int64(0)
	for _, w := range l.matrices() {
		if w.many || !r.often {
			return false
		}
		if r.stocks[w.t] == nil {
			kind, _ := r.storage(w)
			need += w.panelBytes(kind)
		}
	}
	for _, s := range r.spare {
		need -= s.bytes
	}
	return r.stocked+need <= r.budget.panels
}

// leave ends a layer: its stocks are spare, unless it will be gone through again.
func (r *run) leave(l int) {
	if r.more {
		return
	}
	for t, s := range r.stocks {
		if s.layer == l {
			delete(r.stocks, t)
			r.spare = append(r.spare, s)
		}
	}
}

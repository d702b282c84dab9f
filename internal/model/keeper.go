package model

import (
	"quern/internal/arch"
	"quern/internal/kernel"
)

// A keeper is what a layer does that keeps a state, instead of attention or beside it: it goes through each sequence position by position, from the first on. It has no weights
// itself: these are the layer's, which is copied to be changed.
type keeper interface {
	slots(l *layer) []slot
	// out is the matrix behind it.
	out(l *layer) *weight
	// keep makes dst [m][out.k], what out is multiplied with, of the normed rows h [m][E].
	keep(r *run, dst, h []float32, l *layer, b *batch)
	// acts is how many numbers a token needs meanwhile.
	acts(l *layer) int
}

var keepers = map[arch.Keeper]keeper{
	arch.ShortConv: gatedConv{},
	arch.Mamba1:    mamba1{},
	arch.Mamba2:    mamba2{},
	arch.HeadMamba: headMamba{},
	arch.DeltaNet:  deltaNet{},

	arch.Lightning:  lightningAttention{},
	arch.KimiDelta:  kimiDelta{},
	arch.FinchState: finchState{},
	arch.GooseState: gooseState{},
}

// keepState is what a layer's state gives for each row, before its output matrix; it uses h. nil where a layer keeps none.
func (r *run) keepState(h []float32, l *layer, b *batch) []float32 {
	if l.keeper == nil {
		return nil
	}
	m := len(b.at)
	kept := grow(&r.kept, m*l.keeper.out(l).k)
	r.normalize(h, b.x, l.attnNorm, m)
	l.keeper.keep(r, kept, h, l, b)
	r.hold(kept)
	return kept
}

// added is what attention and a layer's state make together, each by its matrix: h of att and kept.
func (r *run) added(h, att, kept []float32, l *layer, m int) {
	switch {
	case l.keeper == nil:
		r.apply(att, m, product{h, l.behind()})
	case l.p.Heads == 0:
		r.apply(kept, m, product{h, l.keeper.out(l)})
	default:
		made := grow(&r.beside, m*l.p.Embd)
		r.apply(att, m, product{made, &l.o})
		before := r.hold(made)
		r.apply(kept, m, product{h, l.keeper.out(l)})
		r.release(before)
		r.sumOf(h, made, m)
	}
}

// stateActs is how many bytes a token needs for that.
func (m *Model) stateActs() int64 {
	n := 0
	for i := range m.layers {
		if l := &m.layers[i]; l.keeper != nil {
			n = max(n, l.keeper.acts(l)+l.keeper.out(l).k)
		}
	}
	return int64(4 * n)
}

// A convolution goes over the positions of each sequence, channel by channel; what is before a sequence is zero.
type convolution struct {
	weight []float32 // [n][C], the last row for the present position
	bias   []float32 // [C], or nil
	ahead  int       // of its rows, those for positions behind the present one
	apart  int       // positions from one of its rows to the next, where it looks at none behind; 0: one
}

// convolve is that, dst [m][C] of x, whose rows are ld apart: sums begin with the earliest position and end with the bias.
func (r *run) convolve(dst, x []float32, ld, wide int, c *convolution, b *batch) {
	n, apart := len(c.weight)/wide, max(1, c.apart)
	r.eachRow(len(b.at), func(_ *worker, row int) {
		y := dst[row*wide:][:wide]
		clear(y)
		first := row - (n-1-c.ahead)*apart
		for i := max(0, (row-first-b.at[row].pos+apart-1)/apart); i < n; i++ {
			from := first + i*apart
			if from >= len(b.at) || b.at[from].pos != b.at[row].pos+from-row {
				break // the sequence ends
			}
			kernel.AddMul(y, x[from*ld:], c.weight[i*wide:])
		}
		if c.bias != nil {
			kernel.Add(y, c.bias)
		}
	})
}

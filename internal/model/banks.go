package model

import (
	"quern/internal/arch"
	"quern/internal/kernel"
)

// A banking is what a layer does with streams that were banked.
type banking struct {
	banked           int       // how many there are before it
	banks            bool      // it banks one itself
	bankAttn, bankFF []float32 // [E] scores of these and of the stream, before its parts
}

func bankingOf(p *arch.Params, layer int) banking {
	return banking{banked: p.Banked(layer), banks: p.Banks(layer)}
}

// advanceBanked runs one layer over a batch whose tokens have attention residuals (Kimi K3): the first of their streams is the present one, the others are what it was when it
// was banked. What a part of a layer is given is a mixture of those that there are, and what it makes is added to the present one, which begins anew where a layer banks it.
func (r *run) advanceBanked(l *layer, b *batch, last bool) {
	e, u, m := l.p.Embd, r.m.streams, len(b.at)
	h, att, n := grow(&r.h, m*e), grow(&r.att, m*l.o.k), l.banked
	own := *b
	own.x = grow(&r.first, m*e)
	r.recall(own.x, b.x, l.bankAttn, n, m)
	if l.banks {
		n++
		r.eachRow(m, func(_ *worker, row int) { copy(b.x[(row*u+n)*e:][:e], b.x[row*u*e:]) })
	}
	kept := r.keepState(h, l, &own)
	r.mix(att, h, l, &own)
	if last { // nothing looks at other rows any more
		keep(b.x, b.want, u*e)
		keep(kept, b.want, len(kept)/max(1, m))
		m = keep(att, b.want, l.o.k)
		h = h[:m*e]
	}
	r.added(h, att, kept, l, m)
	r.eachRow(m, func(_ *worker, row int) {
		x := b.x[row*u*e:][:e]
		if l.banks {
			clear(x)
		}
		kernel.Add(x, h[row*e:][:e])
	})
	r.recall(own.x[:m*e], b.x, l.bankFF, n, m)
	made := grow(&r.past, m*e)
	clear(made)
	before := r.hold(made)
	r.feed(made, own.x[:m*e], h, l, m)
	r.release(before)
	r.eachRow(m, func(_ *worker, row int) { kernel.Add(b.x[row*u*e:][:e], made[row*e:][:e]) })
	if last {
		r.normalize(b.out, r.gather(b.x, m), r.m.norm, m)
	}
}

// recall mixes the present stream of x [m][U][E] with the n that were banked: by a softmax of their scores, which are of each as it is when it is normed.
func (r *run) recall(dst, x, scores []float32, n, m int) {
	e, u := r.m.params.Embd, r.m.streams
	r.eachRow(m, func(w *worker, row int) {
		streams, one := x[row*u*e:][:(n+1)*e], dst[row*e:][:e]
		if n == 0 {
			copy(one, streams)
			return
		}
		shares := grow(&w.prefer, n+1)
		for i := range shares {
			r.normed(one, streams[i*e:][:e], scores, nil)
			shares[i] = float32(kernel.Sum(one))
		}
		kernel.Softmax(shares)
		clear(one)
		for i := range shares {
			of := (i + 1) % len(shares) // the present one is the last
			addScaled(one, streams[of*e:][:e], shares[of])
		}
	})
}

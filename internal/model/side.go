package model

import (
	"math"

	"quern/formats"
)

// A side is what makes inputs of every layer beside the stream (Gemma 3n's and 4's embeddings per layer): a row of a table for each token, and what a matrix
// makes of the token's embedding.
type side struct {
	embed *formats.Tensor // [V][L*P], or nil
	proj  weight          // [L*P][E]
	norm  norm            // [P]
}

// startSide makes the inputs of all layers of a batch of embeddings x [m][E].
func (r *run) startSide(b *batch, x []float32) {
	of, p := &r.m.side, &r.m.params
	if of.embed == nil {
		return
	}
	n, all := p.Side, p.Layers*p.Side
	bySide, byEmbd, half := float32(math.Sqrt(float64(n))), float32(1/math.Sqrt(float64(p.Embd))), float32(math.Sqrt(0.5))
	r.apply(x, len(b.at), product{b.side, &of.proj})
	r.tryRows(len(b.at), func(w *worker, row int) error {
		token := grow(&w.rows, all)
		if err := of.embed.Rows.ReadRows(token, int(b.at[row].token)); err != nil {
			return inTensor(of.embed, err)
		}
		for at := 0; at < all; at += n {
			made := b.side[row*all+at:][:n]
			scale(made, byEmbd)
			r.normed(made, made, of.norm.weight, nil)
			for j := range made {
				made[j] = (made[j] + float32(token[at+j]*bySide)) * half
			}
		}
		return nil
	})
}

// aside adds to x what a layer makes of it and of the layer's own input; it uses h.
func (r *run) aside(x, h []float32, l *layer, side []float32, m int) {
	if l.sideGate.t != nil {
		r.ownInput(h, x, l, side, m)
		r.add(x, h, m)
	}
}

// ownInput is that, in h.
func (r *run) ownInput(h, x []float32, l *layer, side []float32, m int) {
	n, all := l.p.Side, l.p.Layers*l.p.Side
	gate, own := grow(&r.gate, m*n), grow(&r.up, m*n)
	r.eachRow(m, func(_ *worker, row int) { copy(own[row*n:][:n], side[row*all+l.sideGate.layer*n:]) })
	before := r.hold(own)
	r.apply(x, m, product{gate, &l.sideGate})
	r.release(before)
	r.activate(gate, own, m)
	r.apply(gate, m, product{h, &l.sideOut})
	r.normPost(h, l.sideNorm, m)
}

package model

import (
	"math"

	"quern/internal/arch"
	"quern/internal/kernel"
)

// An altUp is what a layer has where tokens have several streams (AltUp, arXiv:2301.13310): it predicts all streams, computes with the first of them, and
// corrects all by what came out. A narrow way leads past its attention (LAuReL, arXiv:2411.07501).
type altUp struct {
	router      weight    // [U][E]
	norm        norm      // [E]
	predict     weight    // [U·U][U]
	correct     weight    // [U][U]
	scale       []float32 // [E] of the stream that the layer's own input is told
	left, right weight    // [R][E], [E][R]
	past        norm      // [E]
}

func (a *altUp) slots(p *arch.Params) []slot {
	u := p.AltUp.Inputs
	return []slot{
		{role: arch.RoleAltRouter, matrix: &a.router, n: u, k: p.Embd},
		{role: arch.RoleAltNorm, norm: &a.norm, n: p.Embd},
		{role: arch.RoleAltPredict, matrix: &a.predict, n: u * u, k: u},
		{role: arch.RoleAltCorrect, matrix: &a.correct, n: u, k: u},
		{role: arch.RoleAltScale, vector: &a.scale, n: p.Embd},
		{role: arch.RoleLaurelLeft, matrix: &a.left, n: p.AltUp.Laurel, k: p.Embd},
		{role: arch.RoleLaurelRight, matrix: &a.right, n: p.Embd, k: p.AltUp.Laurel},
		{role: arch.RoleLaurelNorm, norm: &a.past, n: p.Embd},
	}
}

// stream is one of the streams of x [m][U][E]: x itself where there is one, else a copy.
func (r *run) stream(x []float32, i, m int) []float32 {
	if r.m.streams == 1 {
		return x
	}
	e, wide := r.m.params.Embd, r.m.params.Embd*r.m.streams
	one := grow(&r.first, m*e)
	r.eachRow(m, func(_ *worker, row int) { copy(one[row*e:][:e], x[row*wide+i*e:]) })
	return one
}

// spread makes the other streams of embeddings x [m][E], as long as these.
func (r *run) spread(b *batch, x []float32) {
	e, u, m := r.m.params.Embd, r.m.streams, len(b.at)
	if r.m.params.BankEvery > 0 { // there are none yet
		return
	}
	if r.m.params.Hyper.Streams > 0 {
		r.copies(b.x, m)
		return
	}
	for i := 1; i < u; i++ {
		y := grow(&r.active, m*e)
		r.multiply(x, m, product{y, r.m.altProj.part(i-1, e)})
		r.eachRow(m, func(_ *worker, row int) {
			lengthen(b.x[(row*u+i)*e:][:e], y[row*e:][:e], x[row*e:][:e])
		})
	}
}

// gather makes one stream of all, [m][E]: the mean of the first and what matrices make of the others, as long as the first.
func (r *run) gather(x []float32, m int) []float32 {
	e, u := r.m.params.Embd, r.m.streams
	if u == 1 {
		return x
	}
	out := grow(&r.gathered, m*e)
	if n := r.m.params.Banked(r.m.params.Layers); n > 0 {
		r.recall(out, x, r.m.bankOut, n, m)
		return out
	}
	if r.m.params.Hyper.Streams > 0 {
		if r.m.params.Hyper.Mean {
			r.mean(out, x, m)
		} else {
			r.reduce(out, nil, x, &r.m.hyper, m)
		}
		return out
	}
	r.eachRow(m, func(_ *worker, row int) { copy(out[row*e:][:e], x[row*u*e:]) })
	for i := 1; i < u; i++ {
		one, y := r.stream(x, i, m), grow(&r.active, m*e)
		r.multiply(one, m, product{y, r.m.altUn.part(i-1, e)})
		r.eachRow(m, func(_ *worker, row int) {
			made := y[row*e:][:e]
			lengthen(made, made, x[row*u*e:][:e])
			kernel.Add(out[row*e:][:e], made)
		})
	}
	r.eachRow(m, func(_ *worker, row int) { scale(out[row*e:][:e], 1/float32(u)) })
	return out
}

// lengthen makes dst of y, as long as x is.
func lengthen(dst, y, x []float32) {
	n := float64(len(x))
	want, have := float32(math.Sqrt(kernel.SumSquares(x)/n)), float32(math.Sqrt(max(kernel.SumSquares(y)/n, 1e-5)))
	for i, v := range y {
		dst[i] = float32(v*want) / have
	}
}

// tell is what the router says of a stream x [m][E]: [m][U] within ±1; it uses h.
func (r *run) tell(x, h []float32, l *layer, m int) []float32 {
	e, u := r.m.params.Embd, r.m.streams
	said, by := grow(&r.told4, m*u), 1/float32(e)
	r.normalize(h, x, l.alt.norm, m)
	r.eachRow(m, func(_ *worker, row int) { scale(h[row*e:][:e], by) })
	r.apply(h, m, product{said, &l.alt.router})
	for i, v := range said {
		said[i] = tanh(v)
	}
	return said
}

// advanceStreams runs one layer over a batch whose tokens have several streams.
func (r *run) advanceStreams(l *layer, b *batch, last bool) {
	e, u, m := l.p.Embd, r.m.streams, len(b.at)
	h, att := grow(&r.h, m*e), grow(&r.att, m*l.o.k)
	r.predict(b.x, h, l, m)
	own := *b
	own.x = r.stream(b.x, 0, m)
	r.hold(own.x)
	r.mix(att, h, l, &own) // h is the normed stream then
	before := r.hold(att, h)
	past := grow(&r.past, m*e)
	narrow := grow(&r.gate, m*l.alt.left.n)
	r.apply(h, m, product{narrow, &l.alt.left})
	r.apply(narrow, m, product{past, &l.alt.right})
	r.release(before)
	r.hold(past)
	r.normPost(past, l.alt.past, m)
	r.sumOf(past, h, m)
	if last { // nothing looks at other rows any more
		keep(b.x, b.want, u*e)
		keep(past, b.want, e)
		keep(own.x, b.want, e)
		keep(b.side, b.want, len(b.side)/max(1, m))
		m = keep(att, b.want, l.o.k)
		h = h[:m*e]
	}
	y := grow(&r.active, m*e)
	r.apply(att, m, product{y, &l.o})
	r.normPost(y, l.attnPost, m)
	half := float32(math.Sqrt(0.5))
	r.eachRow(m, func(_ *worker, row int) {
		y := y[row*e:][:e]
		kernel.Add(y, own.x[row*e:][:e])
		kernel.Add(y, past[row*e:][:e])
		scale(y, half)
	})
	r.hold(y)
	r.feed(y, y, h, l, m)
	r.correct(b.x, y, h, l, b.side, m)
	if last {
		r.normalize(b.out, r.gather(b.x, m), r.m.norm, m)
	}
}

// predict adds to all streams x [m][U][E] what the first of them says of each by each.
func (r *run) predict(x, h []float32, l *layer, m int) {
	e, u := l.p.Embd, r.m.streams
	coefs := grow(&r.coefs, m*u*u)
	r.apply(r.tell(r.stream(x, 0, m), h, l, m), m, product{coefs, &l.alt.predict})
	r.eachRow(m, func(w *worker, row int) {
		streams, was := x[row*u*e:][:u*e], append(grow(&w.rows, 0), x[row*u*e:][:u*e]...)
		w.rows = was
		for to := range u {
			for from := range u {
				addScaled(streams[to*e:][:e], was[from*e:][:e], coefs[(row*u+to)*u+from])
			}
		}
	})
}

// correct adds to all streams how far the layer's output y is from what was predicted of the first, and to the others what the layer's own input makes of
// the first; it uses h.
func (r *run) correct(x, y, h []float32, l *layer, side []float32, m int) {
	e, u := l.p.Embd, r.m.streams
	coefs := grow(&r.coefs, m*u)
	r.apply(r.tell(y, h, l, m), m, product{coefs, &l.alt.correct})
	r.eachRow(m, func(w *worker, row int) {
		streams, y := x[row*u*e:][:u*e], y[row*e:][:e]
		for i := range y {
			y[i] -= streams[i]
		}
		for i := range u {
			addScaled(streams[i*e:][:e], y, coefs[row*u+i]+1)
		}
		for i, s := range l.alt.scale {
			y[i] = streams[i] * s
		}
	})
	r.ownInput(h, y, l, side, m)
	r.eachRow(m, func(_ *worker, row int) {
		for i := 1; i < u; i++ {
			kernel.Add(x[(row*u+i)*e:][:e], h[row*e:][:e])
		}
	})
}

// sparsityOf is the sparsity of a layer's gates.
func sparsityOf(p *arch.Params, layer int) float32 {
	if p.Sparsity == nil {
		return float32(math.Inf(-1))
	}
	return p.Sparsity[layer]
}

// cutGates leaves of each row of gates what is more than so many standard deviations above their mean. Runtimes divide by one number less.
func (r *run) cutGates(gate []float32, l *layer, m int) {
	if math.IsInf(float64(l.cut), -1) || m == 0 {
		return
	}
	n := len(gate) / m
	count := float64(n)
	if r.mode == Deploy {
		count--
	}
	r.eachRow(m, func(_ *worker, row int) {
		g := gate[row*n:][:n]
		mean := float32(kernel.Sum(g) / float64(n))
		sum := 0.0
		for _, v := range g {
			d := float64(v - mean)
			sum += float64(d * d)
		}
		from := mean + float32(float32(math.Sqrt(sum/count))*l.cut)
		for i, v := range g {
			g[i] = max(0, v-from)
		}
	})
}

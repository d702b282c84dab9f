package model

import (
	"slices"

	"quern/internal/arch"
	"quern/internal/kernel"
)

// advance runs one layer over a batch: it changes the residual stream x. Shapes: m rows (tokens of all sequences), E embedding,
// H·D queries, KV·D keys and values, F feed-forward. After the last layer the final states of the wanted rows are in b.out.
func (r *run) advance(l *layer, b *batch, last bool) {
	p := l.p
	switch {
	case r.m.params.Hyper.Streams > 0:
		r.advanceHyper(l, b, last)
		return
	case r.m.params.BankEvery > 0:
		r.advanceBanked(l, b, last)
		return
	case r.m.streams > 1:
		r.advanceStreams(l, b, last)
		return
	}
	x, m := b.x, len(b.at)
	h := grow(&r.h, m*p.Embd)    // [m][E]
	att := grow(&r.att, m*l.o.k) // [m][H·D]
	r.chooseAdapters(l, b)
	early := r.askEarly(l, b)
	entry := r.enter(l, b)
	r.hold(early, entry)
	kept := r.keepState(h, l, b)
	r.mix(att, h, l, b)
	r.lookAcross(att, h, l, b)
	r.at = b.at
	if last && l.ffnShift == nil { // nothing looks at other rows any more
		keep(x, b.want, p.Embd)
		keep(b.side, b.want, len(b.side)/max(1, m))
		keep(b.first, b.want, len(b.first)/max(1, m))
		keep(r.adapted, b.want, min(1, len(r.adapted)))
		keep(early, b.want, len(early)/max(1, m))
		keep(entry, b.want, len(entry)/max(1, m))
		keep(kept, b.want, len(kept)/max(1, m))
		m = keep(att, b.want, l.o.k)
		x, h = x[:m*p.Embd], h[:m*p.Embd]
	}
	r.finish(x, x, att, kept, h, l, b.side, m)
	r.addFirst(x, b.first, l, m)
	if last && l.ffnShift != nil { // there its network looked at rows before
		m = keep(x, b.want, p.Embd)
	}
	if last {
		r.normalize(b.out, x, r.m.norm, m)
	}
}

// finish adds what a layer makes of att, of its state and of the stream x to dst, which may be x; it uses h. side is what all layers are given besides.
func (r *run) finish(dst, x, att, kept, h []float32, l *layer, side []float32, m int) {
	if l.parallel {
		made := grow(&r.beside, m*r.m.params.Embd)
		r.apply(att, m, product{made, &l.o})
		r.hold(made)
		r.feed(dst, x, h, l, m)
		r.add(dst, r.normPost(made, l.attnPost, m), m)
		return
	}
	if l.p.Heads > 0 || l.keeper != nil {
		r.added(h, att, kept, l, m)
		r.scaleRows(h, r.m.params.Scales.Values, m)
		r.gain(h, l.attnGain, m)
		r.restream(dst, l.attnNorm, m)
		r.join(dst, r.normPost(h, l.attnPost, m), l, m)
	}
	if r.m.runsPast && r.mode == Deploy {
		r.feed(dst, h, h, l, m)
	} else {
		r.feed(dst, r.restreamed(dst, l, m), h, l, m)
	}
	r.normPost(dst, l.ffnSum, m)
	r.aside(dst, h, l, side, m)
	if by := l.outScale; by != nil {
		r.eachRow(m, func(_ *worker, row int) { scale(dst[row*l.p.Embd:][:l.p.Embd], by[0]) })
	}
}

// mix is attention before its output matrix; it uses h.
func (r *run) mix(att, h []float32, l *layer, b *batch) {
	p, m := l.p, len(b.at)
	switch {
	case p.Heads == 0:
		return
	case p.MLA.KV > 0:
		r.mixLatent(att, h, l, b)
		return
	case l.oa.t != nil:
		r.mixPooled(att, h, l, b)
		return
	case p.KVHeads == 0:
		r.normalize(att, b.x, l.attnNorm, m)
		return
	}
	q := grow(&r.q, m*p.Heads*p.HeadDim) // [m][H·D]
	asked := r.asked(q, l, m)
	k, v := r.keysAndValues(l, b) // [m][KV·D] each
	r.normalize(h, b.x, l.attnNorm, m)
	later := r.station != nil && l.v.t != nil && !l.borrows // values wait until the means of their inputs were shown
	switch {
	case l.borrows:
		r.apply(h, m, product{asked, &l.q})
	case l.v.t == nil:
		r.apply(h, m, product{asked, &l.q}, product{k, &l.k})
		copy(v, k)
	case later:
		r.look(h, m, product{asked, &l.q}, product{k, &l.k}, product{v, &l.v})
		r.stop(h, product{w: &l.q}, product{w: &l.k})
		r.multiply(h, m, product{asked, &l.q}, product{k, &l.k})
	default:
		r.apply(h, m, product{asked, &l.q}, product{k, &l.k}, product{v, &l.v})
	}
	gate := r.partQueries(q, asked, l, m)
	before := r.hold(q, k, v, gate)
	sees := r.chooseBlocks(h, l, b)
	if !l.queryGate {
		gate = r.gateOf(h, l, m)
	}
	r.clamp(q, k)
	if !r.m.late {
		r.normHeads(q, l, l.qNorm, p.Heads*p.HeadDim, m)
		if !l.borrows {
			r.normHeads(k, l, l.kNorm, p.KVHeads*p.HeadDim, m)
		}
	}
	r.rotate(q, k, b.at, l)
	r.lookMeans(h, q, k, l, b, sees)
	if later {
		r.hold(gate)
		r.stop(h, product{w: &l.v})
		r.multiply(h, m, product{v, &l.v})
	}
	if !l.borrows { // what it uses is as it should be
		r.clamp(v)
		r.values(v, l, m)
	}
	r.release(before)
	r.attend(att, q, k, v, b.seqs, r.heads(l, sees))
	r.gateBy(att, gate, m)
	r.normPost(att, l.attnSub, m)
}

// scaleRows multiplies rows, where a family says so. What attention gives is multiplied behind its output matrix, as in runtimes: before that deploy mode rounds it.
func (r *run) scaleRows(x []float32, by float32, m int) {
	if by == 0 || by == 1 || m == 0 {
		return
	}
	n := len(x) / m
	r.eachRow(m, func(_ *worker, row int) { scale(x[row*n:][:n], by) })
}

// gain multiplies rows by a number of their layer, if that has one.
func (r *run) gain(x, by []float32, m int) {
	if by != nil {
		r.scaleRows(x, by[0], m)
	}
}

// addFirst adds the embeddings that a batch began as to the stream behind a layer, where a family does that.
func (r *run) addFirst(x, first []float32, l *layer, m int) {
	if l.skip == nil || m == 0 {
		return
	}
	e := l.p.Embd
	r.eachRow(m, func(_ *worker, row int) { addScaled(x[row*e:][:e], first[row*e:][:e], l.skip[0]) })
}

// multiplyHeads multiplies each head of a row by its number; without numbers nothing.
func multiplyHeads(x, by []float32, d int) {
	for i, b := range by {
		scale(x[i*d:][:d], b)
	}
}

// gateOf is what multiplies the outputs of attention, which is given h; nil where nothing does.
func (r *run) gateOf(h []float32, l *layer, m int) []float32 {
	if l.oGate.t == nil {
		return nil
	}
	gate := grow(&r.gates, m*l.oGate.n) // [m][H·D] or [m][H]
	r.apply(h, m, product{gate, &l.oGate})
	return gate
}

// gateBy multiplies them; each gate of a row is for so many numbers of a row of att.
func (r *run) gateBy(att, gate []float32, m int) {
	if gate == nil || m == 0 {
		return
	}
	width, n := len(att)/m, len(gate)/m
	r.eachRow(m, func(_ *worker, row int) {
		x := att[row*width:][:width]
		for i, g := range gate[row*n:][:n] {
			by := 1 / (1 + kernel.Exp(-g))
			if r.m.softGate {
				by = softplus(g)
			}
			for j := range width / n {
				x[i*(width/n)+j] *= by
			}
		}
	})
}

// asked is where the products go that queries are part of.
func (r *run) asked(q []float32, l *layer, m int) []float32 {
	if !l.queryGate {
		return q
	}
	return grow(&r.wide, m*l.q.n)
}

// asked is how many outputs the matrix of so many queries has.
func (l *layer) asked(q int) int {
	if l.queryGate {
		return 2 * q
	}
	return q
}

// partQueries takes queries and what multiplies the outputs of attention out of what has both, head by head.
func (r *run) partQueries(q, both []float32, l *layer, m int) []float32 {
	if !l.queryGate {
		return nil
	}
	gate, n, d := grow(&r.gates, len(q)), l.p.Heads*l.p.HeadDim, l.p.HeadDim
	r.eachRow(m, func(_ *worker, row int) {
		for at := row * n; at < (row+1)*n; at += d {
			copy(q[at:at+d], both[2*at:])
			copy(gate[at:at+d], both[2*at+d:])
		}
	})
	return gate
}

// think is the feed-forward network before its output matrix; it uses h.
func (r *run) think(x, h []float32, l *layer, m int) []float32 {
	up := grow(&r.up, m*l.p.FF) // [m][F]
	r.normalize(h, x, l.ffnNorm, m)
	if l.ffnShift != nil {
		mixed := grow(&r.convolved, m*l.p.Embd)
		r.shift(mixed, h, l.ffnShift, r.at)
		h = mixed
	}
	if l.ungated {
		r.apply(h, m, product{up, &l.up})
		if r.m.act == arch.XIELU {
			l.xielu.apply(up)
			return up
		}
		r.activate(up, nil, m)
		return up
	}
	gate := grow(&r.gate, m*l.p.FF) // [m][F]
	r.apply(h, m, product{gate, &l.gate}, product{up, &l.up})
	r.cutGates(gate, l, m)
	r.activateWithin(gate, up, l.sharedBound, m)
	return r.normPost(gate, l.ffnSub, m)
}

// apply computes products with x [m][k], after the observer has looked at it.
func (r *run) apply(x []float32, m int, products ...product) {
	r.look(x, m, products...)
	r.stop(x, products...)
	r.multiply(x, m, products...)
}

// stop is where a run may wait before it computes products with x, and go on with other weights.
func (r *run) stop(x []float32, products ...product) {
	if r.station == nil || r.err != nil {
		return
	}
	var next []arch.Role
	for _, p := range products {
		next = append(next, p.w.role)
	}
	before := r.hold(x)
	r.station(r.held, next)
	r.release(before)
}

// hold says what is needed after products that come in between, if that was not said before; release takes it back.
func (r *run) hold(x ...[]float32) (before int) {
	before = len(r.held)
	if r.station == nil {
		return before
	}
	for _, part := range x {
		if !slices.ContainsFunc(r.held, func(h []float32) bool { return len(h) == len(part) && (len(h) == 0 || &h[0] == &part[0]) }) {
			r.held = append(r.held, part)
		}
	}
	return before
}

func (r *run) release(before int) { r.held = r.held[:before] }

// look shows the observer what products are computed with.
func (r *run) look(x []float32, m int, products ...product) {
	if r.observe == nil || r.err != nil || m == 0 {
		return
	}
	for _, p := range products {
		r.observe(p.w.layer, p.w.role, x[:m*p.w.k], m, p.w.k)
	}
}

// rotate gives queries and keys their positions, and divides queries by √D. In deploy mode keys are then rounded
// as a half precision cache does; queries are not, as llama.cpp multiplies them in float32 when it reads a batch.
func (r *run) rotate(q, k []float32, at []place, l *layer) {
	p := l.p
	qdim, kdim := p.Heads*p.HeadDim, p.KVHeads*p.HeadDim
	scale, rope := attentionScale(&r.m.params), r.ropeOf(l)
	r.eachRow(len(at), func(w *worker, row int) {
		q := q[row*qdim:][:qdim]
		rope.rotate(q, at[row], p.HeadDim, r.m.neox)
		if r.m.late {
			r.normRow(q, l, l.qNorm)
		}
		r.normBare(q, l)
		multiplyHeads(q, l.qGain.weight, p.HeadDim)
		by := scale * r.m.temperature(at[row].pos, l)
		for i := range q {
			q[i] *= by
		}
		if l.borrows {
			return // what it uses has its positions
		}
		k := k[row*kdim:][:kdim]
		rope.rotate(k, at[row], p.HeadDim, r.m.neox)
		if r.m.late {
			r.normRow(k, l, l.kNorm)
		}
		r.normBare(k, l)
		if r.caches(l) {
			w.halve(k, k)
		}
	})
}

// caches says whether keys and values go through a cache of half precision.
func (r *run) caches(l *layer) bool { return r.mode == Deploy && !l.both }

// values makes m rows of values what attention means.
func (r *run) values(v []float32, l *layer, m int) {
	if !r.m.bareVals && !r.caches(l) {
		return
	}
	n := l.p.KVHeads * valueDim(l.p)
	r.eachRow(m, func(w *worker, row int) {
		v := v[row*n:][:n]
		if r.m.bareVals {
			r.normEach(v, l.p.HeadDim)
		}
		if r.caches(l) {
			w.halve(v, v)
		}
	})
}

// join adds what attention gives to x, and norms the sum where a family does that: some do so twice, with x added again between.
func (r *run) join(x, h []float32, l *layer, m int) {
	if l.attnSum.weight == nil {
		r.add(x, h, m)
		return
	}
	for _, n := range []norm{l.attnSum, l.attnSum2} {
		if n.weight != nil {
			r.add(h, x, m)
			r.normalize(h, h, n, m)
		}
	}
	copy(x, h[:m*l.p.Embd])
}

// add is x += h, scaled where a family says so.
func (r *run) add(x, h []float32, m int) {
	e := r.m.params.Embd
	if by := r.m.params.Scales.Residual; by != 0 && by != 1 {
		r.eachRow(m, func(_ *worker, row int) { addScaled(x[row*e:][:e], h[row*e:][:e], by) })
		return
	}
	r.sumOf(x, h, m)
}

// sumOf is x += h, of rows as wide as the stream.
func (r *run) sumOf(x, h []float32, m int) {
	e := r.m.params.Embd
	r.eachRow(m, func(_ *worker, row int) { kernel.Add(x[row*e:][:e], h[row*e:][:e]) })
}

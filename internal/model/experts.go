package model

import (
	"math"

	"quern/formats"
	"quern/internal/arch"
	"quern/internal/kernel"
)

// A mixture is the experts of a layer. The same matrix of all of them is one weight, of so many times the rows.
type mixture struct {
	bank
	used   int       // experts of a row
	router weight    // [X][E]
	bias   []float32 // [X] added to scores where experts are chosen, or nil
	groups bank      // a further expert for each group of them, or nothing

	before      bool      // it is given what its layer is, by a norm of its own, beside a dense network
	beside      bool      // it stands beside a dense network: a norm for each …
	norm        norm      // [E]
	post        norm      // [E] … and of what each adds
	densePost   norm      // [E]
	routerScale []float32 // [E] of the router's inputs
	outScale    []float32 // [X] of the experts' outputs

	narrow, wide weight // [EX][E], [E][EX]: what makes what experts are given, and the stream of what they make; or nothing
	wideNorm     norm   // [EX] of that before, or nothing

	share                        weight // [1][E] how much of the shared expert is added, or nothing for all of it
	sharedGate, sharedUp, shared weight // [S][E], [S][E], [E][S], or nothing
}

// A bank is the matrices of n experts, each of so many inner rows.
type bank struct {
	n, ff, e       int    // e is the width of what they are given, and of what they make
	joined         bool   // gate and up of an expert are one matrix
	ungated        bool   // there is no gate
	gate, up, down weight // [n·M][EX], [n·M][EX], [n·EX][M]; joined, gate is [n·2M][EX]
}

func (x *mixture) slots(p *arch.Params) []slot {
	m, e := &p.Mix, x.e
	list := []slot{
		{role: arch.RoleRouter, matrix: &x.router, n: m.Count, k: p.Embd},
		{role: arch.RoleRouterBias, vector: &x.bias, n: m.Count, may: true},
		{role: arch.RoleDownExps, matrix: &x.down, n: e, k: m.FF, stack: m.Count},
		{role: arch.RoleExpsNorm, norm: &x.norm, n: p.Embd, may: !x.beside && !x.before},
		{role: arch.RoleExpsPost, norm: &x.post, n: p.Embd, may: !x.beside},
		{role: arch.RoleDensePost, norm: &x.densePost, n: p.Embd, may: !x.beside},
		{role: arch.RoleRouterScale, vector: &x.routerScale, n: p.Embd, may: !x.beside},
		{role: arch.RoleExpertScale, vector: &x.outScale, n: m.Count, may: !x.beside},
	}
	if x.joined {
		list = append(list, slot{role: arch.RoleGateExps, matrix: &x.gate, n: 2 * m.FF, k: e, stack: m.Count})
	} else {
		list = append(list,
			slot{role: arch.RoleGateExps, matrix: &x.gate, n: m.FF, k: e, stack: m.Count, may: x.ungated},
			slot{role: arch.RoleUpExps, matrix: &x.up, n: m.FF, k: e, stack: m.Count})
	}
	if m.Latent > 0 {
		list = append(list, slot{role: arch.RoleLatentDown, matrix: &x.narrow, n: e, k: p.Embd}, slot{role: arch.RoleLatentUp, matrix: &x.wide, n: p.Embd, k: e},
			slot{role: arch.RoleLatentNorm, norm: &x.wideNorm, n: e, may: true})
	}
	if x.groups.n > 0 {
		list = append(list,
			slot{role: arch.RoleGateGroups, matrix: &x.groups.gate, n: m.GroupFF, k: p.Embd, stack: x.groups.n},
			slot{role: arch.RoleUpGroups, matrix: &x.groups.up, n: m.GroupFF, k: p.Embd, stack: x.groups.n},
			slot{role: arch.RoleDownGroups, matrix: &x.groups.down, n: p.Embd, k: m.GroupFF, stack: x.groups.n})
	}
	if m.SharedFF == 0 {
		return list
	}
	return append(list,
		slot{role: arch.RoleShareGate, matrix: &x.share, n: 1, k: p.Embd, may: true},
		slot{role: arch.RoleGateShared, matrix: &x.sharedGate, n: m.SharedFF, k: p.Embd, may: x.ungated},
		slot{role: arch.RoleUpShared, matrix: &x.sharedUp, n: m.SharedFF, k: p.Embd},
		slot{role: arch.RoleDownShared, matrix: &x.shared, n: p.Embd, k: m.SharedFF},
	)
}

// mixtureActs is what a token needs more of in a batch where there are experts: their sum, inputs and outputs, wider inner rows, what
// the router says and where it sends them.
func mixtureActs(p *arch.Params) int64 {
	m := &p.Mix
	if m.Count == 0 {
		return 0
	}
	wider := max(0, max(m.FF, m.SharedFF, m.GroupFF)-p.FF)
	return int64(4*(3*p.Embd+2*m.Latent+3*wider+m.Count) + (16+24)*m.Used)
}

// part is the matrix of one of several in a weight, each of n rows.
func (w *weight) part(i, n int) *weight {
	p := *w
	p.n = n
	t := *w.t
	t.Shape = []int{w.n, w.k}
	p.t = t.Part(i*n, n)
	if t.Scale != nil {
		p.t.Scale = t.Scale[i*n/(w.n/len(t.Scale)):][:1]
	}
	if w.bias != nil {
		p.bias = w.bias[i*n:][:n]
	}
	return &p
}

// feed adds what the feed-forward network makes of x to dst, which may be x; it uses h.
func (r *run) feed(dst, x, h []float32, l *layer, m int) {
	if !l.mixed {
		if l.p.FF == 0 {
			return
		}
		before := len(r.held)
		if l.receptance.t != nil {
			r.hold(h)
		}
		up := r.think(x, h, l, m)
		r.hold(up)
		by := r.receive(h, l, m)
		r.release(before)
		r.hold(by)
		r.apply(up, m, product{h, &l.down})
		r.release(before)
		r.gateBy(h, by, m)
		r.gain(h, l.ffnGain, m)
		r.add(dst, r.normPost(h, l.ffnPost, m), m)
		return
	}
	out := grow(&r.sum, m*r.m.params.Embd)
	clear(out)
	before := r.hold(out)
	switch {
	case l.mix.beside:
		r.besides(out, x, h, l, m)
	case l.mix.before:
		r.apply(r.think(x, h, l, m), m, product{out, &l.down})
		h = r.entry[:m*l.p.Embd]
		r.ask(h, l, m)
		r.experts(out, h, l, &l.mix.bank)
	default:
		r.normalize(h, x, l.ffnNorm, m)
		r.hold(h)
		r.ask(h, l, m)
		r.narrowed(out, h, l, m)
		r.groups(out, h, l, m)
		r.shared(out, h, l, m)
		if l.mix.shared.t != nil {
			r.scaleRows(out, r.m.blend, m)
		}
	}
	r.release(before)
	r.add(dst, r.normPost(out, l.ffnPost, m), m)
}

// narrowed is what experts make of h, or of what a matrix makes of it for them; out is zero before.
func (r *run) narrowed(out, h []float32, l *layer, m int) {
	x := &l.mix
	if x.narrow.t == nil {
		r.experts(out, h, l, &x.bank)
		return
	}
	in, made := grow(&r.narrowIn, m*x.e), grow(&r.narrowOut, m*x.e)
	r.apply(h, m, product{in, &x.narrow})
	clear(made)
	before := r.hold(in, made)
	r.experts(made, in, l, &x.bank)
	r.release(before)
	r.apply(r.normPost(made, x.wideNorm, m), m, product{out, &x.wide})
}

// enter is what experts are given that are given what their layer is.
func (r *run) enter(l *layer, b *batch) []float32 {
	if !l.mix.before {
		return nil
	}
	entry := grow(&r.entry, len(b.at)*l.p.Embd) // [m][E]
	r.normalize(entry, b.x, l.mix.norm, len(b.at))
	return entry
}

// ask lets the router send rows of h to experts.
func (r *run) ask(h []float32, l *layer, m int) {
	scores := grow(&r.scores, m*r.m.params.Mix.Count)
	if !r.m.early {
		r.apply(h, m, product{scores, &l.mix.router})
	}
	if l.table != nil {
		r.routeByToken(scores, l.table, m)
		return
	}
	r.route(scores, &l.mix, m)
}

// askEarly is what routers say that are given what their layers are, before attention.
func (r *run) askEarly(l *layer, b *batch) []float32 {
	if !r.m.early || !l.mixed {
		return nil
	}
	scores := grow(&r.scores, len(b.at)*r.m.params.Mix.Count) // [m][X]
	r.apply(b.x, len(b.at), product{scores, &l.mix.router})
	return scores
}

// besides adds to out what a dense network and experts beside it make of x, each with norms of its own; it uses h.
func (r *run) besides(out, x, h []float32, l *layer, m int) {
	e := l.p.Embd
	made := grow(&r.beside, m*e)
	r.apply(r.think(x, h, l, m), m, product{made, &l.down})
	r.hold(made)
	by := float32(1 / math.Sqrt(float64(e)))
	r.eachRow(m, func(_ *worker, row int) {
		h := h[row*e:][:e]
		r.normed(h, x[row*e:][:e], nil, nil)
		for i, s := range l.mix.routerScale {
			h[i] = float32(h[i]*s) * by
		}
	})
	r.ask(h, l, m)
	r.normalize(h, x, l.mix.norm, m)
	r.hold(h)
	r.experts(out, h, l, &l.mix.bank)
	r.normPost(made, l.mix.densePost, m)
	r.normPost(out, l.mix.post, m)
	r.sumOf(out, made, m)
}

// inner are products with an expert's matrices of gate and up, and what its gates are for: nil where there are none, and up takes their place.
func (x *bank) inner(i, f int, gate, up []float32) ([]product, []float32) {
	switch {
	case x.ungated:
		return []product{{gate, x.up.part(i, f)}}, nil
	case x.joined:
		second := x.gate.part(2*i+1, f)
		second.role = arch.RoleUpExps
		return []product{{gate, x.gate.part(2*i, f)}, {up, second}}, up
	}
	return []product{{gate, x.gate.part(i, f)}, {up, x.up.part(i, f)}}, up
}

// A stretch is a part of what experts do: each stretch begins where the one before was stopped, with the same rows.
type stretch int

const (
	whole    stretch = iota
	toInner          // shows the inputs of gate and up
	toOuter          // … of down
	fromThen         // shows nothing
)

// shows says whether inputs are shown that the stretch up to those shows.
func (s stretch) shows(to stretch) bool { return s == whole || s == to }

// experts adds to out what the experts make of the rows of h that are routed to them, expert by expert: a row's sum has the
// order of the experts, whoever computes it. A run that waits before products does so for all of them at once.
func (r *run) experts(out, h []float32, l *layer, x *bank) {
	if r.station == nil {
		r.stretch(whole, out, h, l, x)
		return
	}
	r.stretch(toInner, out, h, l, x)
	switch {
	case x.ungated:
		r.stop(h, product{w: &x.up})
	case x.joined:
		r.stop(h, product{w: &x.gate})
	default:
		r.stop(h, product{w: &x.gate}, product{w: &x.up})
	}
	r.stretch(toOuter, out, h, l, x)
	r.stop(h, product{w: &x.down})
	r.stretch(fromThen, out, h, l, x)
}

// groups adds what the experts make that groups share: each once for every expert of its group that a row was sent to, with that one's weight. Runtimes give them
// what the other experts made.
func (r *run) groups(out, h []float32, l *layer, m int) {
	x := &l.mix.groups
	if x.n == 0 {
		return
	}
	if r.mode == Deploy {
		copy(h, out[:m*l.p.Embd])
	}
	r.send(r.grouped, x.n, l.mix.used)
	r.experts(out, h, l, x)
}

// stretch does a part of that.
func (r *run) stretch(part stretch, out, h []float32, l *layer, x *bank) {
	e, f := x.e, x.ff
	for i := range x.n {
		routes := r.routes[r.begins[i]:r.begins[i+1]]
		n := len(routes)
		if n == 0 || r.err != nil {
			continue
		}
		in, y := grow(&r.taken, n*e), grow(&r.made, n*e)
		gate, up := grow(&r.gate, n*f), grow(&r.up, n*f)
		r.eachRow(n, func(_ *worker, row int) {
			copy(in[row*e:][:e], h[routes[row].row*e:])
			if r.m.inGate {
				scale(in[row*e:][:e], routes[row].weight)
			}
		})
		inner, gated := x.inner(i, f, gate, up)
		if part.shows(toInner) {
			r.lookExpert(i, in, n, inner...)
		}
		if part == toInner {
			continue
		}
		r.multiply(in, n, inner...)
		r.activateWithin(gate, gated, l.bound, n)
		outer := product{y, x.down.part(i, e)}
		if part.shows(toOuter) {
			r.lookExpert(i, gate, n, outer)
		}
		if part == toOuter {
			continue
		}
		r.multiply(gate, n, outer)
		r.eachRow(n, func(_ *worker, at int) {
			for i, n := at, sameRow(routes, at); i < at+n; i++ {
				by := routes[i].weight
				if r.m.inGate {
					by = 1
				}
				addScaled(out[routes[i].row*e:][:e], y[i*e:][:e], by)
			}
		})
	}
}

// lookExpert shows the observer what products with one of several matrices are computed with.
func (r *run) lookExpert(i int, x []float32, m int, products ...product) {
	if r.observeExpert != nil && r.err == nil {
		for _, p := range products {
			r.observeExpert(p.w.layer, p.w.role, i, x[:m*p.w.k], m, p.w.k)
		}
	}
}

// shared adds the expert that sees every row.
func (r *run) shared(out, h []float32, l *layer, m int) {
	x, e := &l.mix, r.m.params.Embd
	if x.shared.t == nil {
		return
	}
	f := x.shared.k
	gate, up, y := grow(&r.gate, m*f), grow(&r.up, m*f), grow(&r.made, m*e)
	if x.ungated {
		r.apply(h, m, product{gate, &x.sharedUp})
		r.activate(gate, nil, m)
	} else {
		r.apply(h, m, product{gate, &x.sharedGate}, product{up, &x.sharedUp})
		r.activateWithin(gate, up, l.sharedBound, m)
	}
	r.apply(gate, m, product{y, &x.shared})
	before := r.hold(y)
	defer r.release(before)
	if x.share.t == nil {
		r.sumOf(out, y, m)
		return
	}
	how := grow(&r.scores, m)
	r.apply(h, m, product{how, &x.share})
	r.eachRow(m, func(_ *worker, row int) {
		addScaled(out[row*e:][:e], y[row*e:][:e], 1/(1+kernel.Exp(-how[row])))
	})
}

// putStack fills a slot of several matrices, or their biases.
func (s *slot) putStack(t *formats.Tensor, layer int) error {
	if len(t.Shape) == 2 {
		if err := shaped(t, s.stack, s.n); err != nil {
			return err
		}
		s.matrix.bias = make([]float32, s.stack*s.n)
		return t.Rows.ReadRows(s.matrix.bias, 0)
	}
	*s.matrix = weight{t: t, n: s.stack * s.n, k: s.k, bias: s.matrix.bias, layer: layer, role: s.role, many: true}
	return shaped(t, s.stack, s.n, s.k)
}

// addScaled is x += h·by.
func addScaled(x, h []float32, by float32) {
	for i, v := range h {
		x[i] += float32(v * by)
	}
}

package model

import (
	"math"

	"quern/internal/arch"
)

// A latent is the attention of a layer whose keys and values come from a narrow one that all heads share. They are widened by one matrix
// (kvb), or keys never are: each head's matrix is applied to its queries (kb) and to what it attends to (vb) instead, as
// runtimes do.
type latent struct {
	qa       weight    // [QL][E], or nothing: then q is made of the residual stream itself
	qaNorm   []float32 // [QL]
	kva      weight    // [KL+R][E]
	kvaNorm  []float32 // [KL]
	ropeNorm []float32 // [R] of the part of all keys that is rotated, or nil
	kb, vb   weight    // [H·KL][N], [H·W][KL], or nothing
	kvb      weight    // [H·(N+W)][KL], or nothing
}

func (l *layer) latentSlots(p *arch.Params) []slot {
	a, x, q := &p.MLA, &l.mla, p.Heads*p.HeadDim
	list := append(l.index.slots(p), []slot{
		{role: arch.RoleKVA, matrix: &x.kva, n: a.KV + p.RopeDim, k: p.Embd},
		{role: arch.RoleKVANorm, vector: &x.kvaNorm, n: a.KV},
		{role: arch.RoleKNorm, vector: &x.ropeNorm, n: p.RopeDim, may: true},
		{role: arch.RoleKB, matrix: &x.kb, n: a.KV, k: a.Nope, stack: p.Heads, may: true},
		{role: arch.RoleVB, matrix: &x.vb, n: p.ValueDim, k: a.KV, stack: p.Heads, may: true},
		{role: arch.RoleKVB, matrix: &x.kvb, n: p.Heads * (a.Nope + p.ValueDim), k: a.KV, may: true},
		{role: arch.RoleO, matrix: &l.o, n: p.Embd, k: p.Heads * p.ValueDim},
		{role: arch.RoleAttnGate, matrix: &l.oGate, n: p.Gates(), k: p.Embd, may: true},
		{role: arch.RoleSinks, vector: &l.sinks, n: p.Heads, may: true},
	}...)
	if p.Index.Pool > 0 && !l.index.none {
		list = append(list, slot{role: arch.RoleIndexGate, matrix: &l.indexPool.gate, n: p.Index.Dim, k: p.Embd}, slot{role: arch.RoleIndexBias, table: &l.indexPool.bias, n: p.Index.Pool, k: p.Index.Dim})
	}
	if a.Q == 0 {
		return append(list, slot{role: arch.RoleQ, matrix: &l.q, n: q, k: p.Embd})
	}
	return append(list,
		slot{role: arch.RoleQA, matrix: &x.qa, n: a.Q, k: p.Embd},
		slot{role: arch.RoleQANorm, vector: &x.qaNorm, n: a.Q},
		slot{role: arch.RoleQ, matrix: &l.q, n: q, k: a.Q},
	)
}

// latentActs is what a token needs more of in a batch.
func latentActs(p *arch.Params) int64 {
	a := &p.MLA
	if a.KV == 0 {
		return 0
	}
	together, kv := min(p.Heads, headsTogether), max(a.KV, a.NearKV)
	split := together * (2*kv + p.RopeDim)
	wide := p.Heads * (max(p.HeadDim+a.Nope, 2*p.Near.Key) + 2*max(p.ValueDim, p.Near.Value))
	return int64(4 * (a.Q + 3*kv + 2*p.RopeDim + 2*max(p.HeadDim, p.Near.Key) + max(split, wide)))
}

// headsTogether are turned into queries of narrow keys at once: those are wide.
const headsTogether = 16

// mixLatent is attention before its output matrix; it uses h.
func (r *run) mixLatent(att, h []float32, l *layer, b *batch) {
	p, x, m := l.p, &l.mla, len(b.at)
	q, kva := grow(&r.q, m*p.Heads*p.HeadDim), grow(&r.kva, m*x.kva.n)
	r.normalize(h, b.x, l.attnNorm, m)
	var sees sight
	if x.qa.t == nil {
		r.apply(h, m, product{q, &l.q}, product{kva, &x.kva})
	} else {
		qa := grow(&r.qa, m*x.qa.n)
		r.apply(h, m, product{qa, &x.qa}, product{kva, &x.kva})
		r.eachRow(m, func(_ *worker, row int) {
			one := qa[row*x.qa.n:][:x.qa.n]
			r.normNarrow(one, one, x.qaNorm)
		})
		before := r.hold(kva, qa, h)
		r.apply(qa, m, product{q, &l.q})
		r.hold(q)
		sees = r.chooseSeen(h, qa, l, b)
		r.release(before)
	}
	before := r.hold(q, kva)
	gate := r.gateOf(h, l, m)
	r.release(before)
	r.hold(gate)
	narrow := grow(&r.v, m*p.MLA.KV) // [m][KL]
	r.narrow(narrow, kva, q, l, b.at)
	if x.kvb.t != nil {
		r.widened(att, q, narrow, kva, l, b, sees)
	} else {
		r.absorbed(att, q, narrow, kva, l, b, sees)
	}
	r.release(before)
	r.gateBy(att, gate, m)
}

// normNarrow norms what is narrow. The published code of these families leaves the epsilon of that at what its class assumes, whatever that of other norms is; runtimes do not, nor does
// one family.
func (r *run) normNarrow(h, x, weight []float32) {
	eps := 1e-6
	if r.mode == Deploy || r.m.oneEps {
		eps = float64(r.m.params.NormEps)
	}
	normed(h, x, weight, nil, eps, false)
}

// narrow norms the narrow keys, and gives the parts of keys (the end of each row of kva) and of queries that have one their
// positions.
func (r *run) narrow(narrow, kva, q []float32, l *layer, at []place) {
	p, x := l.p, &l.mla
	kl, rot, d, rope := p.MLA.KV, p.RopeDim, p.HeadDim, r.ropeOf(l)
	r.eachRow(len(at), func(_ *worker, row int) {
		k := kva[row*(kl+rot):][:kl+rot]
		r.normNarrow(narrow[row*kl:][:kl], k[:kl], x.kvaNorm)
		if x.ropeNorm != nil {
			r.normed(k[kl:], k[kl:], x.ropeNorm, nil)
		}
		if l.still {
			return
		}
		rope.rotate(k[kl:], at[row], rot, r.m.neox)
		q := q[row*p.Heads*d:][:p.Heads*d]
		for h := 0; h < len(q); h += d {
			rope.rotate(q[h+d-rot:h+d], at[row], rot, r.m.neox)
		}
	})
}

// attentionScale is what the comparison of a query with a key is multiplied by: 1/√D, and more where positions were stretched
// and their rotations do not grow.
func attentionScale(p *arch.Params) float32 {
	if p.Scales.Attention != 0 {
		return p.Scales.Attention
	}
	s := 1 / math.Sqrt(float64(p.HeadDim))
	if p.RopeType == "yarn" && p.Yarn.LogAll != 0 && p.RopeScale > 1 {
		grown := 1 + float64(0.1*p.Yarn.LogAll*arch.Natural(float64(p.RopeScale)))
		s *= grown * grown
	}
	return float32(s)
}

// absorbed compares queries with the narrow keys, some heads at a time, and widens what they attend to. Where queries grow with their position they do so
// when they are compared, as in runtimes: before that deploy mode rounds them.
func (r *run) absorbed(att, q, narrow, kva []float32, l *layer, b *batch, sees sight) {
	p, m := l.p, len(b.at)
	kl, rot := p.MLA.KV, p.RopeDim
	keys := grow(&r.k, m*(kl+rot))
	r.eachRow(m, func(w *worker, row int) {
		k := keys[row*(kl+rot):][:kl+rot]
		copy(k, narrow[row*kl:][:kl])
		copy(k[kl:], kva[row*(kl+rot)+kl:][:rot])
		if r.mode == Deploy {
			w.halve(k, k)
		}
	})
	values := narrow
	if r.mode == Deploy {
		r.eachRow(m, func(_ *worker, row int) { copy(narrow[row*kl:][:kl], keys[row*(kl+rot):]) })
	}
	if r.station == nil {
		r.absorb(whole, att, q, keys, values, l, b, sees)
		return
	}
	before := r.hold(q, keys, values)
	r.absorb(toInner, att, q, keys, values, l, b, sees)
	r.stop(q, product{w: &l.mla.kb})
	r.absorb(toOuter, att, q, keys, values, l, b, sees)
	r.stop(q, product{w: &l.mla.vb})
	r.release(before)
	r.absorb(fromThen, att, q, keys, values, l, b, sees)
}

// absorb does a part of that, with the keys and values of all tokens.
func (r *run) absorb(part stretch, att, q, keys, values []float32, l *layer, b *batch, sees sight) {
	p, m := l.p, len(b.at)
	kl, rot, n, w, by := p.MLA.KV, p.RopeDim, p.MLA.Nope, p.ValueDim, attentionScale(l.p)
	in, out := grow(&r.taken, m*max(n, kl)), grow(&r.made, m*max(w, kl))
	for from := 0; from < p.Heads; from += headsTogether {
		g := min(headsTogether, p.Heads-from)
		wide, ld := grow(&r.wide, m*g*(kl+rot)), g*(kl+rot)
		for i := range g {
			at := (from + i) * p.HeadDim
			r.eachRow(m, func(_ *worker, row int) { copy(in[row*n:][:n], q[row*p.Heads*p.HeadDim+at:]) })
			inner := product{out[:m*kl], l.mla.kb.part(from+i, kl)}
			if part.shows(toInner) {
				r.lookExpert(from+i, in[:m*n], m, inner)
			}
			if part == toInner {
				continue
			}
			r.multiply(in[:m*n], m, inner)
			r.eachRow(m, func(_ *worker, row int) {
				dst := wide[row*ld+i*(kl+rot):][:kl+rot]
				copy(dst, out[row*kl:][:kl])
				copy(dst[kl:], q[row*p.Heads*p.HeadDim+at+n:][:rot])
				scale(dst, by*r.m.temperature(b.at[row].pos, l))
			})
		}
		if part == toInner {
			continue
		}
		mixed := grow(&r.mixed, m*g*kl)
		r.attend(mixed, wide, keys, values, b.seqs, heads{n: g, shared: 1, key: kl + rot, value: kl, window: l.window, sees: sees, sinks: ofHeads(l.sinks, from, g)})
		for i := range g {
			r.eachRow(m, func(_ *worker, row int) { copy(in[row*kl:][:kl], mixed[(row*g+i)*kl:]) })
			outer := product{out[:m*w], l.mla.vb.part(from+i, w)}
			if part.shows(toOuter) {
				r.lookExpert(from+i, in[:m*kl], m, outer)
			}
			if part == toOuter {
				continue
			}
			r.multiply(in[:m*kl], m, outer)
			r.eachRow(m, func(_ *worker, row int) {
				copy(att[row*p.Heads*w+(from+i)*w:][:w], out[row*w:][:w])
			})
		}
	}
}

// widened makes keys and values of all heads.
func (r *run) widened(att, q, narrow, kva []float32, l *layer, b *batch, sees sight) {
	p, m := l.p, len(b.at)
	kl, rot, n, w, d := p.MLA.KV, p.RopeDim, p.MLA.Nope, p.ValueDim, p.HeadDim
	both := grow(&r.wide, m*p.Heads*(n+w))
	before := r.hold(q, kva)
	r.apply(narrow, m, product{both, &l.mla.kvb})
	r.release(before)
	keys, values, by := grow(&r.k, m*p.Heads*d), grow(&r.mixed, m*p.Heads*w), attentionScale(l.p)
	r.eachRow(m, func(wk *worker, row int) {
		scale(q[row*p.Heads*d:][:p.Heads*d], by*r.m.temperature(b.at[row].pos, l))
		for h := range p.Heads {
			from := both[(row*p.Heads+h)*(n+w):][:n+w]
			k, v := keys[(row*p.Heads+h)*d:][:d], values[(row*p.Heads+h)*w:][:w]
			copy(k, from[:n])
			copy(k[n:], kva[row*(kl+rot)+kl:][:rot])
			copy(v, from[n:])
			if r.mode == Deploy {
				wk.halve(k, k)
				wk.halve(v, v)
			}
		}
	})
	r.attend(att, q, keys, values, b.seqs, heads{n: p.Heads, shared: p.Heads, key: d, value: w, window: l.window, sees: sees, sinks: l.sinks})
}

// ofHeads is n numbers of a list, or nil of none.
func ofHeads(x []float32, from, n int) []float32 {
	if x == nil {
		return nil
	}
	return x[from:][:n]
}

// scale is x *= by.
func scale(x []float32, by float32) {
	for i := range x {
		x[i] *= by
	}
}

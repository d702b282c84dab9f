package model

import (
	"quern/internal/arch"
	"quern/internal/kernel"
)

// A lightning is the weights of lightning attention.
type lightning struct {
	in   weight // [3·I][E]: for each head what reads its state, its key and its value
	gate weight // [I][E]
	norm norm   // [I]
	out  weight // [E][I]
}

// lightningAttention has heads of states [D][D]: S becomes λ·S + k·v, an outer product, and q reads it (arXiv:2401.04658). λ is e to the minus 2^(-8h/H) for head h of H, from
// one on, times how far a layer is from the last. What comes out is normed as a whole, and multiplied by the sigmoid of gates.
type lightningAttention struct{}

func (lightningAttention) slots(l *layer) []slot {
	x, s, e := &l.lightning, &l.p.State, l.p.Embd
	return []slot{
		{role: arch.RoleStateIn, matrix: &x.in, n: 3 * s.Inner, k: e},
		{role: arch.RoleStateGate, matrix: &x.gate, n: s.Inner, k: e},
		{role: arch.RoleStateNorm, norm: &x.norm, n: s.Inner},
		{role: arch.RoleStateOut, matrix: &x.out, n: e, k: s.Inner},
	}
}

func (lightningAttention) out(l *layer) *weight { return &l.lightning.out }
func (lightningAttention) acts(l *layer) int    { return 4 * l.p.State.Inner }

func (lightningAttention) keep(r *run, dst, h []float32, l *layer, b *batch) {
	x, s, m := &l.lightning, &l.p.State, len(b.at)
	n, d := s.Inner, s.Size
	made, gate := grow(&r.state, 3*m*n), grow(&r.gates, m*n)
	r.apply(h, m, product{made, &x.in}, product{gate, &x.gate})
	r.eachRow(m, func(w *worker, row int) { w.silu(made[row*3*n:][:3*n]) })
	paces := slopes(s.Heads, 8)
	scale(paces, 1-float32(x.in.layer)/float32(max(1, r.m.params.Layers-1))+1e-5)
	r.parallel(len(b.seqs)*s.Heads, func(w *worker, task int) error {
		seq, head := b.seqs[task/s.Heads], task%s.Heads
		state, stays := grow(&w.state, d*d), kernel.Exp(-paces[head])
		clear(state)
		for row := seq.from; row < seq.from+seq.n; row++ {
			from := made[row*3*n+head*3*d:][:3*d]
			kernel.Scan(dst[row*n+head*d:][:d], state, from[2*d:], from[d:2*d], from[:d], stays)
		}
		return nil
	})
	eps := 1e-6 // of the published code
	if r.mode == Deploy {
		eps = float64(r.m.params.NormEps)
	}
	r.eachRow(m, func(_ *worker, row int) { normed(dst[row*n:][:n], dst[row*n:][:n], x.norm.weight, nil, eps, false) })
	r.gateBy(dst[:m*n], gate, m)
}

package model

import (
	"math"
	"slices"

	"quern/internal/arch"
	"quern/internal/kernel"
)

// An adapter is the matrices of low rank of all adapters beside one of a layer's: what the first makes of its inputs the second adds to its outputs.
type adapter struct {
	a, b weight // [S·R][k], [S·n][R]
}

// adapters are the slots of a layer.
func (l *layer) adapters(p *arch.Params) (list []slot) {
	s := &p.Switch
	if s.Count == 0 {
		return nil
	}
	q, kv := p.Heads*p.HeadDim, p.KVHeads*p.HeadDim
	for i, of := range []struct {
		w    *weight
		a, b arch.Role
		k, n int
	}{
		{&l.q, arch.RoleSwitchQ, arch.RoleSwitchQB, p.Embd, q}, {&l.k, arch.RoleSwitchK, arch.RoleSwitchKB, p.Embd, kv}, {&l.v, arch.RoleSwitchV, arch.RoleSwitchVB, p.Embd, kv},
		{&l.o, arch.RoleSwitchO, arch.RoleSwitchOB, q, p.Embd}, {&l.gate, arch.RoleSwitchGate, arch.RoleSwitchGateB, p.Embd, p.FF}, {&l.up, arch.RoleSwitchUp, arch.RoleSwitchUpB, p.Embd, p.FF},
		{&l.down, arch.RoleSwitchDown, arch.RoleSwitchDownB, p.FF, p.Embd},
	} {
		low := &l.low[i]
		of.w.low = i + 1
		list = append(list,
			slot{role: of.a, matrix: &low.a, n: s.Rank, k: of.k, stack: s.Count + 1},
			slot{role: of.b, matrix: &low.b, n: of.n, k: s.Rank, stack: s.Count + 1})
	}
	return list
}

// chooseAdapters says of each row of a batch which adapter it has, if the model has any: the mean of those that tokens up to it chose, where tokens that choose none weigh next to nothing.
func (r *run) chooseAdapters(l *layer, b *batch) {
	s := &r.m.params.Switch
	if s.Count == 0 {
		return
	}
	chosen, little := make([]float32, len(b.at)), float64(kernel.Exp(-2*s.Gain))
	for _, of := range b.seqs {
		sum, weight := 0.0, 0.0
		for row := of.from; row < of.from+of.n; row++ {
			by, slot := little, 0
			for i, id := range s.Tokens {
				if id == b.at[row].token {
					by, slot = 1, i+1
				}
			}
			sum, weight = sum+by*float64(slot), weight+by
			chosen[row] = float32(math.Round(float64(float32(sum / weight))))
		}
	}
	r.adapted, r.low = chosen, &l.low
}

// stands is the token whose embedding a token has: another one's where it chooses an adapter.
func (m *Model) stands(token int32) int32 {
	if i := slices.Index(m.params.Switch.Tokens, token); i >= 0 {
		return m.params.Switch.Substitutes[i]
	}
	return token
}

// adapt adds what adapters make of x [m][k] to a product's outputs, those of each adapter together.
func (r *run) adapt(x []float32, m int, p product) {
	s, low, k, n, ld := &r.m.params.Switch, &r.low[p.w.low-1], p.w.k, p.w.n, p.ld(m)
	for slot := 1; slot <= s.Count; slot++ {
		var rows []int
		for row, of := range r.adapted[:m] {
			if int(of) == slot {
				rows = append(rows, row)
			}
		}
		if len(rows) == 0 {
			continue
		}
		in, few, out := grow(&r.adaptIn, len(rows)*k), grow(&r.adaptFew, len(rows)*s.Rank), grow(&r.adaptOut, len(rows)*n)
		for i, row := range rows {
			copy(in[i*k:][:k], x[row*k:])
		}
		r.multiply(in, len(rows), product{few, low.a.part(slot, s.Rank)})
		r.multiply(few, len(rows), product{out, low.b.part(slot, n)})
		for i, row := range rows {
			kernel.Add(p.dst[row*ld:][:n], out[i*n:][:n])
		}
	}
}

// adapterActs is how many bytes a token needs for that.
func adapterActs(p *arch.Params) int64 {
	if p.Switch.Count == 0 {
		return 0
	}
	return int64(4 * (2*max(p.Embd, p.FF, p.Heads*p.HeadDim) + p.Switch.Rank + 1))
}

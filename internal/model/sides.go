package model

import "quern/internal/arch"

// Models with an encoder and a decoder have two legs, and a text goes through each in part: the encoder reads its beginning, up to the first token that is to be predicted, and
// the decoder, which begins with a token of its own and looks at what the encoder made, goes on from there. What stands at a position of the decoder is, as in any model, what
// predicts the token behind that position of the text.

// A cross is what a layer of a decoder has between attention and its feed-forward network: queries of the stream, which look at what an encoder read.
type cross struct {
	norm norm   // [E]
	q    weight // [H*D][E]
	k, v weight // [KV*D][E]
	o    weight // [E][H*D]
}

func (c *cross) slots(p *arch.Params) []slot {
	q, kv := p.Heads*p.HeadDim, p.KVHeads*p.HeadDim
	return []slot{
		{role: arch.RoleCrossNorm, norm: &c.norm, n: p.Embd},
		{role: arch.RoleCrossQ, matrix: &c.q, n: q, k: p.Embd},
		{role: arch.RoleCrossK, matrix: &c.k, n: kv, k: p.Embd},
		{role: arch.RoleCrossV, matrix: &c.v, n: kv, k: p.Embd},
		{role: arch.RoleCrossO, matrix: &c.o, n: p.Embd, k: q},
	}
}

// sides says whether a model has an encoder and a decoder.
func (m *Model) sides() bool { return m.params.Sides.Encoder > 0 }

// Decodes says that an encoder reads the beginning of a text, and that states are those of a decoder, which predicts the rest: they begin before the first position that is wanted,
// or, where all are, in the middle.
func (m *Model) Decodes() bool { return m.sides() }

// cuts are how many tokens of each sequence an encoder reads: those up to the first position that is wanted, where the decoder begins; half of them and one where nothing
// is, or all. nil: there is no encoder.
func (m *Model) cuts(seqs [][]int32, want func(seq, pos int) bool) (cuts []int) {
	if !m.sides() {
		return nil
	}
	for i, tokens := range seqs {
		n := min(len(tokens), len(tokens)/2+1)
		for pos := 0; want != nil && pos < len(tokens); pos++ {
			if want(i, pos) {
				n = pos + 1
				break
			}
		}
		cuts = append(cuts, n)
	}
	return cuts
}

// begins is the first position of sequence i that has states.
func begins(cuts []int, i int) int {
	if cuts == nil {
		return 0
	}
	return max(0, cuts[i]-1)
}

// part is what an encoder reads of sequences, and what goes through the other layers; nil and all where there is no encoder.
func (m *Model) part(seqs [][]int32, cuts []int) (read, said [][]int32) {
	if cuts == nil {
		return nil, seqs
	}
	for i, tokens := range seqs {
		n := cuts[i]
		read, said = append(read, tokens[:n]), append(said, nil)
		if n > 0 {
			said[i] = append([]int32{int32(m.params.Sides.Start)}, tokens[n:]...)
		}
	}
	return read, said
}

// work is how many tokens go through a layer, for all layers.
func (m *Model) work(seqs [][]int32, cuts []int) (n int) {
	for i, tokens := range seqs {
		if cuts == nil {
			n += len(tokens) * m.params.Passes()
			continue
		}
		n += cuts[i]*m.params.Sides.Encoder + (len(tokens)-begins(cuts, i))*m.params.Sides.Decoder
	}
	return n
}

// of is the part of a group that goes through a leg.
func (g *group) of(l leg) *group {
	if l.reads {
		return g.read
	}
	return g
}

// lookAcross ends attention's part of a layer, and makes att anew of what an encoder read, where a layer looks at that; it uses h.
func (r *run) lookAcross(att, h []float32, l *layer, b *batch) {
	c := &l.cross
	if c.q.t == nil {
		return
	}
	m, n := len(b.at), len(b.read.at)
	r.apply(att, m, product{h, &l.o})
	r.add(b.x, h, m)
	q := grow(&r.q, m*c.q.n)                         // [m][H·D]
	k, v := grow(&r.k, n*c.k.n), grow(&r.v, n*c.v.n) // [n][KV·D] each
	r.normalize(h, b.x, c.norm, m)
	r.apply(h, m, product{q, &c.q})
	before := r.hold(q)
	r.apply(b.read.x, n, product{k, &c.k}, product{v, &c.v})
	r.release(before)
	r.scaleRows(q, attentionScale(&r.m.params), m)
	of := r.heads(l, sight{})
	of.both, of.relative, of.read = true, nil, b.read.seqs
	r.attend(att, q, k, v, b.seqs, of)
}

// behind is the last matrix of a layer before its feed-forward network.
func (l *layer) behind() *weight {
	if l.cross.o.t != nil {
		return &l.cross.o
	}
	return &l.o
}

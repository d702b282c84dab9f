package model

import (
	"math"

	"quern/formats"
	"quern/internal/arch"
	"quern/internal/kernel"
)

// A grams is what a layer has that adds to its streams embeddings of the last few tokens (Qwen 4's n-grams): hashes of these name rows of a table, matrices make of all rows of a
// token a key for each stream and one value, each stream takes as much of the value as it is like its key, and a convolution over positions goes beside.
type grams struct {
	there bool
	table *formats.Tensor // [NR][ND]

	key, value                   weight // [U·E][NW]; [E][NW]
	keyNorm, queryNorm, convNorm norm   // [U·E]
	conv                         convolution
}

func (g *grams) slots(p *arch.Params) []slot {
	if !g.there {
		return nil
	}
	n := &p.NGrams
	wide, all := p.Hyper.Streams*p.Embd, n.Dim*n.Hashes()
	return []slot{
		{role: arch.RoleGramKey, matrix: &g.key, n: wide, k: all},
		{role: arch.RoleGramValue, matrix: &g.value, n: p.Embd, k: all},
		{role: arch.RoleGramKeyNorm, norm: &g.keyNorm, n: wide},
		{role: arch.RoleGramQueryNorm, norm: &g.queryNorm, n: wide},
		{role: arch.RoleGramConvNorm, norm: &g.convNorm, n: wide},
		{role: arch.RoleGramConv, table: &g.conv.weight, turned: true, n: wide, k: n.Kernel},
	}
}

// addGrams adds that to the streams x [m][U][E], in a layer that has it.
func (r *run) addGrams(x []float32, l *layer, b *batch) {
	g, n := &l.grams, &r.m.params.NGrams
	if !g.there {
		return
	}
	e, u, m := l.p.Embd, r.m.streams, len(b.at)
	wide, all := u*e, n.Dim*n.Hashes()
	rows, value := grow(&r.first, m*all), grow(&r.past, m*e)
	key, gated := grow(&r.active, m*wide), grow(&r.opened, m*wide)
	r.tryRows(m, func(_ *worker, row int) error { return g.lookUp(rows[row*all:][:all], n, b.at, row) })
	r.apply(rows, m, product{key, &g.key}, product{value, &g.value})
	r.eachRow(m, func(w *worker, row int) {
		query := grow(&w.rows, e)
		for i := range u {
			at, in := row*wide+i*e, i*e
			k, y := key[at:at+e], gated[at:at+e]
			r.normed(k, k, g.keyNorm.weight[in:in+e], nil)
			r.normed(query, x[at:at+e], g.queryNorm.weight[in:in+e], nil)
			copy(y, value[row*e:][:e])
			scale(y, openTo(k, query))
			r.normed(k, y, g.convNorm.weight[in:in+e], nil)
		}
	})
	conv, beside := g.conv, grow(&r.convolved, m*wide)
	conv.apart = n.Size
	r.convolve(beside, key, wide, wide, &conv, b)
	r.eachRow(m, func(w *worker, row int) {
		y := gated[row*wide:][:wide]
		w.silu(beside[row*wide:][:wide])
		kernel.Add(y, beside[row*wide:][:wide])
		kernel.Add(x[row*wide:][:wide], y)
	})
}

// openTo is how much of a value a query takes by its key: the sigmoid of the root of how alike they are.
func openTo(key, query []float32) float32 {
	sum := 0.0
	for i, k := range key {
		sum += float64(k) * float64(query[i])
	}
	sum /= math.Sqrt(float64(len(key)))
	root := math.Sqrt(max(math.Abs(sum), 1e-6))
	if sum == 0 {
		root = 0
	}
	return sigmoid(float32(math.Copysign(root, sum)))
}

// lookUp reads the rows of the token in a row of a batch, one behind the other: of its hashes with one token before it, with two, and so on. What is before a sequence is End, and so
// is what is before an End, which is no reason for the token itself to stand alone.
func (g *grams) lookUp(dst []float32, n *arch.NGrams, at []place, row int) error {
	mixed, ended := uint64(at[row].token)*n.Multipliers[0], false
	for before := 1; before < n.Size; before++ {
		token := int32(n.End)
		if !ended && before <= at[row].pos {
			token = at[row-before].token
		}
		ended = ended || token == int32(n.End)
		mixed ^= uint64(token) * n.Multipliers[before]
		for i := (before - 1) * n.Heads; i < before*n.Heads; i++ {
			if err := g.table.Rows.ReadRows(dst[i*n.Dim:][:n.Dim], int(n.Offsets[i]+mixed%n.Sizes[i])); err != nil {
				return inTensor(g.table, err)
			}
		}
	}
	return nil
}

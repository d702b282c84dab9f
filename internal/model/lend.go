package model

// Keys and values of layers that others use are kept for a whole group: one layer with a window, and one without.
type lent struct{ k, v []float32 } // [tokens][KV·D]

// kind is the place of a layer's keys among those that are kept.
func (l *layer) kind() int {
	if l.window > 0 {
		return 0
	}
	return 1
}

// reserve makes room for what a group keeps besides its stream.
func (m *Model) reserve(g *group) {
	n := len(g.place)
	grow(&g.side, n*m.params.Layers*m.params.Side)
	grow(&g.first, n*m.skips())
	grow(&g.values, n*m.firsts())
	for i := range g.stack {
		grow(&g.stack[i], n*len(m.low))
	}
	for i := range m.layers {
		if l := &m.layers[i]; l.lends {
			kept, wide := &g.kept[l.kind()], l.p.KVHeads*l.p.HeadDim
			grow(&kept.k, n*wide)
			grow(&kept.v, n*wide)
		}
	}
}

// skips is how many numbers of its embedding a token keeps for what layers add.
func (m *Model) skips() int {
	if m.layers[0].skip == nil {
		return 0
	}
	return m.params.Embd
}

// firsts is how many values of the first layer a token keeps for the others.
func (m *Model) firsts() int { return len(m.layers[0].goose.unit) }

// keptBytes is what a token takes of that.
func (m *Model) keptBytes() int64 {
	n := m.params.Layers*m.params.Side + m.skips() + m.firsts() + 2*len(m.low)
	for i := range m.layers {
		if l := &m.layers[i]; l.lends {
			n += 2 * l.p.KVHeads * l.p.HeadDim
		}
	}
	return 4 * int64(n)
}

// share gives a batch its rows, from…to-1.
func (g *group) share(b *batch, from, to int) {
	part := func(x []float32) []float32 {
		wide := len(x) / max(1, len(g.place))
		return x[from*wide : to*wide]
	}
	b.side, b.first, b.values = part(g.side), part(g.first), part(g.values)
	for i, x := range g.stack {
		b.stack[i] = part(x)
	}
	for i, kept := range g.kept {
		b.kept[i] = lent{part(kept.k), part(kept.v)}
	}
}

// keysAndValues is where those of a layer are, or go.
func (r *run) keysAndValues(l *layer, b *batch) (k, v []float32) {
	if l.lends || l.borrows {
		kept := b.kept[l.kind()]
		return kept.k, kept.v
	}
	n := len(b.at) * l.p.KVHeads
	return grow(&r.k, n*l.p.HeadDim), grow(&r.v, n*valueDim(l.p))
}

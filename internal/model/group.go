package model

import "quern/internal/kernel"

// A group is the sequences that go through the model together: only their residual stream is kept, while each layer runs
// over their batches.
type group struct {
	x       []float32    // [tokens][E], of every stream
	side    []float32    // [tokens][L*P] what every layer is given besides
	first   []float32    // [tokens][E] embeddings, where layers add them to the stream again
	stack   [2][]float32 // [tokens][E] the streams of two stacks, the low one's first, or nothing
	values  []float32    // [tokens][E] of the first layer, where others take of them
	kept    [2]lent      // of layers with a window, and of those without
	place   []place
	batches []batch
	read    *group // what an encoder reads of the same sequences, or nil
}

// A batch is the sequences of a group that go through a layer together.
type batch struct {
	seqs   []sequence   // rows within the batch
	x      []float32    // [m][E] of the group's
	side   []float32    // [m][L*P] likewise
	first  []float32    // [m][E] likewise
	stack  [2][]float32 // likewise
	values []float32    // likewise
	kept   [2]lent      // likewise
	sees   sight        // what the last layer chose that did, where others see that, too
	at     []place      // [m]
	want   []bool       // [m] rows that are needed after the last layer
	out    []float32    // for their final states
	read   *batch       // what an encoder reads of the same sequences, or nil
}

// A place is where in its sequence a row of a batch stands, and its token.
type place struct {
	pos   int
	token int32
	far   bool // its sequence is longer than those of training
}

// group puts sequences one after the other and cuts them into batches. want and out are those of all tokens that have states, or nil.
func (r *run) group(seqs [][]int32, cuts []int, want []bool, out []float32) *group {
	read, said := r.m.part(seqs, cuts)
	g := &r.lent
	r.lay(g, seqs, said)
	if g.read = nil; read != nil {
		g.read = &r.lentRead
		r.lay(g.read, seqs, read)
	}
	r.rope.reach(longest(seqs))
	r.near.reach(longest(seqs))
	for at := 0; len(seqs) > 0; {
		n := upTo(seqs, r.budget.batch)
		b := r.cut(g, said[:n])
		if want != nil {
			b.want = want[at : at+len(b.at)]
			b.out = out[:count(b.want)*r.m.params.Embd]
			out = out[len(b.out):]
		}
		at += len(b.at)
		if read != nil {
			of := r.cut(g.read, read[:n])
			g.read.batches, b.read = append(g.read.batches, of), &of
			read = read[n:]
		}
		g.batches = append(g.batches, b)
		seqs, said = seqs[n:], said[n:]
	}
	return g
}

// lay makes room for the rows of parts, of whole sequences each.
func (r *run) lay(g *group, whole, parts [][]int32) {
	g.place, g.batches = grow(&g.place, 0), grow(&g.batches, 0)
	for i, tokens := range parts {
		far := r.m.far(len(whole[i]))
		for pos, id := range tokens {
			g.place = append(g.place, place{pos, id, far})
		}
	}
	grow(&g.x, len(g.place)*r.m.params.Embd*r.m.streams)
	r.m.reserve(g)
}

// cut is the next batch of a group, of so many parts of sequences.
func (r *run) cut(g *group, parts [][]int32) batch {
	wide, from, m := r.m.params.Embd*r.m.streams, 0, 0
	for _, b := range g.batches {
		from += len(b.at)
	}
	var seqs []sequence
	for _, tokens := range parts {
		if len(tokens) > 0 {
			seqs = append(seqs, sequence{m, len(tokens)})
		}
		m += len(tokens)
	}
	b := batch{seqs: seqs, x: g.x[from*wide : (from+m)*wide], at: g.place[from : from+m]}
	g.share(&b, from, from+m)
	return b
}

// start fills the residual stream with the embedding of every token.
func (r *run) start(g *group) {
	if g.read != nil {
		r.start(g.read)
	}
	e := r.m.params.Embd
	wide := e * r.m.streams
	r.tryRows(len(g.place), func(w *worker, row int) error {
		x := g.x[row*wide:][:e]
		if err := r.m.embed.Rows.ReadRows(x, int(r.m.stands(g.place[row].token))); err != nil {
			return inTensor(r.m.embed, err)
		}
		if s := r.m.scale; s != 0 {
			scale(x, s)
		}
		if r.m.types != nil {
			kernel.Add(x, r.m.types)
		}
		if err := r.m.positioned(w, x, g.place[row].pos); err != nil {
			return inTensor(r.m.positions, err)
		}
		if n := r.m.embedNorm; n.weight != nil {
			r.normed(x, x, n.weight, n.bias)
		}
		if r.m.embedBare {
			r.normed(x, x, nil, nil)
		}
		if len(g.first) > 0 {
			copy(g.first[row*e:][:e], x)
		}
		return nil
	})
	for i := range g.batches {
		b := &g.batches[i]
		x := r.stream(b.x, 0, len(b.at))
		r.startSide(b, x)
		r.spread(b, x)
		r.startStacks(b)
	}
}

// positioned adds the vector of a position, where a family has such.
func (m *Model) positioned(w *worker, x []float32, pos int) error {
	if m.positions == nil {
		return nil
	}
	v := grow(&w.rows, len(x))
	if err := m.positions.Rows.ReadRows(v, pos); err != nil {
		return err
	}
	kernel.Add(x, v)
	return nil
}

// step tells how far the run is.
func (r *run) step(layer, tokens int) {
	if r.report != nil && r.err == nil {
		r.told.Layer, r.told.Done = layer, r.told.Done+tokens
		r.report(r.told)
	}
}

// keep moves the wanted rows of x, each of n columns, to the front and returns how many there are.
func keep(x []float32, want []bool, n int) (m int) {
	for row, w := range want {
		if w {
			copy(x[m*n:][:n], x[row*n:])
			m++
		}
	}
	return m
}

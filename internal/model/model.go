// Package model computes what a checkpoint predicts: token ids in, final hidden states and logits out. Whole sequences
// are run in batches, one layer after the other, and each weight is decoded once for a batch: weights of any storage type
// come straight from the tensors of the checkpoint, and nothing of their size is held in memory.
package model

import (
	"math"
	"slices"
	"sync"

	"quern/formats"
	"quern/internal/arch"
)

// A Model is a checkpoint that can be run. Its methods may be called by several goroutines at once.
type Model struct {
	params arch.Params
	neox   bool // rotary pairs are (i, i+D/2) instead of (2i, 2i+1)

	act    func(gate, up []float32)
	blind  bool    // runtimes know no window
	smooth bool    // yarn's ramp
	scale  float32 // of embeddings, 0: none

	embed  *formats.Tensor // [V][E]
	layers []layer
	norm   []float32 // [E]
	head   weight    // [V][E], the embedding where the two are tied

	path  string // of the checkpoint, for errors
	close func() error

	mu   sync.Mutex
	idle []*scratch // what finished calls leave for the next ones
}

// A layer is the weights of one transformer layer. Norms and biases are small and decoded; matrices stay promises.
type layer struct {
	attnNorm []float32 // [E], or nil
	attnPost []float32 // [E] of what attention adds, or nil
	q        weight    // [H*D][E]
	k, v     weight    // [KV*D][E]
	qNorm    []float32 // [D] of each head, or [H*D], or nil
	kNorm    []float32 // [D], or [KV*D]
	o        weight    // [E][H*D]
	ffnNorm  []float32 // [E], or nil
	ffnPost  []float32 // [E] of what the feed-forward network adds, or nil
	gate, up weight    // [F][E]
	down     weight    // [E][F]

	sinks  []float32 // [H] what a head gives to nothing, or nil
	window int       // positions that a query sees, itself included; 0 = all
	still  bool      // nothing is rotated
	bare   bool      // its parts are given the residual stream without a norm

	mixed bool    // there is a mixture of experts instead of the last three
	mix   mixture //
	mla   latent  // where there is one, k and v stay empty
	whole bool    // queries and keys are normed as a whole
}

// A weight is a matrix of n outputs with k inputs each, and its bias.
type weight struct {
	t     *formats.Tensor
	n, k  int
	bias  []float32 // [n], or nil
	layer int       // -1 outside the layers
	role  arch.Role
}

// Open makes a model of a checkpoint of any format. Only norms and biases are read; src stays open until Close.
func Open(src *formats.Source) (*Model, error) {
	b, err := arch.Bind(src)
	if err != nil {
		return nil, err
	}
	m, err := Of(b)
	if err != nil {
		return nil, inFile(src.Path, err)
	}
	m.path, m.close = src.Path, src.Close
	return m, nil
}

// Of makes a model of a checkpoint that is already understood. Close does not close its source.
func Of(b *arch.Bound) (*Model, error) {
	m := &Model{params: b.Params, neox: b.Arch.Layer.RopeNeox, layers: make([]layer, b.Params.Layers)}
	m.blind = b.Arch.Layer.RunsFull
	m.act, m.smooth = activations[b.Arch.Layer.Act], b.Arch.Layer.SmoothRamp
	if b.Arch.Layer.ScaleEmbed {
		m.scale = float32(math.Sqrt(float64(b.Params.Embd)))
	}
	if by := b.Params.Scales.Embed; by != 0 {
		m.scale = by
	}
	for i := range m.layers {
		m.layers[i].window = b.Arch.Layer.Windowed(&b.Params, i)
		m.layers[i].still = b.Arch.Layer.Still(&b.Params, i)
		m.layers[i].bare = b.Arch.Layer.Bare
		m.layers[i].whole = b.Arch.Layer.WholeNorm
		m.layers[i].mixed = b.Params.Mix.Count > 0 && i >= b.Params.Mix.Dense
	}
	for i, t := range b.Tensors {
		if err := m.place(t, b.Origins[i]); err != nil {
			return nil, inTensor(t, err)
		}
	}
	if m.params.Tied {
		m.head = weight{t: m.embed, n: m.params.Vocab, k: m.params.Embd, layer: -1, role: arch.RoleOutput}
	}
	if err := m.complete(); err != nil {
		return nil, err
	}
	return m, nil
}

// Params are the hyper-parameters. Sequences longer than Params().Context are run all the same.
func (m *Model) Params() *arch.Params { return &m.params }

// Close releases the checkpoint that Open was given, and the memory kept for further calls.
func (m *Model) Close() error {
	m.mu.Lock()
	m.idle = nil
	m.mu.Unlock()
	if m.close == nil {
		return nil
	}
	return m.close()
}

// A slot is a place for the tensors of one role: a matrix with its bias, or a vector.
type slot struct {
	role   arch.Role
	matrix *weight
	vector *[]float32
	n, k   int
	may    bool // it may stay empty: binding has refused the models that need it and lack it
	stack  int  // so many matrices in one tensor; 0: one, with two dimensions
}

// outer lists the places outside the layers.
func (m *Model) outer() []slot {
	p := &m.params
	return []slot{
		{role: arch.RoleOutputNorm, vector: &m.norm, n: p.Embd},
		{role: arch.RoleOutput, matrix: &m.head, n: p.Vocab, k: p.Embd},
	}
}

func (l *layer) slots(p *arch.Params) []slot {
	q, kv := p.Heads*p.HeadDim, p.KVHeads*p.HeadDim
	list := []slot{
		{role: arch.RoleAttnNorm, vector: &l.attnNorm, n: p.Embd, may: l.bare},
		{role: arch.RoleQ, matrix: &l.q, n: q, k: p.Embd},
		{role: arch.RoleK, matrix: &l.k, n: kv, k: p.Embd},
		{role: arch.RoleV, matrix: &l.v, n: kv, k: p.Embd},
		{role: arch.RoleO, matrix: &l.o, n: p.Embd, k: p.Heads * valueDim(p)},
		{role: arch.RoleQNorm, vector: &l.qNorm, n: l.normed(q, p), may: true},
		{role: arch.RoleKNorm, vector: &l.kNorm, n: l.normed(kv, p), may: true},
		{role: arch.RoleSinks, vector: &l.sinks, n: p.Heads, may: true},
		{role: arch.RoleAttnPost, vector: &l.attnPost, n: p.Embd, may: true},
		{role: arch.RoleFFNPost, vector: &l.ffnPost, n: p.Embd, may: true},
		{role: arch.RoleFFNNorm, vector: &l.ffnNorm, n: p.Embd, may: l.bare},
	}
	if p.MLA.KV > 0 {
		list = append([]slot{list[0], list[len(list)-1]}, l.latentSlots(p)...)
	}
	if l.mixed {
		return append(list, l.mix.slots(p)...)
	}
	return append(list,
		slot{role: arch.RoleGate, matrix: &l.gate, n: p.FF, k: p.Embd},
		slot{role: arch.RoleUp, matrix: &l.up, n: p.FF, k: p.Embd},
		slot{role: arch.RoleDown, matrix: &l.down, n: p.Embd, k: p.FF},
	)
}

// normed is how many of the given dimensions are normed together.
func (l *layer) normed(all int, p *arch.Params) int {
	if l.whole {
		return all
	}
	return p.HeadDim
}

// matrices are those of the slots that are filled.
func (l *layer) matrices(p *arch.Params) (ws []*weight) {
	for _, s := range l.slots(p) {
		if s.matrix != nil && s.matrix.t != nil {
			ws = append(ws, s.matrix)
		}
	}
	return ws
}

// place puts a tensor where its role says.
func (m *Model) place(t *formats.Tensor, o arch.Origin) error {
	if slices.Contains(elsewhere, o.Rule.Role) {
		return nil // already in Params; for images only
	}
	if t.Rows == nil {
		return formats.Unsupported("weights of type %v cannot be decoded", t.Type)
	}
	if o.Rule.Role == arch.RoleEmbed {
		m.embed = t
		return shaped(t, m.params.Vocab, m.params.Embd)
	}
	slots := m.outer()
	if o.Layer >= 0 && o.Layer < len(m.layers) {
		slots = m.layers[o.Layer].slots(&m.params)
	}
	if len(o.Rule.And) == 0 {
		return put(slots, t, o.Rule.Role, o.Layer)
	}
	return split(slots, t, o)
}

// elsewhere are the roles of tensors that layers do not have.
var elsewhere = []arch.Role{arch.RoleRopeFactors, arch.RoleRopeLong, arch.RoleRopeShort, arch.RoleVision}

// put fills the slot of a role.
func put(slots []slot, t *formats.Tensor, role arch.Role, layer int) error {
	i := slices.IndexFunc(slots, func(s slot) bool { return s.role == role })
	if i < 0 {
		return formats.Unsupported("the forward pass has no use for this tensor")
	}
	s := slots[i]
	if s.stack > 0 {
		return s.putStack(t, layer)
	}
	if s.matrix != nil && len(t.Shape) == 2 {
		s.matrix.t, s.matrix.n, s.matrix.k, s.matrix.layer, s.matrix.role = t, s.n, s.k, layer, s.role
		return shaped(t, s.n, s.k)
	}
	if s.matrix != nil {
		s.vector = &s.matrix.bias
	}
	return readVector(s.vector, t, s.n)
}

func readVector(dst *[]float32, t *formats.Tensor, n int) error {
	if err := shaped(t, n); err != nil {
		return err
	}
	*dst = make([]float32, n)
	return t.Rows.ReadRows(*dst, 0)
}

func shaped(t *formats.Tensor, want ...int) error {
	if !slices.Equal(t.Shape, want) {
		return formats.Corrupt("has shape %v, want %v", t.Shape, want)
	}
	return nil
}

// complete sees that every place is filled.
func (m *Model) complete() error {
	slots := m.outer()
	for i := range m.layers {
		slots = append(slots, m.layers[i].slots(&m.params)...)
	}
	ok := m.embed != nil
	for _, s := range slots {
		ok = ok && (s.matrix == nil || s.may || s.matrix.t != nil) && (s.vector == nil || s.may || *s.vector != nil)
	}
	if !ok {
		return &formats.Error{Err: formats.Corrupt("a tensor of the model is missing")}
	}
	return nil
}

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

	act                arch.Activation
	situ               func(gate, up []float32)
	means              bool      // norms take the mean away …
	runsRMS            bool      // … which runtimes do not do
	runsSiLU           bool      // runtimes take SiLU for act
	sparse             bool      // the experts of a token are weighed as SparseMixer does
	bareNorm           bool      // they have no weights
	blind              bool      // runtimes know no window
	chunked            bool      // windows begin at multiples of their size
	grow               bool      // queries grow in layers that rotate nothing only
	oneEps             bool      // norms of what latent attention makes narrow have the epsilon of all others
	indexPairs         bool      // of what chooses positions: heads are rotated in pairs …
	runsHalves         bool      // … but not by runtimes …
	indexTail          bool      // … at their end
	turnKeys, sigmoids bool      // of states: heads of values take turns with those of keys; what multiplies what they give is a sigmoid, not SiLU
	cutFirst           bool      // gates are cut off before their function
	early              bool      // routers are given what their layers are
	softGate           bool      // of attention: a softplus instead of the sigmoid
	blend              float32   // of the sum of what shared experts and the others give, 0: none
	runsPlain          bool      // runtimes do not multiply logits
	runsSum            bool      // runtimes divide weights of experts by their sum
	inGate             bool      // experts are given inputs times their weights
	late               bool      // those of heads come after rotation
	postEps            float32   // the epsilon of norms of what parts of a layer add, 0: as of the others
	embedBare          bool      // embeddings are normed without weights
	headMeans          bool      // those of heads take the mean away
	runsPast           bool      // runtimes give the feed-forward network what attention adds
	smooth             bool      // yarn's ramp
	bareVals           bool      // values are normed without weights
	normStream         bool      // parts of layers are added to what their norms give
	classAct           bool      // what comes before an output for classes goes through the layers' function, not through a hyperbolic tangent
	both               bool      // queries see all positions, in all layers
	encoder            bool      // there is no output head
	streams            int       // of a token; layers compute with the first
	legs               []leg     // how a text goes through the layers
	low                []float32 // [E] the stream that the low one of two stacks begins with, or nil
	scale              float32   // of embeddings, 0: none
	slopes             []float32 // [H] by which a head lowers scores with each position between, or nil

	embed     *formats.Tensor // [V][E]
	positions *formats.Tensor // [C][E] that is added to embeddings, or nil
	types     []float32       // [E] likewise of texts that are one part, or nil
	embedNorm norm            // [E] of their sum, or nothing
	altProj   weight          // [(U-1)·E][E] what makes the other streams of embeddings, or nothing
	altUn     weight          // [(U-1)·E][E] and one of all again
	hyper     hyper           // of several streams: what makes one of all, or nothing
	bankOut   []float32       // [E] scores of the stream and of what it was, before the output head, or nil
	side      side            // inputs of every layer, or nothing
	layers    []layer
	norm      norm   // [E]
	readNorm  norm   // [E] of what an encoder makes of a text for a decoder, or nothing
	head      weight // [V][E], the embedding where the two are tied; nothing of an encoder
	class     class
	dense     weight // [O][E] what makes vectors that texts are compared by of states, or nothing

	path  string // of the checkpoint, for errors
	close func() error

	mu   sync.Mutex
	idle []*scratch // what finished calls leave for the next ones
}

// A layer is the weights of one transformer layer. Norms and biases are small and decoded; matrices stay promises.
type layer struct {
	p *arch.Params // as this layer has them

	attnNorm norm   // [E], or nothing
	attnPost norm   // [E] of what attention adds, or nothing
	q        weight // [H*D][E]
	k, v     weight // [KV*D][E]; no v where values are keys, neither where they are another layer's
	qNorm    norm   // [D] of all heads, or [H*D], or nothing
	kNorm    norm   // [D], or [KV*D]
	o        weight // [E][H*D]
	oGate    weight // [H*D][E], or [H][E], or nothing: the sigmoid of its outputs multiplies what attention gives to o
	ffnNorm  norm   // [E], or nothing
	ffnPost  norm   // [E] of what the feed-forward network adds, or nothing
	attnSum  norm   // [E] of the stream behind attention, or nothing
	attnSum2 norm   // [E] and of that with the stream before attention once more, or nothing
	attnSub  norm   // [H*D] of what o is given, or nothing
	ffnSub   norm   // [F] of what down is given, or nothing
	ffnSum   norm   // [E] of the stream behind the feed-forward network, or nothing
	gate, up weight // [F][E]; no gate where it is ungated
	down     weight // [E][F]

	alt altUp // of several streams, or nothing

	hyperAttn, hyperFFN hyper // of several streams, or nothing
	grams               grams // of the last few tokens, or nothing
	banking                   // or nothing
	cross               cross // what looks at what an encoder read, or nothing
	both                bool  // queries see all positions

	index indexer // of positions, or nothing

	sideGate weight    // [P][E], or nothing
	sideOut  weight    // [E][P]
	sideNorm norm      // [E] of what its own input adds
	outScale []float32 // [1] of the stream behind it, or nil
	skip     []float32 // [1] how often the embedding is added behind it, or nil
	attnGain []float32 // [1] of what attention adds, or nil
	ffnGain  []float32 // [1] of what the feed-forward network adds, or nil
	qGain    norm      // [H] of heads of queries, or nothing

	bound, sharedBound float32 // what gates may be at most, 0: anything; of experts, and of networks that see every token
	cut                float32 // standard deviations above the mean of a row at which gates begin to count, -Inf: all do
	lends              bool    // its keys and values are kept for layers …
	borrows            bool    // … that have none

	relative  [][]float32 // [H] what is added to scores by distance, or nil
	sinks     []float32   // [H] what a head gives to nothing, or nil
	window    int         // positions that a query sees, itself included; 0 = all
	still     bool        // nothing is rotated
	sparse    bool        // heads see a fixed pattern of blocks, which runtimes do not know
	queryGate bool        // behind each head of queries is what multiplies what attention gives
	bare      bool        // its parts are given the residual stream without a norm, or norms have no weights
	parallel  bool        // the feed-forward network is given what attention is
	ungated   bool
	low       [7]adapter // beside its matrices, or nothing
	mixed     bool       // there is a mixture of experts instead of the last three
	mix       mixture    //
	mla       latent     // where there is one, k and v stay empty

	oa              weight  // [OL][H·D/groups] of groups of heads, before o, or nothing
	pool, indexPool pool    // keys of several positions, or nothing
	table           []int32 // [V][used] the experts of each token, or nil

	keeper    keeper    // nil in a layer that keeps no state
	short     shortConv // or nothing
	space     stateSpace
	delta     delta
	kimi      kimi
	lightning lightning
	rwkv
	whole bool // queries and keys are normed as a whole

	xielu    xielu
	lateBare bool // heads are normed after rotation, without weights
}

// A weight is a matrix of n outputs with k inputs each, and its bias.
type weight struct {
	t     *formats.Tensor
	n, k  int
	bias  []float32 // [n], or nil
	layer int       // -1 outside the layers
	role  arch.Role
	low   int  // which of the layer's adapters stand beside it, from 1 on; 0: none
	many  bool // it is several matrices, or one of these
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
	if err := b.Alone(); err != nil {
		return nil, err
	}
	return assembled(b)
}

func assembled(b *arch.Bound) (*Model, error) {
	of := &b.Arch.Layer
	m := &Model{params: b.Params, neox: of.RopeNeox || of.SectionNeox && len(b.Params.Sections) > 0, means: of.MeanNorm, bareNorm: of.BareNorm, late: of.LateNorm, layers: make([]layer, b.Params.Layers)}
	m.streams, m.legs = max(1, b.Params.AltUp.Inputs, b.Params.Hyper.Streams, 1+b.Params.Banked(b.Params.Layers)), legsOf(&b.Params)
	m.act, m.situ, m.smooth, m.slopes = of.Act, situ(b.Params.SituBeta, b.Params.SituLinear), of.SmoothRamp, slopes(b.Params.Heads, b.Params.Alibi)
	m.blind, m.runsRMS, m.runsPlain, m.sparse = of.RunsFull, of.RunsRMS, of.RunsPlain, of.SparseMix
	m.chunked, m.grow, m.inGate, m.bareVals, m.sigmoids = of.Chunked, of.StillGrow, of.InputGate, of.BareValue, of.SigmoidGate
	m.postEps, m.embedBare = of.PostEps, of.EmbedBare
	m.headMeans, m.runsPast = of.HeadMeans, of.RunsPast && b.Params.NormAfter
	m.runsSiLU, m.indexPairs, m.runsHalves, m.oneEps, m.indexTail, m.cutFirst = of.RunsSiLU, of.IndexPairs, of.RunsHalves, of.OneEps, of.IndexTail, of.CutFirst
	m.early, m.softGate, m.runsSum, m.turnKeys, m.normStream = of.EarlyRouter, of.SoftGate, of.RunsSum, of.TurnKeys, of.NormStream
	switch {
	case of.Averaged:
		m.blend = 0.5
	case of.Levelled:
		m.blend = float32(math.Sqrt(0.5))
	}
	if eps := b.Params.RMSEps; eps > 0 {
		m.params.NormEps, m.means = eps, false
	}
	m.encoder, m.classAct, m.both = of.Encoder, of.ClassAct, of.Encoder || of.FillsIn
	if b.Params.Act != "" {
		act, ok := arch.Activations[b.Params.Act]
		if !ok {
			return nil, formats.Unsupported("the activation function %.60q is not known", b.Params.Act)
		}
		m.act = act
	}
	if of.ScaleEmbed {
		m.scale = float32(math.Sqrt(float64(b.Params.Embd)))
	}
	if by := b.Params.Scales.Embed; by != 0 {
		m.scale = by
	}
	for i := range m.layers {
		l := &m.layers[i]
		l.p, l.borrows, l.both = b.Params.At(i), b.Params.Borrows(i), m.both || b.Params.Reads(i)
		l.grams.there = b.Params.NGrams.At(i)
		l.index.none = !b.Params.Chooses(i)
		l.pool, l.indexPool = poolOf(&b.Params, i), indexPoolOf(&b.Params, i)
		l.cut, l.banking = sparsityOf(&b.Params, i), bankingOf(&b.Params, i)
		l.bound, l.sharedBound = at(b.Params.Bounds, i), at(b.Params.SharedBounds, i)
		l.window, l.still, l.queryGate = of.Windowed(&b.Params, i), of.Still(&b.Params, i), of.QueryGate
		l.bare, l.whole = of.Bare || of.BareNorm || of.Encoder, of.WholeNorm
		l.xielu = xieluOf(&b.Params, i)
		l.sparse = b.Params.Sparse.Every > 0 && i%b.Params.Sparse.Every == 0
		if b.Params.Keeps(i) {
			l.keeper = keepers[of.Keeper]
		}
		l.parallel, l.ungated = of.Parallel || b.Params.Parallel, of.Ungated || b.Params.Ungated
		if every := b.Params.State.Rescale; every > 0 && (i+1)%every == 0 {
			l.outScale = []float32{0.5}
		}
		l.mixed, l.lateBare = b.Params.Mixed(i), of.LateBared(&b.Params, i)
		l.mix.before = l.mixed && of.Before
		l.mix.beside, l.mix.bank = l.mixed && of.Beside, bank{n: b.Params.Mix.Count, ff: l.p.Mix.FF, e: l.p.Dim("EX"), joined: b.Arch.JoinsExperts(), ungated: of.Ungated}
		l.mix.groups = bank{n: b.Params.Mix.Banks(), ff: b.Params.Mix.GroupFF, e: b.Params.Embd}
		l.mix.used = l.p.Mix.Used
	}
	for i := range m.layers {
		if m.layers[i].borrows {
			m.layers[b.Params.Lender(i)].lends = true
		}
	}
	for i, t := range b.Tensors {
		if err := m.place(t, b.Origins[i]); err != nil {
			return nil, inTensor(t, err)
		}
	}
	if m.params.Tied {
		m.head = weight{t: m.embed, n: m.params.Vocab, k: m.params.Embd, bias: m.head.bias, layer: -1, role: arch.RoleOutput}
	}
	if err := m.complete(); err != nil {
		return nil, err
	}
	for i := range m.layers {
		m.layers[i].seatNorms(b.Params.NormAfter)
	}
	return m, nil
}

// Params are the hyper-parameters. Sequences longer than Params().Context are run all the same, unless positions are learned vectors.
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

// A slot is a place for the tensors of one role: a matrix with its bias, a norm with its, or a vector.
type slot struct {
	role   arch.Role
	matrix *weight
	norm   *norm
	vector *[]float32
	table  *[]float32 // of n rows of k numbers, decoded as vectors are; vector is for those of one dimension then
	turned bool       // it is kept as k rows of n
	n, k   int
	may    bool // it may stay empty: binding has refused the models that need it and lack it
	stack  int  // so many matrices in one tensor; 0: one, with two dimensions
	heads  int  // of a norm: it may have n numbers for each of so many heads
}

// outer lists the places outside the layers.
func (m *Model) outer() []slot {
	p := &m.params
	return append(m.hyper.slots(p, hyperHead), []slot{
		{role: arch.RoleEmbedNorm, norm: &m.embedNorm, n: p.Embd, may: true},
		{role: arch.RoleOutputNorm, norm: &m.norm, n: p.Embd, may: m.bareNorm || m.encoder || p.Hyper.Low > 0},
		{role: arch.RoleOutput, matrix: &m.head, n: p.Vocab, k: p.Embd, may: m.encoder},
		{role: arch.RoleBankOut, vector: &m.bankOut, n: p.Embd, may: p.BankEvery == 0},
		{role: arch.RoleReadNorm, norm: &m.readNorm, n: p.Embd, may: !m.sides()},
		{role: arch.RoleLowStart, vector: &m.low, n: p.Embd, may: p.Stacks.Per == 0},
		{role: arch.RoleClass, matrix: &m.class.dense, n: p.Embd, k: p.Embd, may: true},
		{role: arch.RoleClassNorm, norm: &m.class.norm, n: p.Embd, may: true},
		{role: arch.RoleDense, matrix: &m.dense, n: p.Vectors, k: p.Embd, may: true},
		{role: arch.RoleClassOut, matrix: &m.class.out, n: len(p.Labels), k: p.Embd, may: true},
		{role: arch.RoleAltProj, matrix: &m.altProj, n: p.Embd, k: p.Embd, stack: max(1, p.AltUp.Inputs-1), may: p.AltUp.Inputs == 0},
		{role: arch.RoleAltUnembed, matrix: &m.altUn, n: p.Embd, k: p.Embd, stack: max(1, p.AltUp.Inputs-1), may: p.AltUp.Inputs == 0},
		{role: arch.RoleSideProj, matrix: &m.side.proj, n: p.Layers * p.Side, k: p.Embd, may: p.Side == 0},
		{role: arch.RoleSideProjNorm, norm: &m.side.norm, n: p.Side, may: p.Side == 0},
	}...)
}

func (l *layer) slots() []slot {
	p := l.p
	q, kv := p.Heads*p.HeadDim, p.KVHeads*p.HeadDim
	list := []slot{
		{role: arch.RoleAttnNorm, norm: &l.attnNorm, n: p.Embd, may: l.bare},
		{role: arch.RoleQ, matrix: &l.q, n: l.asked(q), k: p.Embd},
		{role: arch.RoleK, matrix: &l.k, n: kv, k: p.Embd, may: l.borrows},
		{role: arch.RoleV, matrix: &l.v, n: p.KVHeads * valueDim(p), k: p.Embd, may: l.borrows || p.OneKV},
		{role: arch.RoleO, matrix: &l.o, n: p.Embd, k: p.Heads * valueDim(p)},
		{role: arch.RoleQNorm, norm: &l.qNorm, n: l.normed(q), heads: p.Heads, may: true},
		{role: arch.RoleKNorm, norm: &l.kNorm, n: l.normed(kv), heads: p.KVHeads, may: true},
		{role: arch.RoleAttnGate, matrix: &l.oGate, n: p.Gates(), k: p.Embd, may: true},
		{role: arch.RoleSinks, vector: &l.sinks, n: p.Heads, may: true},
		{role: arch.RoleAttnPost, norm: &l.attnPost, n: p.Embd, may: true},
		{role: arch.RoleFFNPost, norm: &l.ffnPost, n: p.Embd, may: true},
		{role: arch.RoleAttnSum, norm: &l.attnSum, n: p.Embd, may: true},
		{role: arch.RoleAttnSum2, norm: &l.attnSum2, n: p.Embd, may: true},
		{role: arch.RoleFFNSum, norm: &l.ffnSum, n: p.Embd, may: true},
		{role: arch.RoleAttnSub, norm: &l.attnSub, n: p.Heads * valueDim(p), may: true},
		{role: arch.RoleFFNSub, norm: &l.ffnSub, n: p.FF, may: true},
		{role: arch.RoleFFNNorm, norm: &l.ffnNorm, n: p.Embd, may: l.bare || l.parallel},
	}
	switch {
	case p.Pooled.Groups > 0:
		list = append([]slot{list[0], list[len(list)-1]}, l.pooledSlots(p)...)
	case p.MLA.KV == 0:
		list = append(l.index.slots(p), list...)
	default:
		list = append([]slot{list[0], list[len(list)-1]}, l.latentSlots(p)...)
	}
	switch {
	case p.Heads == 0 && l.keeper != nil: // instead of attention
		list = slices.DeleteFunc(list, func(s slot) bool {
			return s.norm == nil || s.role == arch.RoleQNorm || s.role == arch.RoleKNorm || s.role == arch.RoleAttnSub
		})
	case p.Heads == 0:
		list = list[len(list)-1:]
	case p.KVHeads == 0: // a matrix stands for attention
		list = []slot{list[0], list[4], list[len(list)-1]}
	}
	if l.keeper != nil {
		list = append(l.keeper.slots(l), list...)
	}
	if p.BankEvery > 0 {
		list = append([]slot{{role: arch.RoleBankAttn, vector: &l.bankAttn, n: p.Embd}, {role: arch.RoleBankFFN, vector: &l.bankFF, n: p.Embd}}, list...)
	}
	if p.FF == 0 && !l.mixed {
		return list[:len(list)-1]
	}
	list = append(list,
		slot{role: arch.RoleSideGate, matrix: &l.sideGate, n: p.Side, k: p.Embd, may: p.Side == 0},
		slot{role: arch.RoleSideOut, matrix: &l.sideOut, n: p.Embd, k: p.Side, may: p.Side == 0},
		slot{role: arch.RoleSideNorm, norm: &l.sideNorm, n: p.Embd, may: p.Side == 0},
		slot{role: arch.RoleLayerScale, vector: &l.outScale, n: 1, may: true},
		slot{role: arch.RoleSkip, vector: &l.skip, n: 1, may: true},
		slot{role: arch.RoleAttnGain, vector: &l.attnGain, n: 1, may: true},
		slot{role: arch.RoleFFNGain, vector: &l.ffnGain, n: 1, may: true},
		slot{role: arch.RoleQGain, norm: &l.qGain, n: 1, heads: p.Heads, may: true},
	)
	if p.Sides.Decoder > 0 && !l.both {
		list = append(list, l.cross.slots(p)...)
	}
	if p.AltUp.Inputs > 0 {
		list = append(list, l.alt.slots(p)...)
	}
	list = append(list, l.adapters(p)...)
	list = slices.Concat(list, l.hyperAttn.slots(p, hyperAttn), l.hyperFFN.slots(p, hyperFFN), l.grams.slots(p))
	if l.mixed {
		list = append(list, l.mix.slots(p)...)
	}
	if l.mixed && !l.mix.beside && !l.mix.before {
		return list
	}
	return append(list,
		slot{role: arch.RoleGate, matrix: &l.gate, n: p.FF, k: p.Embd, may: l.ungated},
		slot{role: arch.RoleUp, matrix: &l.up, n: p.FF, k: p.Embd},
		slot{role: arch.RoleDown, matrix: &l.down, n: p.Embd, k: p.FF},
	)
}

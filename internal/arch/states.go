package arch

import (
	"slices"

	"quern/formats"
)

// A Keeper is what layers have that keep a state: they go through a text position by position, and what they know of the positions before has one size however many
// there are.
type Keeper uint8

// The kinds of such layers.
const (
	NoState    Keeper = iota
	ShortConv         // a convolution over a few positions between two gates (LFM2)
	Mamba2            // a state-space model whose heads decay as a whole (arXiv:2405.21060)
	Mamba1            // one whose numbers each decay in a way of their own (arXiv:2312.00752)
	DeltaNet          // of each head a matrix that keys read and correct, behind a convolution (gated delta networks)
	Lightning         // of each head a matrix that decays as a whole, at a pace that no token changes (MiniMax-Text-01)
	KimiDelta         // DeltaNet every row of whose matrices decays by itself
	FinchState        // likewise, every row of which decays by itself: keys and values are added, none reads; layers are given tokens mixed with those before (RWKV 6)
	HeadMamba         // Mamba2 whose time steps and ways are made of what the convolution gives, and normed, as Mamba1's (PLaMo 2)
	GooseState        // the same with keys that read and correct, without convolutions (RWKV 7)
)

// mixes says of a kind that what a layer is given is mixed with the token before.
func (k Keeper) mixes() bool { return k == FinchState || k == GooseState }

// State are the sizes of layers that keep a state. The zero value is a model without.
type State struct {
	In   []bool // of each layer, whether it keeps one
	Conv int    // SC: positions that its convolution sees, the present one included

	Inner  int // SI: numbers of a token that go into states
	Size   int // SN: what each becomes there
	Heads  int // SH: of them, each with a time step of its own
	Groups int // SG: of heads, each with one way into states and one out of them
	Rank   int // SR: numbers that time steps are made of, where these and the ways are made of what a convolution gives; 0: not so

	Floor float32 // the logarithm of the least that a position leaves of a row, of which a sigmoid takes its part (delta attention); 0: there is none
	Safe  bool    // files tell that there is

	Normed bool    // those numbers and the ways are normed without weights …
	MixEps float32 // … with this epsilon, which no file tells

	Ranks    Ranks // of RWKV's matrices of low rank
	Rescale  int   // behind so many layers the stream is halved, and what is added to it from then on with it; 0: it is not
	Halvings int   // how often that was done before a layer (At)

	Told  []bool // In as files tell it, where they do; nil: Every says which
	Every int    // the last of so many layers has attention instead
}

// Keeps says of a layer that it keeps a state. Where it has no attention besides, At says that it has no heads.
func (p *Params) Keeps(layer int) bool {
	return layer >= 0 && layer < len(p.State.In) && p.State.In[layer]
}

func keeps(p *Params, layer int) bool { return p.Keeps(layer) }

// onlyStates says that no layer has anything but a state.
func (p *Params) onlyStates() bool {
	return p.Heads == 0 && p.FF == 0 && len(p.State.In) > 0 && !slices.Contains(p.State.In, false)
}

// inAll are layers that all keep a state, and have nothing else.
var inAll = Key{Field: func(p *Params) any { return &p.State.In }, When: never, Default: func(p *Params) { p.State.In = slices.Repeat([]bool{true}, min(p.Layers, maxList)) }}

// statesOnly are keys of sizes that files of such models tell as zero.
var statesOnly = []Key{
	{GGUF: "{a}.feed_forward_length", Field: func(p *Params) any { return &p.FF }, Default: nothing},
	noHeads,
}

func (s *State) dim(letter string) int {
	switch letter {
	case "SC":
		return s.Conv
	case "SI":
		return s.Inner
	case "SN":
		return s.Size
	case "SH":
		return s.Heads
	case "SG":
		return s.Groups
	case "SIG": // of a group
		return s.Inner / max(1, s.Groups)
	case "SW":
		return s.Wide()
	case "SP": // with gates and time steps
		return s.Inner + s.Wide() + s.Heads
	case "SH2": // two numbers for each
		return 2 * s.Heads
	case "SV":
		return s.Value()
	case "SM":
		return s.Parts()
	case "SR":
		return s.Rank
	case "SX": // with the ways
		return s.Rank + 2*s.Size
	case "SI2": // with gates
		return 2 * s.Inner
	case "SK": // keys that several heads share
		return s.Groups * s.Size
	case "SI3": // for three
		return 3 * s.Inner
	case "5":
		return 5
	case "SWI": // with what multiplies what comes out
		return s.Wide() + s.Inner
	}
	return s.Ranks.dim(letter)
}

// Wide is what the convolution of a state-space model is given: what goes into states, and for each group the way in and the way out.
func (s *State) Wide() int { return s.Inner + 2*s.Groups*s.Size }

// Value is the size of what is read from a head's state.
func (s *State) Value() int { return s.Inner / max(1, s.Heads) }

// checkState refuses sizes that no model has.
func (p *Params) checkState() error {
	s := &p.State
	switch {
	case s.In == nil:
		return nil
	case len(s.In) != p.Layers:
		return formats.Corrupt("it is told of %d layers whether they keep a state, in a model of %d", len(s.In), p.Layers)
	case !s.Ranks.sound():
		return formats.Corrupt("ranks of %d, %d, %d, %d and %d", s.Ranks.Decay, s.Ranks.Rate, s.Ranks.Values, s.Ranks.Gate, s.Ranks.Mix)
	case s.Rescale < 0 || s.Rescale > 1<<16:
		return formats.Corrupt("the stream is halved every %d layers", s.Rescale)
	case !(s.Floor <= 0 && s.Floor > -1e4):
		return formats.Corrupt("states of which e to the power of %v stays at least", s.Floor)
	case s.Conv < 2 || s.Conv > 64:
		return formats.Unsupported("a convolution over %d positions; runtimes have those over 2 and more, and 64 are the most here", s.Conv)
	}
	for _, n := range []int{s.Inner, s.Size, s.Heads, s.Groups, s.Rank} {
		if n < 0 || n > 1<<20 {
			return formats.Corrupt("states of %d numbers for each of %d, in %d heads and %d groups", s.Size, s.Inner, s.Heads, s.Groups)
		}
	}
	if s.Inner > 0 && (s.Size < 1 || s.Heads < 1 || s.Groups < 1 || s.Inner%s.Heads != 0 || s.Heads%s.Groups != 0) {
		return formats.Corrupt("states of %d numbers for each of %d, in %d heads and %d groups", s.Size, s.Inner, s.Heads, s.Groups)
	}
	return nil
}

// instead is layers that keep a state instead of keys and values: those without heads of keys, in families whose files tell them so, and without a feed-forward network where layers have one part.
var instead = Key{Field: func(p *Params) any { return &p.State.In }, When: never, Default: func(p *Params) {
	if len(p.KVHeadsIn) > maxList {
		return // refused further on
	}
	p.HeadsIn = nil
	for i, n := range p.KVHeadsIn {
		p.State.In = append(p.State.In, n == 0 && (i >= len(p.FFIn) || p.FFIn[i] == 0))
		heads := p.Heads
		if n == 0 {
			heads = 0
		}
		p.HeadsIn = append(p.HeadsIn, int32(heads))
	}
}}

// squeezed is a convolution of each channel for itself without the dimension of the one channel that it sees.
var squeezed = Op{Name: "squeeze",
	Forward: func(t *formats.Tensor, _ *Params) *formats.Tensor { return shapedAs(t, t.Shape[0], t.Shape[2]) },
	Inverse: func(t *formats.Tensor, _ *Params) *formats.Tensor { return shapedAs(t, t.Shape[0], 1, t.Shape[1]) },
}

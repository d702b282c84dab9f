package arch

import (
	"math"
	"slices"

	"quern/formats"
)

// RWKV's layers mix every token with the one before and keep for each head a matrix, instead of attention. What is special to their parts is made by matrices of low rank, whose
// ranks are these; so are decays and gates of delta attention, where the matrices that make them are of low rank.
type Ranks struct {
	Decay  int // SRD: of how much of a state stays
	Rate   int // SRA: of how much of it is replaced
	Values int // SRV: of how much of the first layer's values is taken
	Gate   int // SRG: of what multiplies what comes out; 0: nothing does
	Mix    int // SRM: of how much of the token before each part has (RWKV 6)
}

func (r *Ranks) sound() bool {
	for _, n := range []int{r.Decay, r.Rate, r.Values, r.Gate, r.Mix} {
		if n < 0 || n > 1<<16 {
			return false
		}
	}
	return true
}

func (r *Ranks) dim(letter string) int {
	switch letter {
	case "SRD":
		return r.Decay
	case "SRA":
		return r.Rate
	case "SRV":
		return r.Values
	case "SRG":
		return r.Gate
	case "SRM":
		return r.Mix
	case "SRM5":
		return 5 * r.Mix
	}
	return 0
}

// Parts are how many inputs of such a layer have a part of the token before each.
func (s *State) Parts() int {
	if s.Ranks.Gate > 0 {
		return 6
	}
	return 5
}

// rank is a key of those; power and times are of what the published code takes where config.json says nothing: so many times a power of the embedding, in steps of 32.
func rank(gguf string, field func(*Ranks) *int, power, times float64, hf ...string) Key {
	return Key{GGUF: gguf, HF: hf, Field: func(p *Params) any { return field(&p.State.Ranks) }, Default: func(p *Params) {
		if power > 0 {
			*field(&p.State.Ranks) = max(1, int(math.RoundToEven(math.Pow(float64(p.Embd), power)*times/32))) * 32
		}
	}}
}

// noHeads is a number that runtimes ask for and do not use, and oneShift how many parts of a layer are given tokens mixed with those before, in families where these are not two.
var (
	noHeads  = fixed("{a}.attention.head_count", 0)
	oneShift = fixed("{a}.token_shift_count", 1)
)

// fixed is a key that says the same in all files of a family.
func fixed(gguf string, n int) Key {
	return Key{GGUF: gguf, Field: func(*Params) any { n := n; return &n }, Default: nothing}
}

// recurrentHeads says that every layer keeps a state in heads of the size told, and none has attention.
var recurrentHeads = Key{Field: func(p *Params) any { return &p.State.In }, When: never, Default: func(p *Params) {
	s := &p.State
	p.RopeBase, p.RopeScale, s.Conv, s.Inner = 10000, 1, 2, p.Embd
	if s.Heads = p.Embd / max(1, s.Size); s.Groups == 0 {
		s.Groups = s.Heads
	}
	p.Heads, p.KVHeads, p.HeadDim, p.ValueDim, p.RopeDim = s.Heads, s.Heads, s.Size, s.Size, s.Size
	if p.Layers > maxList || p.Layers < 1 {
		return // refused further on
	}
	s.In, p.HeadsIn, p.KVHeadsIn = slices.Repeat([]bool{true}, p.Layers), make([]int32, p.Layers), make([]int32, p.Layers)
}}

// HeadNormEps is what runtimes have built in: the epsilon of the norm of what each head gives.
const HeadNormEps = 64e-5

// finishRecurrent makes the context what the reference has, since none is the longest, and refuses heads that do not fill the embedding.
func finishRecurrent(_ *Config, p *Params) error {
	p.Context = 1 << 20
	if p.State.Size < 1 || p.Embd%p.State.Size != 0 {
		return formats.Corrupt("an embedding of %d in heads of %d", p.Embd, p.State.Size)
	}
	return nil
}

var (
	// flattened is a row for each head as one vector.
	flattened = Op{Name: "flatten",
		Forward: func(t *formats.Tensor, p *Params) *formats.Tensor { return vectorOf(t) },
		Inverse: func(t *formats.Tensor, p *Params) *formats.Tensor {
			n := shapedAs(t, t.Shape[0]/p.State.Size, p.State.Size)
			if t.Rows != nil {
				n.Rows = rowsOfVector{t.Rows, t.Shape[0], p.State.Size}
			}
			return n
		},
	}
	// standIn is for tensors that runtimes load and do not use: they are another's.
	standIn = Op{Name: "stand-in", OneWay: true, Lent: true, Forward: func(t *formats.Tensor, _ *Params) *formats.Tensor { return t }}
	// vectored is a vector that lies in three dimensions.
	vectored = Op{Name: "vector",
		Forward: func(t *formats.Tensor, _ *Params) *formats.Tensor { return shapedAs(t, t.Shape[2]) },
		Inverse: func(t *formats.Tensor, _ *Params) *formats.Tensor { return shapedAs(t, 1, 1, t.Shape[0]) },
	}
)

// timesTwo multiplies every number by a power of two.
func timesTwo(t *formats.Tensor, power int) *formats.Tensor {
	if power == 0 {
		return t
	}
	by := float32(math.Ldexp(1, power))
	return mapped(t, func(x float32) float32 { return x * by })
}

// vectorOf is the rows of a matrix one behind the other.
func vectorOf(t *formats.Tensor) *formats.Tensor {
	n := shapedAs(t, t.Elems())
	if t.Rows != nil {
		n.Rows = vectorOfRows{t.Rows}
	}
	return n
}

type vectorOfRows struct{ rows formats.Rows }

func (r vectorOfRows) ReadRows(dst []float32, _ int) error { return r.rows.ReadRows(dst, 0) }

func firstLayer(_ *Params, l int) bool  { return l == 0 }
func laterLayers(_ *Params, l int) bool { return l > 0 }
func shutStates(p *Params, _ int) bool  { return p.State.Ranks.Gate == 0 }
func gatesStates(p *Params, _ int) bool { return p.State.Ranks.Gate > 0 }

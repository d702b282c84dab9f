package arch

import (
	"fmt"
	"math"

	"quern/formats"
)

// Gated delta networks (arXiv:2412.06464) are layers whose heads keep a matrix each: a key reads from it, and what it should have read instead is written back. GGUF tells
// their sizes as those of state spaces: state_size is that of keys, group_count the heads of keys, time_step_rank those of values.

// deltaKeys are those sizes, and which layers these are.
var deltaKeys = []Key{
	{GGUF: "{a}.ssm.conv_kernel", HF: []string{"linear_conv_kernel_dim"}, Field: func(p *Params) any { return &p.State.Conv }},
	{GGUF: "{a}.ssm.state_size", HF: []string{"linear_key_head_dim"}, Field: func(p *Params) any { return &p.State.Size }},
	{GGUF: "{a}.ssm.group_count", HF: []string{"linear_num_key_heads"}, Field: func(p *Params) any { return &p.State.Groups }},
	{GGUF: "{a}.ssm.time_step_rank", HF: []string{"linear_num_value_heads"}, Field: func(p *Params) any { return &p.State.Heads }},
	{GGUF: "{a}.ssm.inner_size", HF: []string{"linear_value_head_dim"}, Field: func(p *Params) any { return &p.State.Inner }}, // finishDelta multiplies it by heads
	{GGUF: "{a}.attention.recurrent_layers", Field: func(p *Params) any { return &p.State.Told }, Default: nothing, When: func(p *Params) bool { return p.State.Told != nil }},
	{GGUF: "{a}.full_attention_interval", HF: []string{"full_attention_interval"}, Field: func(p *Params) any { return &p.State.Every }, Default: func(p *Params) { p.State.Every = 4 }},
	{Field: func(p *Params) any { return &p.State.In }, When: never, Default: everyLast},
}

// everyLast says of each layer whether it keeps a state, and that those have no heads of attention.
func everyLast(p *Params) {
	if p.Layers > maxList || p.State.Told != nil && len(p.State.Told) != p.Layers {
		p.State.In = p.State.Told
		return // refused further on
	}
	p.State.In, p.HeadsIn, p.KVHeadsIn = nil, nil, nil
	for i := range p.Layers {
		keeps, heads, kv := (i+1)%max(1, p.State.Every) != 0, p.Heads, p.KVHeads
		if p.State.Told != nil {
			keeps = p.State.Told[i]
		}
		if keeps {
			heads, kv = 0, 0
		}
		p.State.In, p.HeadsIn, p.KVHeadsIn = append(p.State.In, keeps), append(p.HeadsIn, int32(heads)), append(p.KVHeadsIn, int32(kv))
	}
}

// finishDelta reads which layers keep a state, and refuses sizes that runtimes take to be another.
func finishDelta(c *Config, p *Params) error {
	s := &p.State
	if s.Inner != s.Size {
		return c.fail("linear_value_head_dim", formats.Unsupported("values of size %d beside keys of size %d: runtimes take the two to be equal", s.Inner, s.Size), "")
	}
	if s.Heads > 1<<16 || s.Inner > 1<<12 {
		return c.fail("linear_num_value_heads", formats.Corrupt("%d heads of size %d", s.Heads, s.Inner), "")
	}
	s.Inner *= s.Heads
	list, err := c.words("layer_types", p.Layers)
	if list == nil || err != nil {
		return err
	}
	for i, kind := range list {
		if kind != "linear_attention" && kind != "full_attention" && (kind != "indexed_attention" || p.Index.Mean == 0) {
			return c.fail("layer_types", formats.Unsupported("layer %d is %.60q; known are linear_attention and full_attention", i, fmt.Sprint(kind)), "")
		}
		s.Told = append(s.Told, kind == "linear_attention")
	}
	everyLast(p)
	return nil
}

// tellDelta is the way back.
func tellDelta(p *Params) map[string]any {
	out := map[string]any{"linear_value_head_dim": p.State.Value()}
	var kinds []string
	for _, keeps := range p.State.Told {
		kind := "full_attention"
		if keeps {
			kind = "linear_attention"
		}
		kinds = append(kinds, kind)
	}
	if kinds != nil {
		out["layer_types"] = kinds
	}
	return out
}

// Decay is how fast a head forgets, which checkpoints hold as a logarithm.
var Decay = Op{Name: "decay", Rounds: true,
	Forward: func(t *formats.Tensor, _ *Params) *formats.Tensor { return mapped(t, decay) },
	Inverse: func(t *formats.Tensor, _ *Params) *formats.Tensor { return mapped(t, logDecay) },
}

// Pace is the same with its sign changed.
var Pace = Op{Name: "pace", Rounds: true,
	Forward: func(t *formats.Tensor, _ *Params) *formats.Tensor {
		return mapped(t, func(x float32) float32 { return -decay(x) })
	},
	Inverse: func(t *formats.Tensor, _ *Params) *formats.Tensor {
		return mapped(t, func(x float32) float32 { return logDecay(-x) })
	},
}

func decay(x float32) float32 { return -float32(Exponential(float64(x))) }

func logDecay(x float32) float32 {
	if !(x < 0) || math.IsInf(float64(x), 0) {
		return float32(math.Log(float64(-x))) // ±Inf or NaN
	}
	return float32(Natural(float64(-x)))
}

// Heads of values that share one of keys are neighbours in a checkpoint. Where runtimes let them take turns (Layer.TurnKeys), files have the first of each, then the second
// of each: rows of what makes values, what multiplies them and numbers of heads, and columns of the matrix behind.
var (
	TurnsQKV   = takeTurns("turns of values", func(s *State) (int, int) { return 2 * s.Groups * s.Size, s.Value() }, nil)
	TurnsConv  = takeTurns("turns of convolutions", func(s *State) (int, int) { return 2 * s.Groups * s.Size, s.Value() }, &squeezed)
	TurnsGate  = takeTurns("turns of gates", func(s *State) (int, int) { return 0, s.Value() }, nil)
	TurnsHeads = takeTurns("turns of heads", func(s *State) (int, int) { return 0, 1 }, nil)
	TurnsDecay = takeTurns("turns of decays", func(s *State) (int, int) { return 0, 1 }, &Decay)
	TurnsOut   = Op{Name: "turns of outputs", Forward: turnsOut(false), Inverse: turnsOut(true),
		Columns: func(p *Params) func(int) int { return outputTurns(&p.State, false).from }}
)

// turns is that order, behind the first of so many.
type turns struct {
	skip, dim   int
	heads, keys int
	inverse     bool
}

func (m turns) from(i int) int {
	if i < m.skip {
		return i
	}
	head, in, share := (i-m.skip)/m.dim, (i-m.skip)%m.dim, m.heads/m.keys
	if m.inverse {
		return m.skip + (head%share*m.keys+head/share)*m.dim + in
	}
	return m.skip + (head%m.keys*share+head/m.keys)*m.dim + in
}

// takeTurns is that, after another operation if there is one.
func takeTurns(name string, size func(*State) (skip, dim int), with *Op) Op {
	wrap := func(inverse bool) func(*formats.Tensor, *Params) *formats.Tensor {
		return func(t *formats.Tensor, p *Params) *formats.Tensor {
			s := &p.State
			skip, dim := size(s)
			if with != nil && !inverse {
				t = with.Forward(t, p)
			}
			if s.Heads != s.Groups {
				t = permuted(t, turns{skip, dim, s.Heads, s.Groups, inverse}.from)
			}
			if with != nil && inverse {
				t = with.Inverse(t, p)
			}
			return t
		}
	}
	return Op{Name: name, Forward: wrap(false), Inverse: wrap(true), Rounds: with != nil && with.Rounds}
}

func turnsOut(inverse bool) func(*formats.Tensor, *Params) *formats.Tensor {
	return func(t *formats.Tensor, p *Params) *formats.Tensor {
		s := &p.State
		if s.Heads == s.Groups {
			return t
		}
		return movedColumns(t, outputTurns(s, inverse).from)
	}
}

func outputTurns(s *State, inverse bool) turns {
	return turns{0, s.Value(), s.Heads, s.Groups, inverse}
}

package arch

import (
	"slices"

	"quern/formats"
)

// Qwen3Next is the family of Qwen3-Next: Qwen35Moe with heads of values that share one of keys next to each other, and what is made of a layer's inputs in two matrices,
// head of keys by head of keys: queries, keys, values and what multiplies these; and what steers states.
var Qwen3Next = register(Arch{
	Name: "qwen3next",
	Variants: []Variant{{
		Type: "qwen3_next",
		HF:   []string{"Qwen3NextForCausalLM"},
		Defaults: map[string]any{
			"max_position_embeddings": 32768, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "num_key_value_heads": 2, "head_dim": 256, "partial_rotary_factor": 0.25,
			"linear_conv_kernel_dim": 4, "linear_key_head_dim": 128, "linear_value_head_dim": 128, "linear_num_key_heads": 16, "linear_num_value_heads": 32,
			"num_experts": 512, "num_experts_per_tok": 10, "moe_intermediate_size": 512, "shared_expert_intermediate_size": 512, "intermediate_size": 5632, "norm_topk_prob": true,
		},
	}},
	Keys: slices.Concat(hybridShape, expertKeys, headKeys(always), []Key{{GGUF: "general.file_type"}}, hybridExperts, deltaKeys, partKeys, furtherKeys, sizeKeys(never)[:1]),
	Tensors: slices.Concat(offset(hybrid), mlpExperts, sharedExpert, in(keeps, slices.Concat([]Rule{
		{GGUF: "blk.{}.attn_qkv.weight", HF: "model.layers.{}.linear_attn.in_proj_qkvz.weight", Role: RoleStateIn, Shape: "SW E", From: "SWI E", Do: PickQKV},
		{GGUF: "blk.{}.attn_gate.weight", HF: "model.layers.{}.linear_attn.in_proj_qkvz.weight", Role: RoleStateGate, Shape: "SI E", From: "SWI E", Do: PickZ},
		{GGUF: "blk.{}.ssm_ba.weight", HF: "model.layers.{}.linear_attn.in_proj_ba.weight", Role: RoleStateBoth, Shape: "SH2 E"},
	}, straightDelta))),
	Drop:   furtherDeltas,
	Refuse: slices.Concat(hybridRefuses, hybridMoeRefuses),
	Layer:  Layer{RopeNeox: true, RopePart: true, QueryGate: true, Keeper: DeltaNet},
	Finish: finishDelta,
})

// straightDelta are turningDelta's tensors that are not made of several, in the order of the checkpoint.
var straightDelta = func() (rules []Rule) {
	for _, r := range turningDelta {
		switch r.Role {
		case RoleStateConv:
			r.Do = squeezed
		case RoleStateDecay:
			r.Do = Decay
		case RoleStateTime, RoleStateNorm, RoleStateOut:
			r.Do = Op{}
		default:
			continue
		}
		rules = append(rules, r)
	}
	return rules
}()

// PickQKV and PickZ take what a matrix makes for each head of keys apart: all queries, all keys and all values; and what multiplies these.
var (
	PickQKV = Op{Name: "pick queries, keys and values",
		Forward: func(t *formats.Tensor, p *Params) *formats.Tensor {
			s := &p.State
			return pickedBy(t, mingled{s}.ofQKV, []int{s.Wide(), t.Cols()})
		},
		Join: joinMingled,
	}
	PickZ = Op{Name: "pick gates",
		Forward: func(t *formats.Tensor, p *Params) *formats.Tensor {
			return pickedBy(t, mingled{&p.State}.ofZ, []int{p.State.Inner, t.Cols()})
		},
		Join: joinMingled,
	}
)

// mingled is the order of such a matrix: for each head of keys a query, a key, its values and what multiplies them.
type mingled struct{ s *State }

func (m mingled) sizes() (key, values, all int) {
	values = m.s.Inner / m.s.Groups
	return m.s.Size, values, 2*m.s.Size + 2*values
}

// ofQKV is which row of it is one of queries, keys and values.
func (m mingled) ofQKV(i int) int {
	key, values, all := m.sizes()
	keys := m.s.Groups * key
	switch {
	case i < keys:
		return i/key*all + i%key
	case i < 2*keys:
		return (i-keys)/key*all + key + i%key
	}
	i -= 2 * keys
	return i/values*all + 2*key + i%values
}

// ofZ is which row of it is one of what multiplies values.
func (m mingled) ofZ(i int) int {
	key, values, all := m.sizes()
	return i/values*all + 2*key + values + i%values
}

// from is the way back: of which of the two a row is, and which of its rows.
func (m mingled) from(i int) (part, row int) {
	key, values, all := m.sizes()
	group, in := i/all, i%all
	switch {
	case in < key:
		return 0, group*key + in
	case in < 2*key:
		return 0, (m.s.Groups+group)*key + in - key
	case in < 2*key+values:
		return 0, 2*m.s.Groups*key + group*values + in - 2*key
	}
	return 1, group*values + in - 2*key - values
}

// joinMingled puts the two together again.
func joinMingled(parts []*formats.Tensor, p *Params) *formats.Tensor {
	n := *parts[0]
	n.Raw, n.Rows = nil, nil
	n.Shape = []int{2*p.State.Groups*p.State.Size + 2*p.State.Inner, parts[0].Cols()}
	if len(parts) == 2 {
		n.Rows = mingledRows{mingled{&p.State}, parts}
	}
	return &n
}

type mingledRows struct {
	mingled
	parts []*formats.Tensor
}

func (r mingledRows) ReadRows(dst []float32, row int) error {
	for cols := r.parts[0].Cols(); len(dst) >= cols && cols > 0; dst, row = dst[cols:], row+1 {
		part, from := r.from(row)
		if err := r.parts[part].Rows.ReadRows(dst[:cols], from); err != nil {
			return inPart(r.parts[part], err)
		}
	}
	return nil
}

// pickedBy is rows of a matrix as one of the given shape. They stay promises, and stored bytes stay readable.
func pickedBy(t *formats.Tensor, from func(int) int, shape []int) *formats.Tensor {
	n := *t
	n.Shape, n.Rows, n.Raw = shape, nil, nil
	if t.Rows != nil {
		n.Rows = moved(t, movedRows{t.Rows, t.Cols(), from}, from)
	}
	if t.Raw != nil {
		n.Raw = permutedBytes{t.Raw, from, t.Bytes() / int64(t.NumRows()), n.Bytes()}
	}
	return &n
}

package arch

import (
	"slices"

	"quern/formats"
)

// GptOss is the family of gpt-oss: biases everywhere, attention that may look at nothing (sinks), a window in every other layer, and
// experts whose gates are cut off.
var GptOss = register(Arch{
	Name: "gpt-oss",
	Variants: []Variant{{
		Type: "gpt_oss",
		HF:   []string{"GptOssForCausalLM"},
		Defaults: map[string]any{
			"max_position_embeddings": 131072, "rms_norm_eps": 1e-5, "rope_theta": 150000.0, "num_key_value_heads": 8, "head_dim": 64,
			"num_local_experts": 128, "num_experts_per_tok": 4, "sliding_window": 128, "attention_bias": true,
		},
	}},
	Keys: slices.Concat(shapeKeys, expertKeys, headKeys(always), []Key{
		{GGUF: "general.file_type"},
		{GGUF: "{a}.attention.sliding_window", HF: []string{"sliding_window"}, Field: func(p *Params) any { return &p.Window }},
		expertWidth("intermediate_size"),
		sumsToOne,
	}, sizeKeys(never)),
	Tensors: slices.Concat(without(attention, RoleFFNNorm), qwenBiases, []Rule{
		{GGUF: "blk.{}.attn_output.bias", HF: "model.layers.{}.self_attn.o_proj.bias", Role: RoleO, Shape: "E"},
		{GGUF: "blk.{}.attn_sinks.weight", HF: "model.layers.{}.self_attn.sinks", Role: RoleSinks, Shape: "H"},
		{GGUF: "blk.{}.post_attention_norm.weight", HF: "model.layers.{}.post_attention_layernorm.weight", Role: RoleFFNNorm, Shape: "E"},
		{GGUF: "blk.{}.ffn_gate_inp.weight", HF: "model.layers.{}.mlp.router.weight", Role: RoleRouter, Shape: "X E"},
		{GGUF: "blk.{}.ffn_gate_inp.bias", HF: "model.layers.{}.mlp.router.bias", Role: RoleRouter, Shape: "X"},
		{GGUF: "blk.{}.ffn_down_exps.bias", HF: "model.layers.{}.mlp.experts.down_proj_bias", Role: RoleDownExps, Shape: "X E"},
		{GGUF: "blk.{}.ffn_gate_exps.bias", HF: "model.layers.{}.mlp.experts.gate_up_proj_bias", Role: RoleGateExps, Shape: "X M", From: "X MM", Do: EvenOfVectors},
		{GGUF: "blk.{}.ffn_up_exps.bias", HF: "model.layers.{}.mlp.experts.gate_up_proj_bias", Role: RoleUpExps, Shape: "X M", From: "X MM", Do: OddOfVectors},
		// As it is published, the blocks brought into GGUF's order where the checkpoint is opened.
		{GGUF: "blk.{}.ffn_down_exps.weight", HF: "model.layers.{}.mlp.experts.down_proj.weight", Role: RoleDownExps, Shape: "X E M"},
		{GGUF: "blk.{}.ffn_gate_exps.weight", HF: "model.layers.{}.mlp.experts.gate_up_proj.weight", Role: RoleGateExps, Shape: "X M E", From: "X MM E", Do: EvenRows},
		{GGUF: "blk.{}.ffn_up_exps.weight", HF: "model.layers.{}.mlp.experts.gate_up_proj.weight", Role: RoleUpExps, Shape: "X M E", From: "X MM E", Do: OddRows},
		// In 16 bits matrices are stored with inputs outermost.
		{GGUF: "blk.{}.ffn_down_exps.weight", HF: "model.layers.{}.mlp.experts.down_proj", Role: RoleDownExps, Shape: "X E M", From: "X M E", Do: Turn},
		{GGUF: "blk.{}.ffn_gate_exps.weight", HF: "model.layers.{}.mlp.experts.gate_up_proj", Role: RoleGateExps, Shape: "X M E", From: "X E MM", Do: EvenColumns},
		{GGUF: "blk.{}.ffn_up_exps.weight", HF: "model.layers.{}.mlp.experts.gate_up_proj", Role: RoleUpExps, Shape: "X M E", From: "X E MM", Do: OddColumns},
	}),
	Drop: []string{"*.rotary_emb.inv_freq"},
	Refuse: []Refusal{
		siluOnly,
		{HF: "attention_bias", Unless: []string{"true"}, Why: "projections without biases"},
		{HF: "swiglu_limit", Unless: []string{"7"}, Why: "gates are cut off elsewhere"},
		{HF: "swiglu_alpha", Unless: []string{"1.702"}, Why: "gates of another steepness"},
	},
	Layer: Layer{RopeNeox: true, Act: CutSwish, FullEvery: 2, SmoothRamp: true},
})

// Gate and up of an expert lie row by row in turn, or element by element in a bias, or column by column where a matrix is turned.
var (
	EvenRows = everyOther("even rows", 0)
	OddRows  = everyOther("odd rows", 1)

	EvenOfVectors = halfOfVectors("even elements", 0)
	OddOfVectors  = halfOfVectors("odd elements", 1)

	EvenColumns = halfTurned("even columns", 0)
	OddColumns  = halfTurned("odd columns", 1)

	// Turn transposes every matrix.
	Turn = Op{Name: "turn", Turned: true,
		Forward: func(t *formats.Tensor, _ *Params) *formats.Tensor { return turned(t) },
		Inverse: func(t *formats.Tensor, _ *Params) *formats.Tensor { return turned(t) },
	}
)

var inTurn = []pick{{0, 1, 2}, {1, 1, 2}}

func everyOther(name string, i int) Op {
	return Op{Name: name,
		Forward: func(t *formats.Tensor, _ *Params) *formats.Tensor {
			return picked(t, inTurn[i], []int{t.Shape[0], t.Shape[1] / 2, t.Shape[2]})
		},
		Join: func(parts []*formats.Tensor, _ *Params) *formats.Tensor {
			s := parts[0].Shape
			return joined(parts, inTurn, []int{s[0], 2 * s[1], s[2]})
		},
	}
}

// asColumn is vectors of n elements as matrices of one column, or back.
func asColumn(t *formats.Tensor, shape ...int) *formats.Tensor {
	n := *t
	n.Shape, n.Raw, n.Rows = shape, nil, reshapedRows{t.Rows, t.Cols(), shape[len(shape)-1]}
	return &n
}

// reshapedRows reads rows of one length from rows of another, of which one is a multiple of the other.
type reshapedRows struct {
	rows     formats.Rows
	from, to int
}

func (r reshapedRows) ReadRows(dst []float32, row int) error {
	first := row * r.to
	last := first + len(dst)
	from, to := first/r.from, (last+r.from-1)/r.from
	whole := make([]float32, (to-from)*r.from)
	if err := r.rows.ReadRows(whole, from); err != nil {
		return err
	}
	copy(dst, whole[first-from*r.from:])
	return nil
}

func halfOfVectors(name string, i int) Op {
	return Op{Name: name,
		Forward: func(t *formats.Tensor, _ *Params) *formats.Tensor {
			x, n := t.Shape[0], t.Shape[1]
			return asColumn(picked(asColumn(t, x, n, 1), inTurn[i], []int{x, n / 2, 1}), x, n/2)
		},
		Join: func(parts []*formats.Tensor, _ *Params) *formats.Tensor {
			x, n := parts[0].Shape[0], parts[0].Shape[1]
			columns := []*formats.Tensor{asColumn(parts[0], x, n, 1), asColumn(parts[1], x, n, 1)}
			return asColumn(joined(columns, inTurn, []int{x, 2 * n, 1}), x, 2*n)
		},
	}
}

func halfTurned(name string, i int) Op {
	return Op{Name: name, Turned: true,
		Forward: func(t *formats.Tensor, _ *Params) *formats.Tensor {
			return turnedColumns(t, i, 2)
		},
		Join: func(parts []*formats.Tensor, p *Params) *formats.Tensor { return turned(EvenRows.Join(parts, p)) },
	}
}

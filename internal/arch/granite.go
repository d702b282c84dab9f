package arch

import (
	"slices"

	"quern/formats"
)

// Scales multiply what a model adds up, for families that say so; 0 is one.
type Scales struct {
	Embed     float32 // embeddings, where they enter the first layer
	Residual  float32 // what a layer's parts add to the residual stream
	Attention float32 // the comparison of a query with a key, instead of 1/√D
	Logits    float32 // logits are divided by it …
	Times     float32 // … or multiplied
	Values    float32 // what attention gives
	Stream    float32 // what norms give, where that is the stream from there on (Layer.NormStream)
}

// Granite is the family of Granite 3: llama with scales of its own.
var Granite = register(Arch{
	Name: "granite",
	Variants: []Variant{
		{Type: "granite", HF: []string{"GraniteForCausalLM"}, Defaults: graniteDefaults},
		{Type: "granitemoehybrid", HF: []string{"GraniteMoeHybridForCausalLM"}, Defaults: graniteDefaults, If: graniteAttends}, // Granite 4 without layers that keep a state
	},
	Keys: slices.Concat(shapeKeys, headKeys(never), []Key{{GGUF: "general.file_type"}}, sizeKeys(always), scaleKeys, []Key{
		{GGUF: "{a}.deepstack_mapping", Field: func(p *Params) any { return &p.Streams }, Default: nothing, When: func(p *Params) bool { return p.Streams != nil }},
	}),
	Tensors: slices.Concat(without(attention, RoleQ, RoleK), permutedQK, feedForward, sharedAsDense),
	Drop:    []string{"*.rotary_emb.inv_freq"},
	Refuse:  graniteRefuses,
	Finish:  finishGranite,
})

// sharedAsDense are the matrices of a dense network that Granite 4 calls a shared expert.
var sharedAsDense = []Rule{
	{GGUF: "blk.{}.ffn_gate.weight", HF: "model.layers.{}.shared_mlp.input_linear.weight", Role: RoleGate, Shape: "F E", From: "G E", Do: UpperRows},
	{GGUF: "blk.{}.ffn_up.weight", HF: "model.layers.{}.shared_mlp.input_linear.weight", Role: RoleUp, Shape: "F E", From: "G E", Do: LowerRows},
	{GGUF: "blk.{}.ffn_down.weight", HF: "model.layers.{}.shared_mlp.output_linear.weight", Role: RoleDown, Shape: "E F"},
}

// plainHybrid refuses Granite 4 with experts, or whose heads are not rotated.
func plainHybrid(c *Config, p *Params) error {
	if kind, _ := c.String("model_type"); kind != "granitemoehybrid" {
		return nil
	}
	if n, err := c.Float("num_local_experts", 8); err != nil || n != 0 {
		return c.fail("num_local_experts", formats.Unsupported("is %v: experts are not known for this class", n), "")
	}
	if kind, err := c.String("position_embedding_type"); err != nil || kind != "rope" {
		return c.fail("position_embedding_type", formats.Unsupported("is %.60q: heads are not rotated", kind), "")
	}
	v, ok := c.Value("shared_intermediate_size")
	if !ok {
		v = graniteDefaults["shared_intermediate_size"]
	}
	return c.assign("shared_intermediate_size", v, &p.FF)
}

// GraniteMoe is the family of its mixtures, with experts whose weights sum to one, and of those with a shared one.
var GraniteMoe = register(Arch{
	Name: "granitemoe",
	Variants: []Variant{
		{Type: "granitemoe", HF: []string{"GraniteMoeForCausalLM"}, Defaults: graniteDefaults, Ignore: []string{"shared_intermediate_size"}},
		{Type: "granitemoeshared", HF: []string{"GraniteMoeSharedForCausalLM"}, Defaults: graniteDefaults},
	},
	Keys: slices.Concat(shapeKeys, expertKeys, headKeys(never), []Key{{GGUF: "general.file_type"}}, sizeKeys(always), scaleKeys, []Key{
		{GGUF: "{a}.expert_shared_feed_forward_length", HF: []string{"shared_intermediate_size"}, Field: func(p *Params) any { return &p.Mix.SharedFF },
			Default: nothing, When: func(p *Params) bool { return p.Mix.SharedFF > 0 }},
		narrowExperts,
	}),
	Tensors: slices.Concat(without(attention, RoleQ, RoleK), permutedQK, graniteExperts),
	Drop:    []string{"*.rotary_emb.inv_freq"},
	Refuse:  graniteRefuses,
})

// graniteExperts are experts with gate above up, beside a shared one.
var graniteExperts = []Rule{
	{GGUF: "blk.{}.ffn_gate_inp.weight", HF: "model.layers.{}.block_sparse_moe.router.layer.weight", Role: RoleRouter, Shape: "X E", When: mixed},
	{GGUF: "blk.{}.ffn_gate_exps.weight", HF: "model.layers.{}.block_sparse_moe.input_linear.weight", Role: RoleGateExps, Shape: "X M E", From: "X MM E", Do: PickGate, When: mixed},
	{GGUF: "blk.{}.ffn_up_exps.weight", HF: "model.layers.{}.block_sparse_moe.input_linear.weight", Role: RoleUpExps, Shape: "X M E", From: "X MM E", Do: PickUp, When: mixed},
	{GGUF: "blk.{}.ffn_down_exps.weight", HF: "model.layers.{}.block_sparse_moe.output_linear.weight", Role: RoleDownExps, Shape: "X E M", When: mixed},
	{GGUF: "blk.{}.ffn_gate_shexp.weight", HF: "model.layers.{}.shared_mlp.input_linear.weight", Role: RoleGateShared, Shape: "S E", From: "SS E", Do: UpperRows, When: shares},
	{GGUF: "blk.{}.ffn_up_shexp.weight", HF: "model.layers.{}.shared_mlp.input_linear.weight", Role: RoleUpShared, Shape: "S E", From: "SS E", Do: LowerRows, When: shares},
	{GGUF: "blk.{}.ffn_down_shexp.weight", HF: "model.layers.{}.shared_mlp.output_linear.weight", Role: RoleDownShared, Shape: "E S", When: shares},
}

var graniteDefaults = map[string]any{
	"max_position_embeddings": 2048, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "num_local_experts": 8, "num_experts_per_tok": 2,
	"embedding_multiplier": 1.0, "residual_multiplier": 1.0, "attention_multiplier": 1.0, "logits_scaling": 1.0, "tie_word_embeddings": false,
	"shared_intermediate_size": 1024,
}

// scaleKeys are those of Scales.
var scaleKeys = []Key{
	{GGUF: "{a}.attention.scale", HF: []string{"attention_multiplier"}, Field: func(p *Params) any { return &p.Scales.Attention }, Default: nothing,
		When: func(p *Params) bool { return p.Scales.Attention != 0 }},
	{GGUF: "{a}.embedding_scale", HF: []string{"embedding_multiplier"}, Field: func(p *Params) any { return &p.Scales.Embed }, Default: nothing,
		When: func(p *Params) bool { return p.Scales.Embed != 0 }},
	{GGUF: "{a}.residual_scale", HF: []string{"residual_multiplier"}, Field: func(p *Params) any { return &p.Scales.Residual }, Default: nothing,
		When: func(p *Params) bool { return p.Scales.Residual != 0 }},
	{GGUF: "{a}.logit_scale", HF: []string{"logits_scaling"}, Field: func(p *Params) any { return &p.Scales.Logits }, Default: nothing,
		When: func(p *Params) bool { return p.Scales.Logits != 0 }},
}

// permutedQK are queries and keys whose heads are brought from halves to pairs.
var permutedQK = []Rule{
	{GGUF: "blk.{}.attn_q.weight", HF: "model.layers.{}.self_attn.q_proj.weight", Role: RoleQ, Shape: "Q E", Do: PermuteQ},
	{GGUF: "blk.{}.attn_k.weight", HF: "model.layers.{}.self_attn.k_proj.weight", Role: RoleK, Shape: "K E", Do: PermuteK},
}

var graniteRefuses = []Refusal{
	siluOnly,
	{HF: "attention_bias", Unless: []string{"false"}, Why: "projections with biases"},
	{HF: "mlp_bias", Unless: []string{"false"}, Why: "projections with biases"},
	{GGUF: "{a}.rope.scaling.finetuned", Unless: []string{"true"}, Why: "heads are not rotated"},
}

// UpperRows and LowerRows are the halves of a matrix.
var (
	UpperRows = halfOfRows("upper rows", 0)
	LowerRows = halfOfRows("lower rows", 1)
)

func halfOfRows(name string, half int) Op {
	return Op{Name: name,
		Forward: func(t *formats.Tensor, _ *Params) *formats.Tensor {
			n := t.Shape[0] / 2
			return picked(t, pick{half * n, n, 2 * n}, []int{n, t.Shape[1]})
		},
		Join: func(parts []*formats.Tensor, _ *Params) *formats.Tensor {
			n := parts[0].Shape[0]
			return joined(parts, []pick{{0, n, 2 * n}, {n, n, 2 * n}}, []int{2 * n, parts[0].Shape[1]})
		},
	}
}

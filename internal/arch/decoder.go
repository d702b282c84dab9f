package arch

import "slices"

// shapeKeys are the hyper-parameters that every family of decoders begins with, in the reference's order.
var shapeKeys = slices.Concat([]Key{
	{GGUF: "{a}.block_count", HF: []string{"num_hidden_layers", "n_layers", "n_layer", "num_layers"},
		Field: func(p *Params) any { return &p.Layers }},
	{GGUF: "{a}.context_length", HF: []string{"max_position_embeddings", "n_ctx", "n_positions", "max_length", "max_sequence_length"},
		Field: func(p *Params) any { return &p.Context }},
	{GGUF: "{a}.embedding_length", HF: []string{"hidden_size", "n_embd", "dim"},
		Field: func(p *Params) any { return &p.Embd }},
	{GGUF: "{a}.feed_forward_length", HF: []string{"intermediate_size", "n_inner", "hidden_dim"},
		Field: func(p *Params) any { return &p.FF }},
	{GGUF: "{a}.attention.head_count", HF: []string{"num_attention_heads", "n_head", "n_heads"},
		Field: func(p *Params) any { return &p.Heads }},
	{GGUF: "{a}.attention.head_count_kv", HF: []string{"num_key_value_heads", "n_kv_heads"},
		Field: func(p *Params) any { return &p.KVHeads }, Default: func(p *Params) { p.KVHeads = p.Heads }},
	{GGUF: "{a}.rope.scaling.type",
		Field: func(p *Params) any { return &p.RopeType }, Default: nothing, When: scaled},
	{GGUF: "{a}.rope.scaling.factor", Old: []string{"{a}.rope.scale_linear"},
		Field: func(p *Params) any { return &p.RopeScale }, Default: func(p *Params) { p.RopeScale = 1 }, When: scaled},
}, yarnKeys, []Key{
	{GGUF: "{a}.rope.freq_base", HF: []string{"rope_parameters.full_attention.rope_theta", "rope_parameters.rope_theta", "rope_theta", "global_rope_theta", "rotary_emb_base"},
		Field: func(p *Params) any { return &p.RopeBase }, Default: func(p *Params) { p.RopeBase = 10000 }},
	{GGUF: "{a}.attention.layer_norm_rms_epsilon", HF: []string{"rms_norm_eps", "norm_eps"},
		Field: func(p *Params) any { return &p.NormEps }},
})

// headKeys are the sizes of a head.
func headKeys(when func(*Params) bool) []Key {
	return []Key{
		{GGUF: "{a}.attention.key_length", HF: []string{"head_dim"},
			Field: func(p *Params) any { return &p.HeadDim }, Default: headDim, When: when},
		{GGUF: "{a}.attention.value_length", HF: []string{"head_dim"},
			Field: func(p *Params) any { return &p.ValueDim }, Default: func(p *Params) { p.ValueDim = p.HeadDim }, When: when},
	}
}

// sizeKeys are two sizes that follow from others; only llama's files tell them.
func sizeKeys(when func(*Params) bool) []Key {
	return []Key{
		{GGUF: "{a}.vocab_size", HF: []string{"vocab_size"},
			Field: func(p *Params) any { return &p.Vocab }, Default: nothing, When: when},
		{GGUF: "{a}.rope.dimension_count",
			Field: func(p *Params) any { return &p.RopeDim }, Default: func(p *Params) { p.RopeDim = p.HeadDim }, When: when},
	}
}

// named picks from shapeKeys, for a family whose reference files have an order of their own.
func named(names ...string) (keys []Key) {
	for _, name := range names {
		i := slices.IndexFunc(shapeKeys, func(k Key) bool { return k.GGUF == "{a}."+name })
		keys = append(keys, shapeKeys[i])
	}
	return keys
}

// when is keys that are written on a condition.
func when(is func(*Params) bool, keys []Key) []Key {
	for i := range keys {
		keys[i].When = is
	}
	return keys
}

// decoderKeys are the keys of a family that has llama's hyper-parameters and tells sizes of heads when heads says so.
func decoderKeys(heads func(*Params) bool) []Key {
	return slices.Concat(shapeKeys, headKeys(heads), []Key{{GGUF: "general.file_type"}}, sizeKeys(never))
}

// decoder are llama's tensors without its permutation and its optional biases.
var decoder = []Rule{
	{GGUF: "token_embd.weight", HF: "model.embed_tokens.weight", Role: RoleEmbed, Shape: "V E"},
	{GGUF: "blk.{}.attn_norm.weight", HF: "model.layers.{}.input_layernorm.weight", Role: RoleAttnNorm, Shape: "E"},
	{GGUF: "blk.{}.attn_q.weight", HF: "model.layers.{}.self_attn.q_proj.weight", Role: RoleQ, Shape: "Q E"},
	{GGUF: "blk.{}.attn_k.weight", HF: "model.layers.{}.self_attn.k_proj.weight", Role: RoleK, Shape: "K E"},
	{GGUF: "blk.{}.attn_v.weight", HF: "model.layers.{}.self_attn.v_proj.weight", Role: RoleV, Shape: "K E"},
	{GGUF: "blk.{}.attn_output.weight", HF: "model.layers.{}.self_attn.o_proj.weight", Role: RoleO, Shape: "E Q"},
	{GGUF: "blk.{}.ffn_norm.weight", HF: "model.layers.{}.post_attention_layernorm.weight", Role: RoleFFNNorm, Shape: "E"},
	{GGUF: "blk.{}.ffn_gate.weight", HF: "model.layers.{}.mlp.gate_proj.weight", Role: RoleGate, Shape: "F E"},
	{GGUF: "blk.{}.ffn_up.weight", HF: "model.layers.{}.mlp.up_proj.weight", Role: RoleUp, Shape: "F E"},
	{GGUF: "blk.{}.ffn_down.weight", HF: "model.layers.{}.mlp.down_proj.weight", Role: RoleDown, Shape: "E F"},
	{GGUF: "output_norm.weight", HF: "model.norm.weight", Role: RoleOutputNorm, Shape: "E"},
	{GGUF: "output.weight", HF: "lm_head.weight", Role: RoleOutput, Shape: "V E", Optional: true},
}

// partKeys are the part of each head that is rotated, and rope.dimension_count, which follows from it.
var partKeys = []Key{
	{HF: []string{"rope_parameters.partial_rotary_factor", "rope_scaling.partial_rotary_factor", "partial_rotary_factor", "rotary_pct", "rope_pct"},
		Field: func(p *Params) any { return &p.RopePart }, When: never, Default: func(p *Params) { p.RopePart = 1 }},
	{GGUF: "{a}.rope.dimension_count", Field: func(p *Params) any { return &p.RopeDim },
		Default: func(p *Params) {
			if p.HeadDim == 0 {
				headDim(p)
			}
			p.RopeDim = int(float64(float64(p.RopePart)*float64(p.HeadDim)) + 1e-3) // the part is a rounded number
		}},
}

func nothing(*Params)        {}
func always(*Params) bool    { return true }
func never(*Params) bool     { return false }
func scaled(p *Params) bool  { return p.RopeType == "linear" || p.RopeType == "yarn" }
func ownHead(p *Params) bool { return p.HeadDim*p.Heads != p.Embd }
func headDim(p *Params) {
	if p.Heads > 0 {
		p.HeadDim = p.Embd / p.Heads
	}
}

// llamaKeys are those of a family whose files tell what llama's do.
var llamaKeys = slices.Concat(shapeKeys, headKeys(ownHead), []Key{{GGUF: "general.file_type"}}, sizeKeys(always))

// siluOnly refuses other activations.
var siluOnly = Refusal{HF: "hidden_act", Unless: []string{"silu", "swish"}, Why: "its activation function is not silu"}

// plainRefuses are what most families that llama is the pattern of do not have.
var plainRefuses = []Refusal{
	siluOnly,
	{HF: "attention_bias", Unless: []string{"false"}, Why: "projections with biases"},
	{HF: "mlp_bias", Unless: []string{"false"}, Why: "projections with biases"},
	{HF: "partial_rotary_factor", Unless: []string{"1"}, Why: "only a part of each head is rotated"},
	{HF: "rope_parameters.partial_rotary_factor", Unless: []string{"1"}, Why: "only a part of each head is rotated"},
}

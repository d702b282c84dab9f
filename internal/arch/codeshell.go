package arch

import "slices"

// CodeShell is the family of that name: StarCoder with shared keys and values, and heads rotated in halves instead of learned positions.
var CodeShell = register(Arch{
	Name:   "codeshell",
	Prefix: "transformer.",
	Variants: []Variant{{
		Type: "codeshell",
		HF:   []string{"CodeShellForCausalLM"},
		Defaults: map[string]any{
			"n_positions": 8192, "layer_norm_epsilon": 1e-5, "num_query_groups": 8, "activation_function": "gelu_pytorch_tanh", "rope_theta": 10000.0,
		},
	}},
	Keys: slices.Concat([]Key{
		told("context_length", "n_positions"),
		told("embedding_length", "n_embd"),
		fourfold(told("feed_forward_length", "n_inner")),
		told("block_count", "n_layer"),
		told("attention.head_count", "n_head"),
		told("attention.head_count_kv", "num_query_groups"),
		told("attention.layer_norm_epsilon", "layer_norm_epsilon"),
		{GGUF: "general.file_type"},
		geluKey("activation_function", "gelu_pytorch_tanh"),
	}, named("rope.freq_base"), []Key{
		{GGUF: "{a}.rope.scaling.type", Field: func(*Params) any { linear := "linear"; return &linear }, Default: nothing}, // by a factor of one
	}, when(always, named("rope.scaling.factor")), impliedHead, sizeKeys(never)),
	Tensors: slices.Concat([]Rule{
		{GGUF: "token_embd.weight", HF: "transformer.wte.weight", Role: RoleEmbed, Shape: "V E"},
	}, starCoderLayers, only(decoder, RoleOutput)),
	Drop: []string{"*.rotary_emb.inv_freq", "transformer.h.*.attn.bias", "transformer.h.*.attn.masked_bias"},
	Refuse: []Refusal{
		geluOnly("activation_function"),
		{HF: "position_embedding_type", Unless: []string{"rope"}, Why: "learned positions"},
		{HF: "group_query_attention", Unless: []string{"true"}, Why: "keys and values for each head"},
		{HF: "scale_attn_weights", Unless: []string{"true"}, Why: "scores are not divided by √D"},
		{HF: "rope_scaling", Why: "stretched positions, which the reference does not know for it"},
	},
	Layer: Layer{MeanNorm: true, Ungated: true, Act: GELUTanh, RopeNeox: true},
})

package arch

import "slices"

// Bloom is the family of BLOOM and BLOOMZ: heads that know distances instead of being rotated, a norm of embeddings, and queries, keys and
// values of a head beside each other in one matrix.
var Bloom = register(Arch{
	Name:   "bloom",
	Prefix: "transformer.", Loose: true,
	Variants: []Variant{{
		Type: "bloom",
		HF:   []string{"BloomForCausalLM", "BloomModel"},
		Bare: []string{"BloomModel"},
		Defaults: map[string]any{
			"seq_length": 2048, "layer_norm_epsilon": 1e-5, "tie_word_embeddings": true, "apply_residual_connection_post_layernorm": false,
		},
	}},
	Keys: slices.Concat([]Key{
		told("context_length", "seq_length"),
		told("embedding_length", "hidden_size", "n_embed"),
		fourfold(told("feed_forward_length")),
		told("block_count", "n_layer", "num_hidden_layers"),
		told("attention.head_count", "n_head", "num_attention_heads"),
		told("attention.head_count_kv"),
		told("attention.layer_norm_epsilon", "layer_norm_epsilon"),
		{GGUF: "general.file_type"},
		{GGUF: "{a}.attention.max_alibi_bias", Field: func(p *Params) any { return &p.Alibi }, When: never, Default: func(p *Params) { p.Alibi = 8 }},
	}, stillKeys),
	Tensors: slices.Concat([]Rule{
		{GGUF: "token_embd.weight", HF: "transformer.word_embeddings.weight", Role: RoleEmbed, Shape: "V E"},
	}, biased(
		Rule{GGUF: "token_embd_norm.weight", HF: "transformer.word_embeddings_layernorm.weight", Role: RoleEmbedNorm, Shape: "E"},
		Rule{GGUF: "blk.{}.attn_norm.weight", HF: "transformer.h.{}.input_layernorm.weight", Role: RoleAttnNorm, Shape: "E"},
		Rule{GGUF: "blk.{}.attn_qkv.weight", HF: "transformer.h.{}.self_attention.query_key_value.weight", Role: RoleQ, And: keysValues, Shape: "A E", Do: Ungroup},
		Rule{GGUF: "blk.{}.attn_output.weight", HF: "transformer.h.{}.self_attention.dense.weight", Role: RoleO, Shape: "E Q"},
		Rule{GGUF: "blk.{}.ffn_norm.weight", HF: "transformer.h.{}.post_attention_layernorm.weight", Role: RoleFFNNorm, Shape: "E"},
		Rule{GGUF: "blk.{}.ffn_up.weight", HF: "transformer.h.{}.mlp.dense_h_to_4h.weight", Role: RoleUp, Shape: "F E"},
		Rule{GGUF: "blk.{}.ffn_down.weight", HF: "transformer.h.{}.mlp.dense_4h_to_h.weight", Role: RoleDown, Shape: "E F"},
		Rule{GGUF: "output_norm.weight", HF: "transformer.ln_f.weight", Role: RoleOutputNorm, Shape: "E"},
	), only(decoder, RoleOutput)),
	Refuse: []Refusal{
		{HF: "apply_residual_connection_post_layernorm", Unless: []string{"false"}, Why: "what is normed is carried on instead of the stream"},
	},
	Layer: Layer{MeanNorm: true, Ungated: true, Act: GELUTanh, StillEvery: 1},
})

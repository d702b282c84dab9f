package arch

import "slices"

// GPTNeoX is the family of GPT-NeoX and Pythia: two norms of the same stream, one for each part of a layer, queries, keys and values of a head
// beside each other in one matrix, and heads of which a part is rotated.
var GPTNeoX = register(Arch{
	Name:   "gptneox",
	Prefix: "gpt_neox.",
	Variants: []Variant{{
		Type: "gpt_neox",
		HF:   []string{"GPTNeoXForCausalLM", "GPTNeoXModel"},
		Bare: []string{"GPTNeoXModel"},
		Defaults: map[string]any{
			"max_position_embeddings": 2048, "layer_norm_eps": 1e-5, "rotary_emb_base": 10000.0, "rotary_pct": 0.25, "hidden_act": "gelu",
			"use_parallel_residual": true,
		},
	}},
	Keys: slices.Concat(
		named("context_length", "embedding_length", "block_count", "feed_forward_length"),
		impliedHead, partKeys, named("attention.head_count"), quiet(told("attention.head_count_kv")),
		[]Key{parallelKey, told("attention.layer_norm_epsilon", "layer_norm_eps"), {GGUF: "general.file_type"}, geluKey("hidden_act", "gelu")},
		otherRope, sizeKeys(never)[:1],
	),
	Tensors: slices.Concat([]Rule{
		{GGUF: "token_embd.weight", HF: "gpt_neox.embed_in.weight", Role: RoleEmbed, Shape: "V E"},
	}, biased(
		Rule{GGUF: "blk.{}.attn_norm.weight", HF: "gpt_neox.layers.{}.input_layernorm.weight", Role: RoleAttnNorm, Shape: "E"},
		Rule{GGUF: "blk.{}.attn_qkv.weight", HF: "gpt_neox.layers.{}.attention.query_key_value.weight", Role: RoleQ, And: keysValues, Shape: "A E", Do: Ungroup},
		Rule{GGUF: "blk.{}.attn_output.weight", HF: "gpt_neox.layers.{}.attention.dense.weight", Role: RoleO, Shape: "E Q"},
		Rule{GGUF: "blk.{}.ffn_norm.weight", HF: "gpt_neox.layers.{}.post_attention_layernorm.weight", Role: RoleFFNNorm, Shape: "E"},
		Rule{GGUF: "blk.{}.ffn_up.weight", HF: "gpt_neox.layers.{}.mlp.dense_h_to_4h.weight", Role: RoleUp, Shape: "F E"},
		Rule{GGUF: "blk.{}.ffn_down.weight", HF: "gpt_neox.layers.{}.mlp.dense_4h_to_h.weight", Role: RoleDown, Shape: "E F"},
		Rule{GGUF: "output_norm.weight", HF: "gpt_neox.final_layer_norm.weight", Role: RoleOutputNorm, Shape: "E"},
	), []Rule{{GGUF: "output.weight", HF: "embed_out.weight", Role: RoleOutput, Shape: "V E"}}),
	Drop: []string{"*.rotary_emb.inv_freq", "*.attention.bias", "*.attention.masked_bias"},
	Refuse: []Refusal{
		geluOnly("hidden_act"),
		{HF: "attention_bias", Unless: []string{"true"}, Why: "projections without biases"},
		{HF: "tie_word_embeddings", Unless: []string{"false"}, Why: "the embedding as output head"},
	},
	Layer: Layer{MeanNorm: true, Ungated: true, Act: GELU, RopeNeox: true, RopePart: true},
})

package arch

import "slices"

// StableLM is the family of StableLM and StableLM 2: llama with norms that take the mean away and heads of which a part is rotated. The 12B
// model norms every head of queries and keys with weights of its own, and gives both parts of a layer the same.
var StableLM = register(Arch{
	Name: "stablelm",
	Variants: []Variant{{
		Type: "stablelm",
		HF:   []string{"StableLmForCausalLM", "StableLMEpochForCausalLM"},
		Defaults: map[string]any{
			"max_position_embeddings": 4096, "layer_norm_eps": 1e-5, "rope_theta": 10000.0, "num_key_value_heads": 32, "partial_rotary_factor": 0.25,
			"use_parallel_residual": false, "qk_layernorm": false, "use_qkv_bias": false, "hidden_act": "silu",
		},
	}},
	Keys: slices.Concat(
		named("context_length", "embedding_length", "block_count", "feed_forward_length"),
		partKeys,
		named("attention.head_count", "attention.head_count_kv"),
		[]Key{parallelKey, told("attention.layer_norm_epsilon", "layer_norm_eps", "norm_eps"), {GGUF: "general.file_type"}},
		otherRope, impliedHead, sizeKeys(never)[:1],
	),
	Tensors: slices.Concat(
		meanNorms(without(decoder, RoleFFNNorm)),
		whenSerial(meanNorms(only(decoder, RoleFFNNorm))),
		flagged("use_qkv_bias", qwenBiases),
		flagged("qk_layernorm", []Rule{
			{GGUF: "blk.{}.attn_q_norm.weight", HF: "model.layers.{}.self_attn.q_layernorm.norms.{h}.weight", Role: RoleQNorm, Shape: "H D"},
			{GGUF: "blk.{}.attn_k_norm.weight", HF: "model.layers.{}.self_attn.k_layernorm.norms.{kv}.weight", Role: RoleKNorm, Shape: "HK D"},
		}),
	),
	Drop: []string{"*.rotary_emb.inv_freq"},
	Refuse: []Refusal{
		siluOnly,
		{HF: "tie_word_embeddings", Unless: []string{"false"}, Why: "the embedding as output head"},
	},
	Layer: Layer{MeanNorm: true, RopeNeox: true, RopePart: true},
})

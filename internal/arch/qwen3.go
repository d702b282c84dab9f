package arch

import "slices"

// Qwen3 is the family of dense Qwen 3 models: llama without biases, each head of queries and keys normed before it is
// rotated in halves.
var Qwen3 = register(Arch{
	Name: "qwen3",
	Variants: []Variant{{
		Type: "qwen3",
		HF:   []string{"Qwen3ForCausalLM", "Qwen3Model"},
		Bare: []string{"Qwen3Model"},
		Defaults: map[string]any{
			"max_position_embeddings": 32768, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "num_key_value_heads": 32, "head_dim": 128,
		},
	}},
	Keys:    decoderKeys(always),
	Tensors: slices.Concat(decoder, headNorms),
	Drop:    []string{"*.rotary_emb.inv_freq"},
	Refuse: slices.Concat(qwenRefuses, []Refusal{
		{HF: "attention_bias", Unless: []string{"false"}, Why: "projections with biases"},
	}),
	Layer: Layer{RopeNeox: true},
})

// headNorms are norms of each head of queries and keys.
var headNorms = []Rule{
	{GGUF: "blk.{}.attn_q_norm.weight", HF: "model.layers.{}.self_attn.q_norm.weight", Role: RoleQNorm, Shape: "D"},
	{GGUF: "blk.{}.attn_k_norm.weight", HF: "model.layers.{}.self_attn.k_norm.weight", Role: RoleKNorm, Shape: "D"},
}

package arch

import "slices"

// SeedOss is the family of Seed-OSS: llama with biases of queries, keys and values, and heads rotated in halves.
var SeedOss = register(Arch{
	Name: "seed_oss",
	Variants: []Variant{{
		Type: "seed_oss",
		HF:   []string{"SeedOssForCausalLM", "SeedOssModel"},
		Bare: []string{"SeedOssModel"},
		Defaults: map[string]any{
			"max_position_embeddings": 524288, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "num_key_value_heads": 8, "head_dim": 128, "attention_bias": true,
		},
	}},
	Keys: decoderKeys(always),
	Tensors: slices.Concat(without(decoder, RoleFFNNorm), flaggedBiases, []Rule{
		{GGUF: "blk.{}.post_attention_norm.weight", HF: "model.layers.{}.post_attention_layernorm.weight", Role: RoleFFNNorm, Shape: "E"},
	}),
	Drop: []string{"*.rotary_emb.inv_freq"},
	Refuse: []Refusal{
		siluOnly,
		{HF: "attention_out_bias", Unless: []string{"false"}, Why: "projections with biases"},
		{HF: "mlp_bias", Unless: []string{"false"}, Why: "projections with biases"},
	},
	Layer: Layer{RopeNeox: true},
})

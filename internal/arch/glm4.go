package arch

import "slices"

// GLM4 is the family of GLM-4 as of 2025 (GLM-4-0414, GLM-Z1): norms of what a layer's parts are given and of what they add, gate and up in
// one matrix, heads half of which is rotated in pairs.
var GLM4 = register(Arch{
	Name: "glm4",
	Variants: []Variant{{
		Type: "glm4",
		HF:   []string{"Glm4ForCausalLM", "Glm4Model"},
		Bare: []string{"Glm4Model"},
		Defaults: map[string]any{
			"max_position_embeddings": 131072, "rms_norm_eps": 1.5625e-07, "rope_theta": 10000.0, "num_key_value_heads": 2, "head_dim": 128,
			"partial_rotary_factor": 0.5,
		},
	}},
	Keys: slices.Concat(shapeKeys, headKeys(always), []Key{{GGUF: "general.file_type"}}, partKeys, sizeKeys(never)[:1]),
	Tensors: slices.Concat(without(decoder, RoleFFNNorm, RoleGate, RoleUp), flaggedBiases, []Rule{
		{GGUF: "blk.{}.post_attention_norm.weight", HF: "model.layers.{}.post_self_attn_layernorm.weight", Role: RoleAttnPost, Shape: "E"},
		{GGUF: "blk.{}.ffn_norm.weight", HF: "model.layers.{}.post_attention_layernorm.weight", Role: RoleFFNNorm, Shape: "E"},
		{GGUF: "blk.{}.ffn_up.weight", HF: "model.layers.{}.mlp.gate_up_proj.weight", Role: RoleGate, And: []Role{RoleUp}, Shape: "G E"},
		{GGUF: "blk.{}.post_ffw_norm.weight", HF: "model.layers.{}.post_mlp_layernorm.weight", Role: RoleFFNPost, Shape: "E"},
	}),
	Drop: []string{"*.rotary_emb.inv_freq"},
	Refuse: []Refusal{
		siluOnly,
	},
	Layer: Layer{RopePart: true},
})

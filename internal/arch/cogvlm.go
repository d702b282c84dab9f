package arch

import "slices"

// CogVLM is the language model of CogVLM (its tower: tower_cogvlm.go): llama with queries, keys and values in one matrix, and beside every
// matrix another one, which images go through in its stead. A text never meets those.
var CogVLM = register(Arch{
	Name: "cogvlm",
	Variants: []Variant{{
		Type: "cogvlm",
		HF:   []string{"CogVLMForCausalLM"},
		Defaults: map[string]any{
			"max_position_embeddings": 2048, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
		},
	}},
	Keys: decoderKeys(ownHead),
	Tensors: slices.Concat(without(decoder, RoleQ, RoleK, RoleV, RoleO, RoleGate, RoleUp, RoleDown), []Rule{
		{GGUF: "blk.{}.attn_qkv.weight", HF: cogText + "self_attn.language_expert_query_key_value.weight", Role: RoleQ, And: []Role{RoleK, RoleV}, Shape: "A E"},
		{GGUF: "blk.{}.attn_output.weight", HF: cogText + "self_attn.language_expert_dense.weight", Role: RoleO, Shape: "E Q"},
		{GGUF: "blk.{}.ffn_gate.weight", HF: cogText + "mlp.language_mlp.gate_proj.weight", Role: RoleGate, Shape: "F E"},
		{GGUF: "blk.{}.ffn_up.weight", HF: cogText + "mlp.language_mlp.up_proj.weight", Role: RoleUp, Shape: "F E"},
		{GGUF: "blk.{}.ffn_down.weight", HF: cogText + "mlp.language_mlp.down_proj.weight", Role: RoleDown, Shape: "E F"},
		{GGUF: "blk.{}.vis_attn_qkv.weight", HF: cogText + "self_attn.vision_expert_query_key_value.weight", Role: RoleVision, Shape: "A E"},
		{GGUF: "blk.{}.vis_attn_output.weight", HF: cogText + "self_attn.vision_expert_dense.weight", Role: RoleVision, Shape: "E Q"},
		{GGUF: "blk.{}.vis_gate.weight", HF: cogText + "mlp.vision_mlp.gate_proj.weight", Role: RoleVision, Shape: "F E"},
		{GGUF: "blk.{}.vis_up.weight", HF: cogText + "mlp.vision_mlp.up_proj.weight", Role: RoleVision, Shape: "F E"},
		{GGUF: "blk.{}.vis_down.weight", HF: cogText + "mlp.vision_mlp.down_proj.weight", Role: RoleVision, Shape: "E F"},
	}),
	Drop: []string{"*.rotary_emb.inv_freq"},
	Refuse: []Refusal{
		siluOnly,
		{HF: "num_multi_query_heads", Why: "queries share keys, for which runtimes have no room"},
	},
	Layer: Layer{RopeNeox: true},
})

const cogText = "model.layers.{}."

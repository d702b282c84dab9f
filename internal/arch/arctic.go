package arch

import "slices"

// Arctic is the family of Snowflake Arctic: llama with a dense network as wide as the stream, and experts that are given what the layer is, before attention, by a norm
// of their own.
var Arctic = register(arctic())

// arctic is that family before it is in the table.
func arctic() Arch {
	keys := slices.Clone(shapeKeys)
	for i := range keys {
		if keys[i].GGUF == "{a}.feed_forward_length" {
			keys[i].Field = func(p *Params) any { return &p.Mix.FF }
		}
	}
	return Arch{
		Name: "arctic",
		Variants: []Variant{{
			Type: "arctic",
			HF:   []string{"ArcticForCausalLM"},
			Defaults: map[string]any{
				"max_position_embeddings": 4096, "rms_norm_eps": 1e-5, "rope_theta": 1e6, "num_local_experts": 8, "num_experts_per_tok": 1, "moe_layer_frequency": 2.0,
				"parallel_attn_mlp_res": false, "use_residual": true,
			},
		}},
		Keys: slices.Concat(keys, expertKeys, impliedHead, []Key{{GGUF: "general.file_type"}}, sizeKeys(always), []Key{
			{Field: func(p *Params) any { return &p.FF }, When: never, Default: func(p *Params) { p.FF = p.Embd }},
			sumsToOne,
		}),
		Tensors: slices.Concat(without(attention, RoleQ, RoleK, RoleFFNNorm), permutedQK, []Rule{
			{GGUF: "blk.{}.ffn_norm.weight", HF: "model.layers.{}.residual_layernorm.weight", Role: RoleFFNNorm, Shape: "E"},
			{GGUF: "blk.{}.ffn_gate.weight", HF: "model.layers.{}.residual_mlp.w1.weight", Role: RoleGate, Shape: "F E"},
			{GGUF: "blk.{}.ffn_up.weight", HF: "model.layers.{}.residual_mlp.w3.weight", Role: RoleUp, Shape: "F E"},
			{GGUF: "blk.{}.ffn_down.weight", HF: "model.layers.{}.residual_mlp.w2.weight", Role: RoleDown, Shape: "E F"},
			{GGUF: "blk.{}.ffn_norm_exps.weight", HF: "model.layers.{}.post_attention_layernorm.weight", Role: RoleExpsNorm, Shape: "E"},
		}, experts("model.layers.{}.block_sparse_moe.gate.weight", "model.layers.{}.block_sparse_moe.experts", "w1", "w3", "w2")),
		Drop: []string{"*.rotary_emb.inv_freq"},
		Refuse: []Refusal{
			siluOnly,
			{HF: "attention_bias", Unless: []string{"false"}, Why: "projections with biases"},
			{HF: "parallel_attn_mlp_res", Unless: []string{"true"}, Why: "experts behind attention"},
			{HF: "use_residual", Unless: []string{"true"}, Why: "no dense network beside experts"},
			{HF: "moe_layer_frequency", Unless: []string{"1"}, Why: "layers without experts"},
		},
		Layer: Layer{Before: true},
	}
}

package arch

import (
	"slices"

	"quern/formats"
)

// Afmoe is the family of Trinity: dense first layers, then experts chosen by a sigmoid with a bias; what attention gives is multiplied by a gate of its
// own; norms before and after both parts of a layer; three layers with a window, then one that sees all and rotates nothing. How often that is, and
// how embeddings are scaled, is built into runtimes.
var Afmoe = register(Arch{
	Name: "afmoe",
	Variants: []Variant{{
		Type: "afmoe",
		HF:   []string{"AfmoeForCausalLM"},
		Defaults: map[string]any{
			"max_position_embeddings": 16384, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "head_dim": 128, "sliding_window": 1024, "num_dense_layers": 1,
			"num_experts": 64, "num_experts_per_tok": 6, "num_shared_experts": 2, "moe_intermediate_size": 1408, "route_scale": 1.0, "route_norm": true, "mup_enabled": false,
		},
	}},
	Keys: slices.Concat(shapeKeys, expertKeys, groupKeys[:2], []Key{scoreSigmoid("score_func")}, headKeys(always), []Key{{GGUF: "general.file_type"}}, sizeKeys(always), []Key{
		{GGUF: "{a}.expert_shared_count", HF: []string{"num_shared_experts"}, Field: func(p *Params) any { return &p.Mix.Shared }, Default: nothing},
		sharedKeys[0], sharedKeys[4],
		denseLayers("num_dense_layers"),
		{GGUF: "{a}.expert_weights_norm", HF: []string{"route_norm"}, Field: func(p *Params) any { return &p.Mix.Norm }, Default: nothing},
		{GGUF: "{a}.expert_weights_scale", HF: []string{"route_scale"}, Field: func(p *Params) any { return &p.Mix.Scale }, Default: nothing},
		windowKeys[0],
	}),
	Tensors: slices.Concat(without(attention, RoleFFNNorm), headNorms, []Rule{
		{GGUF: "blk.{}.attn_gate.weight", HF: "model.layers.{}.self_attn.gate_proj.weight", Role: RoleAttnGate, Shape: "Q E"},
		{GGUF: "blk.{}.post_attention_norm.weight", HF: "model.layers.{}.post_attention_layernorm.weight", Role: RoleAttnPost, Shape: "E"},
		{GGUF: "blk.{}.ffn_norm.weight", HF: "model.layers.{}.pre_mlp_layernorm.weight", Role: RoleFFNNorm, Shape: "E"},
		{GGUF: "blk.{}.post_ffw_norm.weight", HF: "model.layers.{}.post_mlp_layernorm.weight", Role: RoleFFNPost, Shape: "E"},
		{GGUF: "blk.{}.exp_probs_b.bias", HF: "model.layers.{}.mlp.expert_bias", Role: RoleRouterBias, Shape: "X", When: mixed},
	}, feedForward, renamed(mlpExperts, map[Role]string{RoleRouter: "model.layers.{}.mlp.router.gate.weight"}), sharedExperts),
	Drop: []string{"*.rotary_emb.inv_freq"},
	Refuse: slices.Concat(plainRefuses, []Refusal{
		{HF: "mup_enabled", Unless: []string{"true"}, Why: "embeddings that are not scaled"},
		{HF: "route_norm", Unless: []string{"true"}, Why: "weights of experts that are not divided by their sum"},
		{HF: "score_func", Unless: []string{"sigmoid"}, Why: "another way to choose experts"},
		{HF: "global_attn_every_n_layers", Unless: []string{"4"}, Why: "another order of windows"},
		{HF: "rope_scaling", Why: "stretched positions, which runtimes do not know for it"},
		{HF: "rope_parameters.rope_type", Unless: []string{"default"}, Why: "stretched positions, which runtimes do not know for it"},
	}),
	Layer: Layer{RopeNeox: true, ScaleEmbed: true, FullEvery: 4, StillFull: true},
	Finish: func(c *Config, p *Params) error {
		if p.Window == 0 {
			return c.fail("sliding_window", formats.Unsupported("missing: runtimes take layers of this family to have windows"), "")
		}
		return windows(c, p, Layer{FullEvery: 4})
	},
})

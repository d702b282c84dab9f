package arch

import (
	"fmt"
	"slices"

	"quern/formats"
)

// HYV3 is the family of Hunyuan 3: dense first layers, then experts chosen by a sigmoid with a bias, beside one that every token is given to; heads are
// normed and rotated in halves. Files tell which layers are dense by their tensors.
var HYV3 = register(Arch{
	Name: "hy_v3",
	Variants: []Variant{{
		Type: "hy_v3",
		HF:   []string{"HYV3ForCausalLM"},
		Defaults: map[string]any{
			"max_position_embeddings": 131072, "rms_norm_eps": 1e-5, "rope_theta": 11158840.0, "num_key_value_heads": 8, "head_dim": 128, "num_experts": 192,
			"num_experts_per_tok": 8, "num_shared_experts": 1, "moe_intermediate_size": 1536, "router_scaling_factor": 2.826, "route_norm": true, "first_k_dense_replace": 1,
		},
	}},
	Keys: slices.Concat(shapeKeys, expertKeys, headKeys(always), []Key{
		{GGUF: "general.file_type"},
		sharedKeys[0],
		{HF: []string{"num_shared_experts"}, Field: func(p *Params) any { return &p.Mix.Shared }, When: never, Default: func(p *Params) {
			p.Mix.Shared = p.Mix.SharedFF / max(1, p.Mix.FF)
		}},
		{GGUF: "{a}.expert_shared_feed_forward_length", Field: func(p *Params) any { return &p.Mix.SharedFF }, Default: func(p *Params) { p.Mix.SharedFF = p.Mix.Shared * p.Mix.FF }},
		{GGUF: "{a}.expert_weights_norm", HF: []string{"route_norm"}, Field: func(p *Params) any { return &p.Mix.Norm }, Default: nothing},
		{GGUF: "{a}.expert_weights_scale", HF: []string{"router_scaling_factor"}, Field: func(p *Params) any { return &p.Mix.Scale }, Default: func(p *Params) { p.Mix.Scale = 1 }},
		{GGUF: "{a}.expert_gating_func", Field: func(p *Params) any { return &p.Mix.Gate }, Default: func(p *Params) { p.Mix.Gate = GateSigmoid }},
		{HF: []string{"first_k_dense_replace"}, Field: func(p *Params) any { return &p.Mix.Dense }, When: never, Default: nothing},
	}, furtherKeys, sizeKeys(never)),
	Tensors: slices.Concat(attention, headNorms, feedForward, renamed(mlpExperts, map[Role]string{RoleRouter: "model.layers.{}.mlp.router.gate.weight"}), renamed(sharedExperts, map[Role]string{
		RoleGateShared: "model.layers.{}.mlp.shared_mlp.gate_proj.weight", RoleUpShared: "model.layers.{}.mlp.shared_mlp.up_proj.weight", RoleDownShared: "model.layers.{}.mlp.shared_mlp.down_proj.weight",
	}), []Rule{
		{GGUF: "blk.{}.exp_probs_b", HF: "model.layers.{}.mlp.expert_bias", Role: RoleRouterBias, Shape: "X", When: mixed},
	}),
	Drop: []string{"*.rotary_emb.inv_freq", "model.layers.{+}.*", "blk.{+}.*"},
	Refuse: slices.Concat(plainRefuses, []Refusal{
		{HF: "qk_norm", Unless: []string{"true"}, Why: "queries and keys without norms"},
		{HF: "route_norm", Unless: []string{"true"}, Why: "weights of experts that are not divided by their sum"},
		{HF: "moe_router_use_sigmoid", Unless: []string{"true"}, Why: "another way to choose experts"},
	}),
	Layer:  Layer{RopeNeox: true},
	Finish: denseFirst,
	Look: func(src *formats.Source, p *Params) {
		for p.Mix.Dense < min(p.Layers, maxList) && src.Tensor(fmt.Sprintf("blk.%d.ffn_gate.weight", p.Mix.Dense)) != nil {
			p.Mix.Dense++
		}
	},
})

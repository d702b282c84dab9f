package arch

import "slices"

// BailingMoe2 is the family of Ling 2 and Ring 2, and of Sarvam: dense first layers, then the experts of DeepSeek-V3; queries, keys and values are one
// matrix; heads are normed, and half of each is rotated (of Sarvam's all).
var BailingMoe2 = register(Arch{
	Name: "bailingmoe2",
	Variants: []Variant{{
		Type:     "bailing_moe_v2",
		HF:       []string{"BailingMoeV2ForCausalLM"},
		Defaults: bailing2Defaults(0.5),
	}, {
		Type:     "sarvam_moe",
		HF:       []string{"SarvamMoEForCausalLM", "modeling_sarvam_moe.SarvamMoEForCausalLM"},
		Defaults: bailing2Defaults(1.0),
		Ignore:   []string{"rope_parameters.partial_rotary_factor"}, // all of a head is rotated whatever it says
	}},
	Keys: slices.Concat(shapeKeys, expertKeys, groupKeys[:2], []Key{scoreSigmoid("score_function")}, headKeys(ownHead), []Key{{GGUF: "general.file_type"}}, partKeys, []Key{
		denseLayers("first_k_dense_replace"),
		sizeKeys(always)[0],
		sharedKeys[0],
		{GGUF: "{a}.expert_shared_feed_forward_length", HF: []string{"moe_shared_expert_intermediate_size"}, Field: func(p *Params) any { return &p.Mix.SharedFF },
			Default: func(p *Params) { p.Mix.SharedFF = p.Mix.Shared * p.Mix.FF }},
		{GGUF: "{a}.expert_weights_scale", HF: []string{"routed_scaling_factor"}, Field: func(p *Params) any { return &p.Mix.Scale }, Default: func(p *Params) { p.Mix.Scale = 1 }},
		{GGUF: "{a}.expert_shared_count", HF: []string{"num_shared_experts"}, Field: func(p *Params) any { return &p.Mix.Shared }, Default: nothing},
		{GGUF: "{a}.expert_weights_norm", HF: []string{"norm_topk_prob"}, Field: func(p *Params) any { return &p.Mix.Norm }, Default: nothing},
	}, furtherKeys),
	Tensors: renamed(slices.Concat(without(attention, RoleQ, RoleK, RoleV), []Rule{
		{GGUF: "blk.{}.attn_qkv.weight", HF: "model.layers.{}.attention.query_key_value.weight", Role: RoleQ, And: []Role{RoleK, RoleV}, Shape: "A E"},
	}, headNorms, feedForward, mlpExperts, sharedExperts, []Rule{
		{GGUF: "blk.{}.exp_probs_b.bias", HF: "model.layers.{}.mlp.gate.expert_bias", Role: RoleRouterBias, Shape: "X", When: mixed},
	}), map[Role]string{
		RoleEmbed: "model.word_embeddings.weight", RoleO: "model.layers.{}.attention.dense.weight",
		RoleQNorm: "model.layers.{}.attention.query_layernorm.weight", RoleKNorm: "model.layers.{}.attention.key_layernorm.weight",
	}),
	Drop: []string{"*.rotary_emb.inv_freq", "model.layers.{+}.*", "blk.{+}.*"},
	Refuse: []Refusal{
		siluOnly,
		{HF: "use_bias", Unless: []string{"false"}, Why: "projections with biases"},
		{HF: "use_qkv_bias", Unless: []string{"false"}, Why: "projections with biases"},
		{HF: "use_qk_norm", Unless: []string{"true"}, Why: "queries and keys without norms"},
		{HF: "norm_head", Unless: []string{"false"}, Why: "an output head that is normed"},
		{HF: "score_function", Unless: []string{"sigmoid"}, Why: "another way to choose experts"},
		{HF: "moe_router_enable_expert_bias", Unless: []string{"true"}, Why: "experts that are chosen without a bias"},
		{HF: "tie_word_embeddings", Unless: []string{"false"}, Why: "the embedding as output head, which runtimes do not load"},
	},
	Layer: Layer{RopeNeox: true, RopePart: true},
})

func bailing2Defaults(part float64) map[string]any {
	return map[string]any{
		"max_position_embeddings": 32768, "rms_norm_eps": 1e-6, "rope_theta": 600000.0, "partial_rotary_factor": part, "num_experts": 256, "num_experts_per_tok": 8,
		"num_shared_experts": 1, "norm_topk_prob": true, "routed_scaling_factor": 2.5, "first_k_dense_replace": 1, "n_group": 8, "topk_group": 4,
	}
}

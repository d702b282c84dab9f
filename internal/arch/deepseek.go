package arch

import "slices"

// DeepSeek is the family of DeepSeek-MoE: llama with dense first layers, then experts beside some that every token is given to.
var DeepSeek = register(Arch{
	Name: "deepseek",
	Variants: []Variant{{
		Type: "deepseek",
		HF:   []string{"DeepseekForCausalLM"},
		Defaults: map[string]any{ // of the code beside its weights
			"max_position_embeddings": 2048, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "first_k_dense_replace": 0, "norm_topk_prob": false,
			"moe_intermediate_size": 1407,
		},
	}},
	Keys: slices.Concat(shapeKeys, expertKeys, groupKeys[2:], headKeys(ownHead), []Key{{GGUF: "general.file_type"}}, sizeKeys(always)[1:], []Key{
		unscaled,
		denseLayers("first_k_dense_replace"),
	}, sizeKeys(always)[:1], []Key{
		sharedKeys[0],
		{GGUF: "{a}.expert_weights_scale", Field: func(p *Params) any { return &p.Mix.Scale }, Default: func(p *Params) { p.Mix.Scale = 1 }},
		sharedKeys[1],
		sharedKeys[4],
	}),
	Tensors: slices.Concat(without(attention, RoleQ, RoleK), []Rule{
		{GGUF: "blk.{}.attn_q.weight", HF: "model.layers.{}.self_attn.q_proj.weight", Role: RoleQ, Shape: "Q E", Do: PermuteQ},
		{GGUF: "blk.{}.attn_k.weight", HF: "model.layers.{}.self_attn.k_proj.weight", Role: RoleK, Shape: "K E", Do: PermuteK},
	}, feedForward, mlpExperts, sharedExperts),
	Drop: []string{"*.rotary_emb.inv_freq"},
	Refuse: []Refusal{
		siluOnly,
		{HF: "attention_bias", Unless: []string{"false"}, Why: "projections with biases"},
		{HF: "rope_scaling", Why: "stretched positions, which runtimes do not know for it"},
		{HF: "moe_layer_freq", Unless: []string{"1"}, Why: "some of the later layers have no experts"},
		{HF: "scoring_func", Unless: []string{"softmax"}, Why: "scores of experts are no softmax"},
		{HF: "norm_topk_prob", Unless: []string{"false"}, Why: "runtimes do not divide weights of experts by their sum"},
	},
})

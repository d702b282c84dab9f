package arch

import "slices"

// GLM4Moe is the family of GLM-4.5 to 4.7 and of Solar Open: dense first layers, then the experts of DeepSeek-V3; half of each head is rotated (of Solar's all),
// in halves. The last layer of a checkpoint guesses further tokens and is left out.
var GLM4Moe = register(Arch{
	Name: "glm4moe",
	Variants: []Variant{{
		Type: "glm4_moe",
		HF:   []string{"Glm4MoeForCausalLM", "Glm4MoeModel"},
		Bare: []string{"Glm4MoeModel"},
		Defaults: map[string]any{
			"max_position_embeddings": 131072, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "num_key_value_heads": 8, "partial_rotary_factor": 0.5,
			"n_routed_experts": 128, "num_experts_per_tok": 8, "n_group": 1, "topk_group": 1, "moe_intermediate_size": 1408, "n_shared_experts": 1,
			"first_k_dense_replace": 1, "routed_scaling_factor": 1.0, "norm_topk_prob": true,
		},
	}, {
		Type: "glm4v_moe_text", // the language model of GLM-4.5V
		Defaults: map[string]any{
			"max_position_embeddings": 65536, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "num_key_value_heads": 8, "partial_rotary_factor": 0.5, "attention_bias": true,
			"n_routed_experts": 128, "num_experts_per_tok": 8, "n_group": 1, "topk_group": 1, "moe_intermediate_size": 1408, "n_shared_experts": 1,
			"first_k_dense_replace": 1, "routed_scaling_factor": 1.0, "norm_topk_prob": true,
		},
	}, {
		Type: "solar_open",
		HF:   []string{"SolarOpenForCausalLM"},
		Defaults: map[string]any{
			"max_position_embeddings": 131072, "rms_norm_eps": 1e-5, "rope_theta": 1e6, "num_key_value_heads": 8, "head_dim": 128, "partial_rotary_factor": 1.0,
			"n_routed_experts": 128, "num_experts_per_tok": 8, "n_group": 1, "topk_group": 1, "moe_intermediate_size": 1280, "n_shared_experts": 1,
			"first_k_dense_replace": 0, "routed_scaling_factor": 1.0, "norm_topk_prob": true,
		},
	}},
	Keys: slices.Concat(maySection(someDense), expertKeys, groupKeys[:2], headKeys(ownHead), []Key{{GGUF: "general.file_type"}}, partKeys, []Key{
		sharedKeys[0], sharedKeys[1],
		denseLayers("first_k_dense_replace"),
		{GGUF: "{a}.expert_gating_func", Field: func(p *Params) any { return &p.Mix.Gate }, Default: func(p *Params) { p.Mix.Gate = GateSigmoid }},
	}, when(always, slices.Clone(sharedKeys[2:4])), sharedKeys[4:], furtherKeys, sizeKeys(never)[:1]),
	Tensors: slices.Concat(without(attention, RoleFFNNorm), flaggedBiases, flagged("use_qk_norm", headNorms), feedForward, mlpExperts, sharedExperts, routerBias, []Rule{
		{GGUF: "blk.{}.post_attention_norm.weight", HF: "model.layers.{}.post_attention_layernorm.weight", Role: RoleFFNNorm, Shape: "E"},
	}),
	Drop: []string{"*.rotary_emb.inv_freq", "model.layers.{+}.*", "blk.{+}.*"},
	Refuse: []Refusal{
		siluOnly,
	},
	Layer:  Layer{RopeNeox: true, RopePart: true},
	Finish: maybeSections,
})

// someDense are shapeKeys of a family whose config.json need not tell how wide layers without experts are where there are none.
var someDense = func() []Key {
	k := named("feed_forward_length")[0]
	k.Default = func(p *Params) {
		if p.Mix.Dense == 0 {
			p.FF = p.Mix.FF
		}
	}
	return replaceKey(shapeKeys, k)
}()

// furtherKeys tell of layers that guess further tokens, which some files hold behind the others.
var furtherKeys = []Key{{GGUF: "{a}.nextn_predict_layers", Field: func(p *Params) any { return &p.Further }, Default: nothing, When: never}}

// flaggedBiases are those of queries, keys and values, where config.json says so.
var flaggedBiases = flagged("attention_bias", qwenBiases)

// flagged is rules whose tensors are there where config.json says so.
func flagged(flag string, rules []Rule) (out []Rule) {
	for _, r := range rules {
		r.Optional, r.Flag = true, flag
		out = append(out, r)
	}
	return out
}

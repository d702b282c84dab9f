package arch

import "slices"

// Qwen2Moe is the family of Qwen1.5-MoE and of the mixture among Qwen 2: qwen2 with narrow experts beside one that every token
// is given to, as much of it as a gate of its own says.
var Qwen2Moe = register(Arch{
	Name: "qwen2moe",
	Variants: []Variant{{
		Type: "qwen2_moe",
		HF:   []string{"Qwen2MoeForCausalLM"},
		Defaults: map[string]any{
			"max_position_embeddings": 32768, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "num_key_value_heads": 16,
			"num_experts": 60, "num_experts_per_tok": 4, "moe_intermediate_size": 1408, "shared_expert_intermediate_size": 5632,
			"norm_topk_prob": false,
		},
	}},
	Keys: slices.Concat(shapeKeys, expertKeys, headKeys(ownHead), []Key{
		{GGUF: "general.file_type"},
		expertWidth("moe_intermediate_size"),
		{GGUF: "{a}.expert_shared_feed_forward_length", HF: []string{"shared_expert_intermediate_size"},
			Field: func(p *Params) any { return &p.Mix.SharedFF }, Default: func(p *Params) { p.Mix.SharedFF = p.FF }},
	}, sizeKeys(never)),
	Tensors: slices.Concat(attention, qwenBiases, mlpExperts, sharedExpert),
	Drop:    []string{"*.rotary_emb.inv_freq"},
	Refuse: slices.Concat(qwenMoeRefuses, []Refusal{
		{HF: "qkv_bias", Unless: []string{"true"}, Why: "queries, keys and values without biases"},
		{HF: "norm_topk_prob", Unless: []string{"false"}, Why: "runtimes do not divide weights of experts by their sum"},
	}),
	Layer: Layer{RopeNeox: true},
})

// sharedExpert is the one that every token is given to.
var sharedExpert = []Rule{
	{GGUF: "blk.{}.ffn_gate_inp_shexp.weight", HF: "model.layers.{}.mlp.shared_expert_gate.weight", Role: RoleShareGate, Shape: "1 E"},
	{GGUF: "blk.{}.ffn_gate_shexp.weight", HF: "model.layers.{}.mlp.shared_expert.gate_proj.weight", Role: RoleGateShared, Shape: "S E"},
	{GGUF: "blk.{}.ffn_up_shexp.weight", HF: "model.layers.{}.mlp.shared_expert.up_proj.weight", Role: RoleUpShared, Shape: "S E"},
	{GGUF: "blk.{}.ffn_down_shexp.weight", HF: "model.layers.{}.mlp.shared_expert.down_proj.weight", Role: RoleDownShared, Shape: "E S"},
}

// Qwen3Moe is the family of the mixtures among Qwen 3: qwen3 with experts whose weights sum to one, and none that is shared.
var Qwen3Moe = register(Arch{
	Name: "qwen3moe",
	Variants: []Variant{{
		Type: "qwen3_moe",
		HF:   []string{"Qwen3MoeForCausalLM"},
		Defaults: map[string]any{
			"max_position_embeddings": 32768, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "num_key_value_heads": 4,
			"num_experts": 128, "num_experts_per_tok": 8, "moe_intermediate_size": 768, "norm_topk_prob": false,
		},
	}},
	Keys: slices.Concat(shapeKeys, expertKeys, headKeys(always), []Key{
		{GGUF: "general.file_type"},
		expertWidth("moe_intermediate_size"),
		sumsToOne,
	}, sizeKeys(never)),
	Tensors: slices.Concat(attention, headNorms, mlpExperts),
	Drop:    []string{"*.rotary_emb.inv_freq"},
	Refuse: slices.Concat(qwenMoeRefuses, []Refusal{
		{HF: "attention_bias", Unless: []string{"false"}, Why: "projections with biases"},
		{HF: "norm_topk_prob", Unless: []string{"true"}, Why: "runtimes divide weights of experts by their sum"},
	}),
	Layer: Layer{RopeNeox: true},
})

// qwenMoeRefuses are settings that make some of the layers dense: no runtime has them.
var qwenMoeRefuses = []Refusal{
	siluOnly,
	{HF: "use_sliding_window", Unless: []string{"false"}, Why: "some layers see a window only"},
	{GGUF: "{a}.attention.sliding_window", Unless: []string{"0"}, Why: "some layers see a window only"},
	{HF: "mlp_only_layers", Unless: []string{"[]"}, Why: "some layers have no experts"},
	{HF: "decoder_sparse_step", Unless: []string{"1"}, Why: "some layers have no experts"},
}

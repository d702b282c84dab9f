package arch

import "slices"

// OLMoE is the family of that name: llama with experts whose weights are not divided by their sum, and with norms of all queries and
// all keys of a token at once, before they are rotated in halves.
var OLMoE = register(Arch{
	Name: "olmoe",
	Variants: []Variant{{
		Type: "olmoe",
		HF:   []string{"OlmoeForCausalLM", "OlmoeModel"},
		Bare: []string{"OlmoeModel"},
		Defaults: map[string]any{
			"max_position_embeddings": 4096, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "num_experts": 64, "num_experts_per_tok": 8,
			"norm_topk_prob": false,
		},
	}},
	Keys: slices.Concat(shapeKeys, expertKeys, headKeys(ownHead), []Key{
		{GGUF: "general.file_type"},
		{Field: func(p *Params) any { return &p.Mix.FF }, When: never, Default: func(p *Params) { p.Mix.FF = p.FF }},
	}, sizeKeys(never)),
	Tensors: slices.Concat(attention, wholeNorms, mlpExperts),
	Drop:    []string{"*.rotary_emb.inv_freq"},
	Refuse: []Refusal{
		siluOnly,
		{HF: "attention_bias", Unless: []string{"false"}, Why: "projections with biases"},
		{HF: "clip_qkv", Why: "queries, keys and values are cut off"},
		{HF: "norm_topk_prob", Unless: []string{"false"}, Why: "runtimes do not divide weights of experts by their sum"},
	},
	Layer:    Layer{RopeNeox: true, WholeNorm: true},
	Mistaken: sharesKeys,
})

// wholeNorms are norms of all queries and of all keys of a token at once.
var wholeNorms = []Rule{
	{GGUF: "blk.{}.attn_q_norm.weight", HF: "model.layers.{}.self_attn.q_norm.weight", Role: RoleQNorm, Shape: "Q"},
	{GGUF: "blk.{}.attn_k_norm.weight", HF: "model.layers.{}.self_attn.k_norm.weight", Role: RoleKNorm, Shape: "K"},
}

package arch

import "slices"

// DeepSeekOCR is the language model of DeepSeek-OCR: DeepSeek-V2's experts without its latent attention, heads rotated in halves.
var DeepSeekOCR = register(Arch{
	Name: "deepseek2-ocr",
	Variants: []Variant{{
		Type: "DeepseekOCR",
		HF:   []string{"DeepseekOCRForCausalLM", "DeepseekOCR2ForCausalLM"},
		Defaults: map[string]any{
			"max_position_embeddings": 2048, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "n_routed_experts": 64, "n_shared_experts": 2, "first_k_dense_replace": 0,
			"moe_intermediate_size": 1407, "routed_scaling_factor": 1.0, "norm_topk_prob": false, "topk_method": "greedy",
		},
	}},
	Keys: slices.Concat(shapeKeys, expertKeys, groupKeys[2:], headKeys(ownHead), []Key{
		{GGUF: "general.file_type"},
		denseLayers("first_k_dense_replace"),
	}, sizeKeys(always)[:1], sharedKeys, sizeKeys(always)[1:]),
	Tensors: slices.Concat(attention, feedForward, mlpExperts, sharedExperts),
	Drop:    []string{"*.rotary_emb.inv_freq"},
	Refuse: slices.Concat(plainRefuses[:2], []Refusal{
		{HF: "use_mla", Unless: []string{"false"}, Why: "latent attention"},
		{HF: "rope_scaling", Why: "stretched positions, which runtimes do not know for it"},
		{HF: "moe_layer_freq", Unless: []string{"1"}, Why: "some of the later layers have no experts"},
		{HF: "topk_method", Unless: []string{"greedy"}, Why: "a way to choose experts"},
	}),
	Layer:  Layer{RopeNeox: true},
	Finish: denseFirst,
})

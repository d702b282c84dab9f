package arch

import (
	"fmt"
	"slices"
)

// Dots1 is the family of dots.llm1: the attention of Qwen 3 and the experts of DeepSeek-V3.
var Dots1 = register(Arch{
	Name: "dots1",
	Variants: []Variant{{
		Type: "dots1",
		HF:   []string{"Dots1ForCausalLM"},
		Defaults: map[string]any{
			"max_position_embeddings": 2048, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "num_key_value_heads": 32, "first_k_dense_replace": 0,
			"n_group": 1, "topk_group": 1, "norm_topk_prob": false, "routed_scaling_factor": 1.0, "moe_intermediate_size": 1408,
			"scoring_func": "sigmoid",
		},
	}},
	Keys: slices.Concat(shapeKeys, expertKeys, groupKeys, headKeys(ownHead), []Key{
		{GGUF: "general.file_type"},
		sharedKeys[0],
		denseLayers("first_k_dense_replace"),
	}, when(always, slices.Clone(sharedKeys[1:4])), sharedKeys[4:], sizeKeys(never)),
	Tensors: slices.Concat(attention, headNorms, feedForward, mlpExperts, sharedExperts, routerBias),
	Drop:    []string{"*.rotary_emb.inv_freq"},
	Refuse: []Refusal{
		siluOnly,
		{HF: "attention_bias", Unless: []string{"false"}, Why: "projections with biases"},
		{HF: "sliding_window", Why: "some layers see a window only"},
	},
	Layer:    Layer{RopeNeox: true},
	Mistaken: sharesKeys,
})

// sharesKeys says that runtimes have room for keys of each head only.
func sharesKeys(b *Bound) string {
	if b.Params.KVHeads == b.Params.Heads {
		return ""
	}
	return fmt.Sprintf("llama.cpp has no room for %d heads of queries that share %d of keys in this family: it will not load this one", b.Params.Heads, b.Params.KVHeads)
}

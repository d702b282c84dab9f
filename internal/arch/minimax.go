package arch

import "slices"

// MiniMaxM2 is the family of MiniMax-M2: experts in every layer, chosen by a sigmoid with a bias; all queries and all keys of a token are normed
// at once, and a part of each head is rotated.
var MiniMaxM2 = register(Arch{
	Name: "minimax-m2",
	Variants: []Variant{{
		Type: "minimax_m2",
		HF:   []string{"MiniMaxM2ForCausalLM"},
		Defaults: map[string]any{
			"max_position_embeddings": 196608, "rms_norm_eps": 1e-6, "rope_theta": 5e6, "num_key_value_heads": 8, "head_dim": 128, "num_local_experts": 256,
			"num_experts_per_tok": 8, "scoring_func": "sigmoid",
		},
	}},
	Keys: slices.Concat(shapeKeys, expertKeys, groupKeys[2:], headKeys(always), []Key{
		{GGUF: "general.file_type"},
		expertWidth("intermediate_size"),
		partKeys[0],
		{GGUF: partKeys[1].GGUF, HF: []string{"rotary_dim"}, Field: partKeys[1].Field, Default: partKeys[1].Default},
		sumsToOne,
	}, sizeKeys(never)[:1]),
	Tensors: slices.Concat(attention, wholeNorms,
		experts("model.layers.{}.block_sparse_moe.gate.weight", "model.layers.{}.block_sparse_moe.experts", "w1", "w3", "w2"), []Rule{
			{GGUF: "blk.{}.exp_probs_b.bias", HF: "model.layers.{}.block_sparse_moe.e_score_correction_bias", Role: RoleRouterBias, Shape: "X", When: mixed},
		}),
	Drop: []string{"*.rotary_emb.inv_freq", "model.layers.{+}.*"},
	Refuse: []Refusal{
		siluOnly,
		{HF: "use_qk_norm", Unless: []string{"true"}, Why: "queries and keys without norms"},
		{HF: "qk_norm_type", Unless: []string{"per_layer"}, Why: "norms of single heads"},
		{HF: "scoring_func", Unless: []string{"sigmoid"}, Why: "another way to choose experts"},
	},
	Layer: Layer{RopeNeox: true, RopePart: true, WholeNorm: true},
})

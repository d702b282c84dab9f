package arch

import "slices"

// Phi2 is the family of Phi-1, 1.5 and 2: one norm before both parts of a layer, which are given the same, biases everywhere, and heads of
// which a part is rotated.
var Phi2 = register(Arch{
	Name: "phi2",
	Variants: []Variant{{
		Type: "phi",
		HF:   []string{"PhiForCausalLM"},
		Defaults: map[string]any{
			"max_position_embeddings": 2048, "layer_norm_eps": 1e-5, "rope_theta": 10000.0, "partial_rotary_factor": 0.5, "hidden_act": "gelu_new",
		},
	}},
	Keys: slices.Concat(
		named("context_length", "embedding_length"),
		[]Key{fourfold(told("feed_forward_length", "intermediate_size"))},
		named("block_count", "attention.head_count", "attention.head_count_kv"),
		[]Key{told("attention.layer_norm_epsilon", "layer_norm_eps", "layer_norm_epsilon")},
		impliedHead, partKeys, []Key{{GGUF: "general.file_type"}, noBOS, geluKey("hidden_act", "gelu_new")}, otherRope, sizeKeys(never)[:1],
	),
	Tensors: slices.Concat(
		only(decoder, RoleEmbed), biased(only(decoder, RoleAttnNorm, RoleQ, RoleK, RoleV)...), biased(
			Rule{GGUF: "blk.{}.attn_output.weight", HF: "model.layers.{}.self_attn.dense.weight", Role: RoleO, Shape: "E Q"},
			Rule{GGUF: "blk.{}.ffn_up.weight", HF: "model.layers.{}.mlp.fc1.weight", Role: RoleUp, Shape: "F E"},
			Rule{GGUF: "blk.{}.ffn_down.weight", HF: "model.layers.{}.mlp.fc2.weight", Role: RoleDown, Shape: "E F"},
			Rule{GGUF: "output_norm.weight", HF: "model.final_layernorm.weight", Role: RoleOutputNorm, Shape: "E"},
			Rule{GGUF: "output.weight", HF: "lm_head.weight", Role: RoleOutput, Shape: "V E"},
		)),
	Drop: []string{"*.rotary_emb.inv_freq"},
	Refuse: []Refusal{
		geluOnly("hidden_act"),
		{HF: "qk_layernorm", Unless: []string{"false"}, Why: "norms of queries and keys"},
		{HF: "tie_word_embeddings", Unless: []string{"false"}, Why: "the embedding as output head"},
	},
	Layer: Layer{MeanNorm: true, Ungated: true, Act: GELUTanh, Parallel: true, RopeNeox: true, RopePart: true},
})

// noBOS says that runtimes put no token before a text.
var noBOS = Key{GGUF: "tokenizer.ggml.add_bos_token", Field: func(*Params) any { no := false; return &no }, Default: nothing}

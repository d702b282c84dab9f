package arch

import "slices"

// GPT2 is the family of GPT-2: a learned vector for each position instead of rotations, queries, keys and values in one matrix, and
// matrices that the library holds with inputs first.
var GPT2 = register(Arch{
	Name:   "gpt2",
	Prefix: "transformer.", Loose: true,
	Variants: []Variant{{
		Type: "gpt2",
		HF:   []string{"GPT2LMHeadModel", "GPT2Model"},
		Bare: []string{"GPT2Model"},
		Defaults: map[string]any{
			"n_positions": 1024, "n_embd": 768, "n_layer": 12, "n_head": 12, "layer_norm_epsilon": 1e-5, "tie_word_embeddings": true,
			"activation_function": "gelu_new",
		},
	}},
	Keys: slices.Concat([]Key{
		told("block_count", "n_layer"),
		told("context_length", "n_positions", "n_ctx"),
		told("embedding_length", "n_embd"),
		fourfold(told("feed_forward_length", "n_inner")),
		told("attention.head_count", "n_head"),
		told("attention.layer_norm_epsilon", "layer_norm_epsilon"),
		{GGUF: "general.file_type"},
		geluKey("activation_function", "gelu_new"),
	}, quiet(told("attention.head_count_kv")), stillKeys),
	Tensors: slices.Concat([]Rule{
		{GGUF: "token_embd.weight", HF: "transformer.wte.weight", Role: RoleEmbed, Shape: "V E"},
		{GGUF: "position_embd.weight", HF: "transformer.wpe.weight", Role: RolePositions, Shape: "C E"},
	}, biased(
		Rule{GGUF: "blk.{}.attn_norm.weight", HF: "transformer.h.{}.ln_1.weight", Role: RoleAttnNorm, Shape: "E"},
		Rule{GGUF: "blk.{}.attn_qkv.weight", HF: "transformer.h.{}.attn.c_attn.weight", Role: RoleQ, And: keysValues, Shape: "A E", From: "E A", Do: TurnMatrix},
		Rule{GGUF: "blk.{}.attn_output.weight", HF: "transformer.h.{}.attn.c_proj.weight", Role: RoleO, Shape: "E Q", From: "Q E", Do: TurnMatrix},
		Rule{GGUF: "blk.{}.ffn_norm.weight", HF: "transformer.h.{}.ln_2.weight", Role: RoleFFNNorm, Shape: "E"},
		Rule{GGUF: "blk.{}.ffn_up.weight", HF: "transformer.h.{}.mlp.c_fc.weight", Role: RoleUp, Shape: "F E", From: "E F", Do: TurnMatrix},
		Rule{GGUF: "blk.{}.ffn_down.weight", HF: "transformer.h.{}.mlp.c_proj.weight", Role: RoleDown, Shape: "E F", From: "F E", Do: TurnMatrix},
		Rule{GGUF: "output_norm.weight", HF: "transformer.ln_f.weight", Role: RoleOutputNorm, Shape: "E"},
	), only(decoder, RoleOutput)),
	Drop: []string{"transformer.h.*.attn.bias", "transformer.h.*.attn.masked_bias"}, // which of two tokens is the later one
	Refuse: []Refusal{
		geluOnly("activation_function"),
		{HF: "scale_attn_weights", Unless: []string{"true"}, Why: "scores are not divided by √D"},
		{HF: "scale_attn_by_inverse_layer_idx", Unless: []string{"false"}, Why: "scores are divided by the number of the layer"},
		{HF: "add_cross_attention", Unless: []string{"false"}, Why: "attention to another model"},
	},
	Layer: Layer{MeanNorm: true, Ungated: true, Act: GELUTanh, StillEvery: 1},
})

// keysValues are what a matrix has besides queries.
var keysValues = []Role{RoleK, RoleV}

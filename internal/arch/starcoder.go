package arch

import "slices"

// StarCoder is the family of SantaCoder and StarCoder (GPT-BigCode): GPT-2 with one key and one value for all heads, and matrices that hold
// outputs first.
var StarCoder = register(Arch{
	Name:   "starcoder",
	Prefix: "transformer.",
	Variants: []Variant{{
		Type: "gpt_bigcode",
		HF:   []string{"GPTBigCodeForCausalLM"},
		Defaults: map[string]any{
			"n_positions": 1024, "n_embd": 768, "n_layer": 12, "n_head": 12, "layer_norm_epsilon": 1e-5, "tie_word_embeddings": true,
			"activation_function": "gelu_pytorch_tanh", "multi_query": true,
		},
	}},
	Keys: slices.Concat([]Key{
		told("context_length", "n_positions"),
		told("embedding_length", "n_embd"),
		fourfold(told("feed_forward_length", "n_inner")),
		told("block_count", "n_layer"),
		told("attention.head_count", "n_head"),
		oneKey,
		told("attention.layer_norm_epsilon", "layer_norm_epsilon"),
		{GGUF: "general.file_type"},
		geluKey("activation_function", "gelu_pytorch_tanh"),
	}, stillKeys),
	Tensors: slices.Concat([]Rule{
		{GGUF: "token_embd.weight", HF: "transformer.wte.weight", Role: RoleEmbed, Shape: "V E"},
		{GGUF: "position_embd.weight", HF: "transformer.wpe.weight", Role: RolePositions, Shape: "C E"},
	}, starCoderLayers, only(decoder, RoleOutput)),
	Drop: []string{"transformer.h.*.attn.bias", "transformer.h.*.attn.masked_bias"},
	Refuse: []Refusal{
		geluOnly("activation_function"),
		{HF: "multi_query", Unless: []string{"true"}, Why: "keys and values for each head"},
		{HF: "scale_attn_weights", Unless: []string{"true"}, Why: "scores are not divided by √D"},
		{HF: "add_cross_attention", Unless: []string{"false"}, Why: "attention to another model"},
	},
	Layer: Layer{MeanNorm: true, Ungated: true, Act: GELUTanh, StillEvery: 1},
})

// oneKey says that all heads share one key and one value.
var oneKey = Key{GGUF: "{a}.attention.head_count_kv", Field: func(p *Params) any { return &p.KVHeads }, Default: func(p *Params) { p.KVHeads = 1 }}

// starCoderLayers are the matrices and norms of StarCoder and of what came of it, all with biases.
var starCoderLayers = biased(
	Rule{GGUF: "blk.{}.attn_norm.weight", HF: "transformer.h.{}.ln_1.weight", Role: RoleAttnNorm, Shape: "E"},
	Rule{GGUF: "blk.{}.attn_qkv.weight", HF: "transformer.h.{}.attn.c_attn.weight", Role: RoleQ, And: keysValues, Shape: "A E"},
	Rule{GGUF: "blk.{}.attn_output.weight", HF: "transformer.h.{}.attn.c_proj.weight", Role: RoleO, Shape: "E Q"},
	Rule{GGUF: "blk.{}.ffn_norm.weight", HF: "transformer.h.{}.ln_2.weight", Role: RoleFFNNorm, Shape: "E"},
	Rule{GGUF: "blk.{}.ffn_up.weight", HF: "transformer.h.{}.mlp.c_fc.weight", Role: RoleUp, Shape: "F E"},
	Rule{GGUF: "blk.{}.ffn_down.weight", HF: "transformer.h.{}.mlp.c_proj.weight", Role: RoleDown, Shape: "E F"},
	Rule{GGUF: "output_norm.weight", HF: "transformer.ln_f.weight", Role: RoleOutputNorm, Shape: "E"},
)

package arch

import (
	"slices"

	"quern/formats"
)

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
	}, {
		Type:     "rugpt3xl",
		HF:       []string{"RuGPT3XLForCausalLM"},
		Defaults: map[string]any{"tie_word_embeddings": true},
	}},
	Keys: slices.Concat([]Key{
		told("block_count", "n_layer", "num_hidden_layers"),
		told("context_length", "n_positions", "n_ctx", "max_position_embeddings"),
		told("embedding_length", "n_embd", "hidden_size"),
		fourfold(told("feed_forward_length", "n_inner", "intermediate_size")),
		told("attention.head_count", "n_head", "num_attention_heads"),
		told("attention.layer_norm_epsilon", "layer_norm_epsilon", "layer_norm_eps"),
		{GGUF: "general.file_type"},
		either(geluKey("activation_function", "gelu_new"), "hidden_act"),
	}, sparseKeys, quiet(told("attention.head_count_kv")), stillKeys),
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
	), only(decoder, RoleOutput), ruGPT),
	Drop: []string{"transformer.h.*.attn.bias", "transformer.h.*.attn.masked_bias"}, // which of two tokens is the later one
	Refuse: []Refusal{
		geluOnly("activation_function"),
		geluOnly("hidden_act"),
		{HF: "scale_attn_weights", Unless: []string{"true"}, Why: "scores are not divided by √D"},
		{HF: "scale_attn_by_inverse_layer_idx", Unless: []string{"false"}, Why: "scores are divided by the number of the layer"},
		{HF: "add_cross_attention", Unless: []string{"false"}, Why: "attention to another model"},
	},
	Layer:  Layer{MeanNorm: true, Ungated: true, Act: GELUTanh, StillEvery: 1},
	Finish: readSparse,
	Beside: noteSparse,
})

// either is a key with another name in config.json.
func either(k Key, hf string) Key {
	k.HF = append(k.HF, hf)
	return k
}

// ruGPT are GPT-2's tensors as ruGPT-3 XL has them: under llama's names, with inputs last, and queries, keys and values apart.
var ruGPT = slices.Concat([]Rule{
	{GGUF: "token_embd.weight", HF: "model.embed_tokens.weight", Role: RoleEmbed, Shape: "V E"},
	{GGUF: "position_embd.weight", HF: "model.embed_positions.weight", Role: RolePositions, Shape: "C E"},
	{GGUF: "blk.{}.attn_qkv.weight", HF: "model.layers.{}.self_attn.{q,k,v}_proj.weight", Role: RoleQ, And: keysValues, Shape: "A E", From: "Q E", Do: Behind},
	{GGUF: "blk.{}.attn_qkv.bias", HF: "model.layers.{}.self_attn.{q,k,v}_proj.bias", Role: RoleQ, And: keysValues, Shape: "A", From: "Q", Do: Behind},
}, biased(
	Rule{GGUF: "blk.{}.attn_norm.weight", HF: "model.layers.{}.input_layernorm.weight", Role: RoleAttnNorm, Shape: "E"},
	Rule{GGUF: "blk.{}.attn_output.weight", HF: "model.layers.{}.self_attn.o_proj.weight", Role: RoleO, Shape: "E Q"},
	Rule{GGUF: "blk.{}.ffn_norm.weight", HF: "model.layers.{}.post_attention_layernorm.weight", Role: RoleFFNNorm, Shape: "E"},
	Rule{GGUF: "blk.{}.ffn_up.weight", HF: "model.layers.{}.mlp.up_proj.weight", Role: RoleUp, Shape: "F E"},
	Rule{GGUF: "blk.{}.ffn_down.weight", HF: "model.layers.{}.mlp.down_proj.weight", Role: RoleDown, Shape: "E F"},
	Rule{GGUF: "output_norm.weight", HF: "model.norm.weight", Role: RoleOutputNorm, Shape: "E"},
))

// Behind is tensors that lie one behind the other as one.
var Behind = Op{Name: "one behind the other",
	Forward: func(t *formats.Tensor, _ *Params) *formats.Tensor {
		return shapedAs(t, append([]int{t.Shape[0] * t.Shape[1]}, t.Shape[2:]...)...)
	},
	Inverse: func(t *formats.Tensor, _ *Params) *formats.Tensor {
		return shapedAs(t, append([]int{3, t.Shape[0] / 3}, t.Shape[1:]...)...)
	},
}

// keysValues are what a matrix has besides queries.
var keysValues = []Role{RoleK, RoleV}

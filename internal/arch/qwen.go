package arch

import "slices"

// Qwen is the family of the first Qwen: queries, keys and values in one matrix with biases, heads rotated in halves. What its code does to sequences longer
// than those of training no file tells.
var Qwen = register(Arch{
	Name:   "qwen",
	Prefix: "transformer.",
	Variants: []Variant{{
		Type:     "qwen",
		HF:       []string{"QWenLMHeadModel"},
		Defaults: map[string]any{"max_position_embeddings": 8192, "layer_norm_epsilon": 1e-6, "rotary_emb_base": 10000.0},
	}},
	Keys: slices.Concat(named("block_count", "context_length", "embedding_length"), []Key{
		{GGUF: "{a}.feed_forward_length", HF: []string{"intermediate_size"}, Field: func(p *Params) any { return &p.BothFF }}, // of gate and up together
		{Field: func(p *Params) any { return &p.FF }, When: never, Default: func(p *Params) { p.FF = p.BothFF / 2 }},
	}, named("attention.head_count"), named("rope.freq_base"), []Key{
		told("attention.layer_norm_rms_epsilon", "layer_norm_epsilon"),
		{GGUF: "general.file_type"},
	}, quiet(named("attention.head_count_kv", "rope.scaling.factor")...), impliedHead, sizeKeys(never)),
	Tensors: slices.Concat([]Rule{
		{GGUF: "token_embd.weight", HF: "transformer.wte.weight", Role: RoleEmbed, Shape: "V E"},
		{GGUF: "blk.{}.attn_norm.weight", HF: "transformer.h.{}.ln_1.weight", Role: RoleAttnNorm, Shape: "E"},
	}, biased(Rule{GGUF: "blk.{}.attn_qkv.weight", HF: "transformer.h.{}.attn.c_attn.weight", Role: RoleQ, And: keysValues, Shape: "A E"}), []Rule{
		{GGUF: "blk.{}.attn_output.weight", HF: "transformer.h.{}.attn.c_proj.weight", Role: RoleO, Shape: "E Q"},
		{GGUF: "blk.{}.ffn_norm.weight", HF: "transformer.h.{}.ln_2.weight", Role: RoleFFNNorm, Shape: "E"},
		{GGUF: "blk.{}.ffn_up.weight", HF: "transformer.h.{}.mlp.w1.weight", Role: RoleUp, Shape: "F E"},
		{GGUF: "blk.{}.ffn_gate.weight", HF: "transformer.h.{}.mlp.w2.weight", Role: RoleGate, Shape: "F E"},
		{GGUF: "blk.{}.ffn_down.weight", HF: "transformer.h.{}.mlp.c_proj.weight", Role: RoleDown, Shape: "E F"},
		{GGUF: "output_norm.weight", HF: "transformer.ln_f.weight", Role: RoleOutputNorm, Shape: "E"},
	}, only(decoder, RoleOutput)),
	Drop: []string{"*.rotary_emb.inv_freq"},
	Refuse: []Refusal{
		{HF: "no_bias", Unless: []string{"true"}, Why: "biases of other matrices"},
		{HF: "rotary_pct", Unless: []string{"1"}, Why: "only a part of each head is rotated"},
		{HF: "scale_attn_weights", Unless: []string{"true"}, Why: "scores are not divided by √D"},
		{HF: "tie_word_embeddings", Unless: []string{"false"}, Why: "the embedding as output head, which runtimes do not load"},
	},
	Layer: Layer{RopeNeox: true},
})

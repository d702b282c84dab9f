package arch

import "slices"

// MPT is the family of MPT: heads that know distances instead of being rotated, no biases at all, and queries, keys and values that may be cut
// off.
var MPT = register(Arch{
	Name:   "mpt",
	Prefix: "transformer.",
	Variants: []Variant{{
		Type: "mpt",
		HF:   []string{"MptForCausalLM", "MPTForCausalLM"},
		Defaults: map[string]any{
			"max_seq_len": 2048, "layer_norm_epsilon": 1e-5, "tie_word_embeddings": true, "expansion_ratio": 4, "no_bias": true,
			"attn_config.alibi": true, "attn_config.alibi_bias_max": 8, "attn_config.clip_qkv": nil,
		},
	}},
	Keys: slices.Concat([]Key{
		told("context_length", "max_seq_len"),
		told("embedding_length", "d_model"),
		told("block_count", "n_layers"),
		fourfold(told("feed_forward_length")),
		told("attention.head_count", "n_heads"),
		told("attention.layer_norm_epsilon", "layer_norm_epsilon"),
		clampKey("attn_config.clip_qkv"),
		{GGUF: "{a}.attention.max_alibi_bias", HF: []string{"attn_config.alibi_bias_max"}, Field: func(p *Params) any { return &p.Alibi }, Default: nothing},
		{GGUF: "general.file_type"},
	}, quiet(told("attention.head_count_kv")), stillKeys),
	Tensors: slices.Concat([]Rule{
		{GGUF: "token_embd.weight", HF: "transformer.wte.weight", Role: RoleEmbed, Shape: "V E"},
		{GGUF: "blk.{}.attn_norm.weight", HF: "transformer.blocks.{}.norm_1.weight", Role: RoleAttnNorm, Shape: "E"},
		{GGUF: "blk.{}.attn_qkv.weight", HF: "transformer.blocks.{}.attn.Wqkv.weight", Role: RoleQ, And: keysValues, Shape: "A E"},
		{GGUF: "blk.{}.attn_output.weight", HF: "transformer.blocks.{}.attn.out_proj.weight", Role: RoleO, Shape: "E Q"},
		{GGUF: "blk.{}.ffn_norm.weight", HF: "transformer.blocks.{}.norm_2.weight", Role: RoleFFNNorm, Shape: "E"},
		{GGUF: "blk.{}.ffn_up.weight", HF: "transformer.blocks.{}.ffn.up_proj.weight", Role: RoleUp, Shape: "F E"},
		{GGUF: "blk.{}.ffn_down.weight", HF: "transformer.blocks.{}.ffn.down_proj.weight", Role: RoleDown, Shape: "E F"},
		{GGUF: "output_norm.weight", HF: "transformer.norm_f.weight", Role: RoleOutputNorm, Shape: "E"},
	}, only(decoder, RoleOutput)),
	Refuse: []Refusal{
		{HF: "expansion_ratio", Unless: []string{"4"}, Why: "a feed-forward network of another width"},
		{HF: "no_bias", Unless: []string{"true"}, Why: "biases"},
		{HF: "attn_config.alibi", Unless: []string{"true"}, Why: "heads that do not know distances"},
		{HF: "attn_config.qk_ln", Unless: []string{"false"}, Why: "norms of queries and keys"},
		{HF: "attn_config.prefix_lm", Unless: []string{"false"}, Why: "tokens see what follows"},
		{HF: "attn_config.softmax_scale", Why: "scores are multiplied by another number than 1/√D"},
		{HF: "attn_config.attn_type", Unless: []string{"multihead_attention"}, Why: "heads share keys and values"},
		{HF: "attn_config.kv_n_heads", Why: "heads share keys and values"},
		{HF: "logit_scale", Why: "logits are scaled"},
	},
	Layer: Layer{MeanNorm: true, Ungated: true, Act: GELU, StillEvery: 1},
})

// mptConfig says that there are slopes, and the largest of them as the whole number that the library wants.
func mptConfig(p *Params) map[string]any {
	out := map[string]any{"attn_config.alibi": true}
	if p.Alibi == float32(int(p.Alibi)) {
		out["attn_config.alibi_bias_max"] = int(p.Alibi)
	}
	return out
}

package arch

import (
	"slices"

	"quern/formats"
)

// GLM is the family of ChatGLM 2 and 3 and of GLM-4 as of 2024: gate and up in one matrix, biases of queries, keys and values, heads half of which
// is rotated in pairs. Two layouts of checkpoints: that of the library, and an older one under other names, with queries, keys and values in
// one matrix.
var GLM = register(Arch{
	Name: "chatglm",
	Variants: []Variant{
		{
			Type: "glm", HF: []string{"GlmForCausalLM"},
			Defaults: map[string]any{
				"max_position_embeddings": 131072, "rms_norm_eps": 1.5625e-07, "rope_theta": 10000.0, "num_key_value_heads": 2, "head_dim": 128,
				"partial_rotary_factor": 0.5, "attention_bias": true,
			},
		},
		{
			Type: "chatglm", HF: []string{"ChatGLMModel", "ChatGLMForConditionalGeneration"},
			Defaults: map[string]any{"layernorm_epsilon": 1e-5, "partial_rotary_factor": 0.5, "attention_bias": true, "rope_ratio": 1.0},
			Ignore:   []string{"attention_bias"},
		},
	},
	Keys: slices.Concat([]Key{
		told("context_length", "seq_length", "max_position_embeddings"), told("embedding_length", "hidden_size"),
		told("feed_forward_length", "intermediate_size", "ffn_hidden_size"), told("block_count", "num_hidden_layers", "num_layers"),
		told("attention.head_count", "num_attention_heads"), told("attention.head_count_kv", "multi_query_group_num", "num_key_value_heads"),
		told("attention.layer_norm_rms_epsilon", "layernorm_epsilon", "rms_norm_eps"),
		{GGUF: "general.file_type"},
		{HF: []string{"kv_channels", "head_dim"}, Field: func(p *Params) any { return &p.HeadDim }, When: never, Default: headDim},
	}, partKeys, named("rope.freq_base"), quiet(named("rope.scaling.type", "rope.scaling.factor")...), headKeys(ownHead), []Key{
		{GGUF: "{a}.vocab_size", HF: []string{"padded_vocab_size", "vocab_size"}, Field: func(p *Params) any { return &p.Vocab }, Default: nothing, When: never},
	}),
	Tensors: slices.Concat(without(decoder, RoleGate, RoleUp), flaggedBiases, glmGate("model.layers.{}.mlp.gate_up_proj.weight"), oldGLM),
	Drop:    []string{"*.rotary_emb.inv_freq", "*.rotary_pos_emb.inv_freq"},
	Refuse: []Refusal{
		siluOnly,
		{HF: "add_bias_linear", Unless: []string{"false"}, Why: "projections with biases"},
		{HF: "add_qkv_bias", Unless: []string{"true"}, Why: "queries, keys and values without biases"},
		{HF: "rmsnorm", Unless: []string{"true"}, Why: "norms that take the mean away"},
		{HF: "apply_residual_connection_post_layernorm", Unless: []string{"false"}, Why: "norms in the residual stream"},
		{HF: "rope_scaling", Why: "stretched positions, which runtimes do not know for it"},
		{HF: "rope_parameters.rope_type", Unless: []string{"default"}, Why: "stretched positions, which runtimes do not know for it"},
		{HF: "pre_seq_len", Why: "a learned prefix"},
	},
	Layer: Layer{RopePart: true},
	Finish: func(c *Config, p *Params) error {
		ratio, err := c.Float("rope_ratio", 1)
		if err == nil && !positive(float32(ratio)) {
			err = c.fail("rope_ratio", formats.Corrupt("must be positive"), "")
		}
		p.RopeBase = float32(float64(p.RopeBase) * ratio)
		if multi, _ := c.Value("multi_query_attention"); multi == false {
			p.KVHeads = p.Heads
		}
		return err
	},
})

func glmGate(hf string) []Rule {
	return []Rule{{GGUF: "blk.{}.ffn_up.weight", HF: hf, Role: RoleGate, And: []Role{RoleUp}, Shape: "G E"}}
}

// oldGLM are the tensors under their older names. Files that were made of these have attention's three matrices in one.
var oldGLM = slices.Concat(
	renamed(only(decoder, RoleEmbed, RoleAttnNorm, RoleO, RoleFFNNorm, RoleDown, RoleOutputNorm, RoleOutput), map[Role]string{
		RoleEmbed: "transformer.embedding.word_embeddings.weight", RoleAttnNorm: glmAt + "input_layernorm.weight", RoleO: glmAt + "self_attention.dense.weight",
		RoleFFNNorm: glmAt + "post_attention_layernorm.weight", RoleDown: glmAt + "mlp.dense_4h_to_h.weight",
		RoleOutputNorm: "transformer.encoder.final_layernorm.weight", RoleOutput: "transformer.output_layer.weight",
	}),
	glmGate(glmAt+"mlp.dense_h_to_4h.weight"),
	[]Rule{
		{GGUF: "blk.{}.attn_qkv.weight", Role: RoleQ, And: []Role{RoleK, RoleV}, Shape: "A E",
			Stead: []string{"blk.{}.attn_q.weight", "blk.{}.attn_k.weight", "blk.{}.attn_v.weight"}},
		{GGUF: "blk.{}.attn_qkv.bias", Role: RoleQ, And: []Role{RoleK, RoleV}, Shape: "A", Optional: true,
			Stead: []string{"blk.{}.attn_q.bias", "blk.{}.attn_k.bias", "blk.{}.attn_v.bias"}},
		{GGUF: "blk.{}.attn_q.weight", HF: glmAt + "self_attention.query_key_value.weight", Role: RoleQ, Shape: "Q E", From: "A E", Do: plainRowsOf("queries", 0)},
		{GGUF: "blk.{}.attn_k.weight", HF: glmAt + "self_attention.query_key_value.weight", Role: RoleK, Shape: "K E", From: "A E", Do: plainRowsOf("keys", 1)},
		{GGUF: "blk.{}.attn_v.weight", HF: glmAt + "self_attention.query_key_value.weight", Role: RoleV, Shape: "K E", From: "A E", Do: plainRowsOf("values", 2)},
		{GGUF: "blk.{}.attn_q.bias", HF: glmAt + "self_attention.query_key_value.bias", Role: RoleQ, Shape: "Q", From: "A", Do: plainRowsOf("queries", 0)},
		{GGUF: "blk.{}.attn_k.bias", HF: glmAt + "self_attention.query_key_value.bias", Role: RoleK, Shape: "K", From: "A", Do: plainRowsOf("keys", 1)},
		{GGUF: "blk.{}.attn_v.bias", HF: glmAt + "self_attention.query_key_value.bias", Role: RoleV, Shape: "K", From: "A", Do: plainRowsOf("values", 2)},
	},
)

const glmAt = "transformer.encoder.layers.{}."

package arch

import (
	"slices"

	"quern/formats"
)

// Dbrx is the family of DBRX: norms that take the mean away, queries, keys and values in one matrix and cut off, and experts in every layer, all of one kind
// in one matrix.
var Dbrx = register(Arch{
	Name:   "dbrx",
	Prefix: "transformer.",
	Variants: []Variant{{
		Type: "dbrx",
		HF:   []string{"DbrxForCausalLM"},
		Defaults: map[string]any{
			"max_seq_len": 2048, "attn_config.kv_n_heads": 1, "attn_config.clip_qkv": nil, "attn_config.rope_theta": 10000.0, "ffn_config.ffn_hidden_size": 3584,
			"ffn_config.moe_num_experts": 4, "ffn_config.moe_top_k": 1,
		},
	}},
	Keys: slices.Concat([]Key{
		told("block_count", "n_layers"),
		told("context_length", "max_seq_len"),
		told("embedding_length", "d_model"),
		told("feed_forward_length", "ffn_config.ffn_hidden_size"),
		told("attention.head_count", "n_heads"),
		told("attention.head_count_kv", "attn_config.kv_n_heads"),
		told("rope.freq_base", "attn_config.rope_theta", "rope_parameters.rope_theta", "rope_theta"),
		clampKey("attn_config.clip_qkv"),
		{GGUF: "{a}.expert_count", HF: []string{"ffn_config.moe_num_experts"}, Field: func(p *Params) any { return &p.Mix.Count }},
		{GGUF: "{a}.expert_used_count", HF: []string{"ffn_config.moe_top_k"}, Field: func(p *Params) any { return &p.Mix.Used }},
		{GGUF: "{a}.attention.layer_norm_epsilon", Field: func(p *Params) any { return &p.NormEps }, Default: func(p *Params) { p.NormEps = 1e-5 }},
		{GGUF: "general.file_type"},
		narrowExperts,
	}, named("rope.scaling.factor"), impliedHead, sizeKeys(never)),
	Tensors: slices.Concat([]Rule{
		{GGUF: "token_embd.weight", HF: "transformer.wte.weight", Role: RoleEmbed, Shape: "V E"},
		{GGUF: "blk.{}.attn_norm.weight", HF: "transformer.blocks.{}.norm_attn_norm.norm_1.weight", Role: RoleAttnNorm, Shape: "E"},
		{GGUF: "blk.{}.attn_qkv.weight", HF: "transformer.blocks.{}.norm_attn_norm.attn.Wqkv.weight", Role: RoleQ, And: keysValues, Shape: "A E"},
		{GGUF: "blk.{}.attn_output.weight", HF: "transformer.blocks.{}.norm_attn_norm.attn.out_proj.weight", Role: RoleO, Shape: "E Q"},
		{GGUF: "blk.{}.attn_output_norm.weight", HF: "transformer.blocks.{}.norm_attn_norm.norm_2.weight", Role: RoleFFNNorm, Shape: "E"},
		{GGUF: "blk.{}.ffn_gate_inp.weight", HF: "transformer.blocks.{}.ffn.router.layer.weight", Role: RoleRouter, Shape: "X E"},
		{GGUF: "blk.{}.ffn_gate_exps.weight", HF: "transformer.blocks.{}.ffn.experts.mlp.w1", Role: RoleGateExps, Shape: "X M E", From: "XM E", Do: ExpertRows},
		{GGUF: "blk.{}.ffn_up_exps.weight", HF: "transformer.blocks.{}.ffn.experts.mlp.v1", Role: RoleUpExps, Shape: "X M E", From: "XM E", Do: ExpertRows},
		{GGUF: "blk.{}.ffn_down_exps.weight", HF: "transformer.blocks.{}.ffn.experts.mlp.w2", Role: RoleDownExps, Shape: "X E M", From: "XM E", Do: ExpertColumns},
		{GGUF: "output_norm.weight", HF: "transformer.norm_f.weight", Role: RoleOutputNorm, Shape: "E"},
	}, only(decoder, RoleOutput)),
	Drop: []string{"*.rotary_emb.inv_freq"},
	Refuse: []Refusal{
		{HF: "tie_word_embeddings", Unless: []string{"false"}, Why: "the embedding as output head, which runtimes do not load"},
		{HF: "ffn_config.ffn_act_fn.name", Unless: []string{"silu"}, Why: "its activation function is not silu"},
		{HF: "ffn_config.moe_normalize_expert_weights", Unless: []string{"1"}, Why: "weights of experts that are not divided by their sum"},
		{HF: "rope_scaling", Why: "stretched positions, which runtimes do not know for it"},
		{HF: "rope_parameters.rope_type", Unless: []string{"default"}, Why: "stretched positions, which runtimes do not know for it"},
	},
	Layer: Layer{MeanNorm: true, RopeNeox: true},
	Finish: func(c *Config, p *Params) error {
		const key = "ffn_config.moe_normalize_expert_weights"
		if v, ok := c.Value(key); ok && v == nil {
			return c.fail(key, formats.Unsupported("is null: runtimes divide weights of experts by their sum"), "")
		}
		if !positive(p.Clamp) {
			return c.fail("attn_config.clip_qkv", formats.Unsupported("is %v: runtimes load no model of this family that cuts nothing off", p.Clamp), "")
		}
		return nil
	},
})

// ExpertRows and ExpertColumns part a matrix that has those of all experts one behind the other; the second turns each around besides.
var (
	ExpertRows = Op{Name: "expert rows",
		Forward: func(t *formats.Tensor, p *Params) *formats.Tensor {
			return shapedAs(t, p.Mix.Count, p.Mix.FF, t.Shape[1])
		},
		Inverse: func(t *formats.Tensor, p *Params) *formats.Tensor {
			return shapedAs(t, p.Mix.Count*p.Mix.FF, t.Shape[2])
		},
	}
	ExpertColumns = Op{Name: "expert columns", Turned: true,
		Forward: func(t *formats.Tensor, p *Params) *formats.Tensor { return turned(ExpertRows.Forward(t, p)) },
		Inverse: func(t *formats.Tensor, p *Params) *formats.Tensor { return ExpertRows.Inverse(turned(t), p) },
	}
)

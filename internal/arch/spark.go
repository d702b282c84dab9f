package arch

import (
	"slices"

	"quern/formats"
)

// Spark is the family of Spark-X2.5: queries, keys and values in one matrix, windows in most layers, which rotate heads as a whole and by a base of their own, where the
// others rotate a part; the sigmoid of the layer's input multiplies what each head gives; gates of GELU.
var Spark = register(Arch{
	Name: "spark2_5",
	Variants: []Variant{{
		Type: "spark2_5",
		HF:   []string{"Spark2_5ForCausalLM"},
		Defaults: map[string]any{
			"max_position_embeddings": 8192, "rms_norm_eps": 1e-6, "num_key_value_heads": 2, "head_dim": 256, "sliding_window": 512, "gate_attn_act_mode": "sigmoid", "headwise_attn_output_gate": true,
			"rope_parameters.full_attention.rope_theta": 5e6, "rope_parameters.full_attention.partial_rotary_factor": 0.25, "rope_parameters.sliding_attention.rope_theta": 10000.0,
		},
	}},
	Keys: slices.Concat(named("block_count", "context_length", "embedding_length", "feed_forward_length", "attention.head_count", "attention.head_count_kv", "rope.freq_base"), []Key{
		{GGUF: "{a}.rope.freq_base_swa", HF: []string{"rope_parameters.sliding_attention.rope_theta"}, Field: func(p *Params) any { return &p.NearBase }, Default: func(p *Params) { p.NearBase = p.RopeBase }},
	}, named("attention.layer_norm_rms_epsilon"), headKeys(always), []Key{{GGUF: "general.file_type"}}, sizeKeys(always)[:1], windowKeys, []Key{
		{HF: []string{"rope_parameters.full_attention.partial_rotary_factor"}, Field: partKeys[0].Field, When: never, Default: partKeys[0].Default},
		partKeys[1],
		{GGUF: "{a}.rope.dimension_count_swa", Field: func(p *Params) any { return &p.Near.Rope }, Default: nothing},
		{Field: func(p *Params) any { return &p.Near.Key }, When: never, Default: nearHeads},
		{Field: func(p *Params) any { return &p.HeadGate }, When: never, Default: func(p *Params) { p.HeadGate = true }},
	}, quiet(named("rope.scaling.type", "rope.scaling.factor")...)),
	Tensors: slices.Concat(renamed(without(decoder, RoleQ, RoleK, RoleV), map[Role]string{RoleEmbed: "model.embedding.weight", RoleO: "model.layers.{}.self_attn.out_proj.weight"}), []Rule{
		{GGUF: "blk.{}.attn_qkv.weight", HF: "model.layers.{}.self_attn.q_k_v_proj.weight", Role: RoleQ, And: keysValues, Shape: "A E"},
		{GGUF: "blk.{}.attn_gate.weight", HF: "model.layers.{}.self_attn.g_proj.weight", Role: RoleAttnGate, Shape: "OG E"},
	}),
	Drop: []string{"*.rotary_emb.inv_freq"},
	Refuse: []Refusal{
		{HF: "hidden_act", Unless: []string{"gelu"}, Why: "its activation function is not gelu"},
		{HF: "attention_bias", Unless: []string{"false"}, Why: "projections with biases"},
		{HF: "mlp_bias", Unless: []string{"false"}, Why: "projections with biases"},
		{HF: "gate_attn_act_mode", Unless: []string{"sigmoid"}, Why: "gates of heads by another function"},
		{HF: "headwise_attn_output_gate", Unless: []string{"true"}, Why: "heads without gates"},
		{HF: "rope_parameters.sliding_attention.partial_rotary_factor", Unless: []string{"1"}, Why: "layers with a window rotate a part of each head"},
		{HF: "rope_parameters.sliding_attention.rope_type", Unless: []string{"default"}, Why: "positions within windows are scaled"},
	},
	Layer: Layer{RopeNeox: true, RopePart: true, Act: GELU},
	Finish: func(c *Config, p *Params) error {
		if p.Window == 0 {
			return c.fail("sliding_window", formats.Unsupported("missing: runtimes take layers of this family to have windows"), "")
		}
		return windowed(c, p)
	},
})

package arch

import (
	"slices"

	"quern/formats"
)

// Mistral4 is the family of Mistral Small 4: DeepSeek-V2's layers, whose queries grow with the logarithm of their position beyond the context of training, and
// experts whose gate and up are one matrix.
var Mistral4 = register(Arch{
	Name: "mistral4",
	Variants: []Variant{{
		Type: "mistral4",
		HF:   []string{"Mistral4ForCausalLM", "Mistral3ForConditionalGeneration"},
		If:   func(c *Config) bool { return inside(c) == "mistral4" },
		Defaults: map[string]any{
			"max_position_embeddings": 1048576, "rms_norm_eps": 1e-6, "q_lora_rank": 1024, "kv_lora_rank": 256, "qk_nope_head_dim": 64, "qk_rope_head_dim": 64,
			"v_head_dim": 128, "n_routed_experts": 128, "n_shared_experts": 1, "num_experts_per_tok": 4, "moe_intermediate_size": 2048, "routed_scaling_factor": 1.0,
			"norm_topk_prob": true, "n_group": 1, "topk_group": 1, "first_k_dense_replace": 0,
		},
	}},
	Keys: slices.Concat(DeepSeek2.Keys, []Key{
		{GGUF: "{a}.attention.temperature_scale", HF: []string{"rope_parameters.llama_4_scaling_beta", "rope_scaling.llama_4_scaling_beta"},
			Field: func(p *Params) any { return &p.Temperature }, Default: nothing, When: grows},
		{GGUF: "{a}.attention.temperature_length", Field: func(p *Params) any { return &p.RopeContext }, Default: nothing, When: grows},
	}),
	Tensors: slices.Concat(latentAttention, feedForward, []Rule{
		{GGUF: "blk.{}.ffn_gate_inp.weight", HF: "model.layers.{}.mlp.gate.weight", Role: RoleRouter, Shape: "X E", When: mixed},
		{GGUF: "blk.{}.ffn_gate_up_exps.weight", HF: "model.layers.{}.mlp.experts.gate_up_proj", Role: RoleGateExps, And: []Role{RoleUpExps}, Shape: "X MM E", When: mixed},
		{GGUF: "blk.{}.ffn_down_exps.weight", HF: "model.layers.{}.mlp.experts.down_proj", Role: RoleDownExps, Shape: "X E M", When: mixed},
	}, sharedExperts),
	Drop: []string{"*.rotary_emb.inv_freq"},
	Refuse: []Refusal{
		siluOnly,
		{HF: "attention_bias", Unless: []string{"false"}, Why: "projections with biases"},
		{HF: "rope_interleave", Unless: []string{"true"}, Why: "heads that are rotated in halves"},
	},
	Finish: func(c *Config, p *Params) error {
		if p.RopeType != "yarn" {
			return c.fail("rope_parameters", formats.Unsupported("positions are not stretched by yarn, which the library assumes where nothing is said"), "")
		}
		return nil
	},
})

func grows(p *Params) bool { return p.Temperature != 0 }

// inside is the model type, or where config.json is of a model that sees that of its language model.
func inside(c *Config) string {
	if kind, err := c.String("text_config.model_type"); err == nil && kind != "" {
		return kind
	}
	kind, _ := c.String("model_type")
	return kind
}

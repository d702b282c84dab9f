package arch

import (
	"slices"

	"quern/formats"
)

// Ernie is the family of ERNIE 4.5: llama with heads rotated in pairs, and so they are stored.
var Ernie = register(Arch{
	Name: "ernie4_5",
	Variants: []Variant{{
		Type: "ernie4_5",
		HF:   []string{"Ernie4_5ForCausalLM", "Ernie4_5_ForCausalLM", "Ernie4_5Model"},
		Bare: []string{"Ernie4_5Model"},
		Defaults: map[string]any{
			"max_position_embeddings": 131072, "rms_norm_eps": 1e-5, "rope_theta": 500000.0, "num_key_value_heads": 2, "head_dim": 128, "tie_word_embeddings": true,
		},
	}},
	Keys:    decoderKeys(always),
	Tensors: decoder,
	Drop:    []string{"*.rotary_emb.inv_freq"},
	Refuse:  ernieRefuses,
})

// ErnieMoe is the family of its mixtures: a dense first layer, then experts whose weights sum to one, chosen with a bias, beside some that every
// token is given to.
var ErnieMoe = register(Arch{
	Name: "ernie4_5-moe",
	Variants: []Variant{{
		Type: "ernie4_5_moe",
		HF:   []string{"Ernie4_5_MoeForCausalLM", "Ernie4_5_MoeModel"},
		Bare: []string{"Ernie4_5_MoeModel"},
		Defaults: map[string]any{
			"max_position_embeddings": 131072, "rms_norm_eps": 1e-5, "rope_theta": 500000.0, "num_key_value_heads": 4, "tie_word_embeddings": true,
			"moe_k": 6, "moe_num_experts": 64, "moe_layer_interval": 1, "moe_layer_start_index": 1, "moe_intermediate_size": 1536, "moe_num_shared_experts": 2,
		},
	}},
	Keys: slices.Concat(shapeKeys, headKeys(ownHead), []Key{
		{GGUF: "general.file_type"},
		{GGUF: "{a}.expert_count", HF: []string{"moe_num_experts"}, Field: func(p *Params) any { return &p.Mix.Count }},
		{GGUF: "{a}.expert_used_count", HF: []string{"moe_k"}, Field: func(p *Params) any { return &p.Mix.Used }},
		{GGUF: "{a}.interleave_moe_layer_step", HF: []string{"moe_layer_interval"}, Field: func(p *Params) any { return &p.Mix.Every }},
		denseLayers("moe_layer_start_index"),
		expertWidth("moe_intermediate_size"),
		{GGUF: "{a}.expert_shared_count", HF: []string{"moe_num_shared_experts"}, Field: func(p *Params) any { return &p.Mix.Shared }, Default: nothing},
		{GGUF: "{a}.expert_shared_feed_forward_length", Field: func(p *Params) any { return &p.Mix.SharedFF },
			Default: func(p *Params) { p.Mix.SharedFF = p.Mix.Shared * p.Mix.FF }, When: func(p *Params) bool { return p.Mix.SharedFF > 0 }},
		sumsToOne,
	}, sizeKeys(never)),
	Tensors: slices.Concat(attention, feedForward, mlpExperts, sharedExperts, []Rule{
		{GGUF: "blk.{}.exp_probs_b.bias", HF: "model.layers.{}.mlp.moe_statics.e_score_correction_bias", Role: RoleRouterBias, Shape: "X", From: "1 X", Do: OneRow, When: mixed},
	}),
	Drop:   []string{"*.rotary_emb.inv_freq", "model.mtp_*"}, // layers that guess further tokens
	Refuse: ernieRefuses,
	Finish: func(c *Config, p *Params) error {
		end, err := c.Float("moe_layer_end_index", -1)
		if err == nil && (p.Mix.Every != 1 || end != -1 && int(end) != p.Layers-1) {
			err = c.fail("moe_layer_interval", formats.Unsupported("some of the later layers have no experts"), "")
		}
		return err
	},
})

var ernieRefuses = []Refusal{
	siluOnly,
	{HF: "use_bias", Unless: []string{"false"}, Why: "projections with biases"},
	{GGUF: "{a}.interleave_moe_layer_step", Unless: []string{"1"}, Why: "some of the layers have no experts"},
}

// OneRow makes a vector of a matrix of one row.
var OneRow = Op{Name: "one row",
	Forward: func(t *formats.Tensor, _ *Params) *formats.Tensor { return shapedAs(t, t.Shape[1]) },
	Inverse: func(t *formats.Tensor, _ *Params) *formats.Tensor { return shapedAs(t, 1, t.Shape[0]) },
}

// shapedAs is a tensor with its rows as they are, and another shape.
func shapedAs(t *formats.Tensor, shape ...int) *formats.Tensor {
	n := *t
	n.Shape = shape
	return &n
}

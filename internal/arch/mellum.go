package arch

import (
	"slices"

	"quern/formats"
)

// Mellum is the family of Mellum 2: Qwen 3's mixture with windows in some layers, whose positions are never scaled.
var Mellum = register(Arch{
	Name: "mellum",
	Variants: []Variant{{
		Type: "mellum",
		HF:   []string{"MellumForCausalLM"},
		Defaults: map[string]any{
			"max_position_embeddings": 131072, "rms_norm_eps": 1e-6, "rope_theta": 500000.0, "num_key_value_heads": 4, "head_dim": 128, "sliding_window": 1024,
			"num_experts": 64, "num_experts_per_tok": 8, "moe_intermediate_size": 896, "norm_topk_prob": true,
		},
	}},
	Keys: slices.Concat(someDense, expertKeys, headKeys(always), []Key{
		{GGUF: "general.file_type"},
		expertWidth("moe_intermediate_size"),
	}, windowKeys, []Key{nearUnscaled, sumsToOne}, sizeKeys(never)),
	Tensors: slices.Concat(attention, headNorms, mlpExperts),
	Drop:    []string{"*.rotary_emb.inv_freq"},
	Refuse: slices.Concat(plainRefuses, []Refusal{
		{HF: "norm_topk_prob", Unless: []string{"true"}, Why: "runtimes divide weights of experts by their sum"},
		{HF: "use_sliding_window", Unless: []string{"true"}, Why: "no windows"},
		{HF: "tie_word_embeddings", Unless: []string{"false"}, Why: "the embedding as output head, which runtimes do not load"},
		{HF: "rope_parameters.sliding_attention.rope_type", Unless: []string{"default"}, Why: "positions within windows are scaled"},
	}),
	Layer: Layer{RopeNeox: true},
	Finish: func(c *Config, p *Params) error {
		if v, _ := c.Value("layer_types"); v == nil {
			return c.fail("layer_types", formats.Corrupt("missing, so it is not known which layers have a window"), "")
		}
		if _, _, ok := c.Find("rope_parameters", "rope_theta"); !ok {
			return c.fail("rope_parameters", formats.Unsupported("missing: the library then rotates layers with a window by a base of their own, and runtimes have one"), "")
		}
		if near, err := c.Float("rope_parameters.sliding_attention.rope_theta", float64(p.RopeBase)); err != nil || float32(near) != p.RopeBase {
			return c.fail("rope_parameters.sliding_attention.rope_theta", formats.Unsupported("is %v and that of other layers %v: runtimes take both to be one", near, p.RopeBase), "")
		}
		if err := windowed(c, p); err != nil {
			return err
		}
		if err := denseFirst(c, p); err != nil || p.Mix.Dense == 0 {
			return err
		}
		return c.fail("mlp_layer_types", formats.Unsupported("%d layers have no experts, which runtimes do not load", p.Mix.Dense), "")
	},
})

// nearUnscaled says that positions in layers with a window are never scaled.
var nearUnscaled = Key{Field: func(p *Params) any { return &p.NearBase }, When: never, Default: func(p *Params) {
	if p.Window > 0 {
		p.NearBase = p.RopeBase
	}
}}

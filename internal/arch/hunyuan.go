package arch

import (
	"slices"

	"quern/formats"
)

// Hunyuan is the family of dense Hunyuan models: heads rotated in halves and normed afterwards.
var Hunyuan = register(Arch{
	Name: "hunyuan-dense",
	Variants: []Variant{{
		Type: "hunyuan_v1_dense",
		HF:   []string{"HunYuanDenseV1ForCausalLM", "HunYuanDenseV1Model"},
		Bare: []string{"HunYuanDenseV1Model"},
		Defaults: map[string]any{
			"max_position_embeddings": 2048, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
		},
	}},
	Keys:    decoderKeys(ownHead),
	Tensors: slices.Concat(decoder, lateNorms),
	Drop:    []string{"*.rotary_emb.inv_freq"},
	Refuse:  slices.Concat(plainRefuses, []Refusal{{HF: "use_qk_norm", Unless: []string{"true"}, Why: "queries and keys without norms"}}),
	Layer:   Layer{RopeNeox: true, LateNorm: true},
	Finish:  largerBase,
})

// HunyuanMoe is the family of its mixtures, whose layers have experts with weights that sum to one, and others that every token is given to.
var HunyuanMoe = register(Arch{
	Name: "hunyuan-moe",
	Variants: []Variant{{
		Type: "hunyuan_v1_moe",
		HF:   []string{"HunYuanMoEV1ForCausalLM", "HunYuanMoEV1Model"},
		Bare: []string{"HunYuanMoEV1Model"},
		Defaults: map[string]any{
			"max_position_embeddings": 2048, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "num_experts": 1, "moe_topk": 1,
		},
	}},
	Keys: slices.Concat(shapeKeys, expertKeys[:1], headKeys(always), []Key{
		{GGUF: "general.file_type"},
		{GGUF: "{a}.expert_shared_feed_forward_length", HF: []string{"intermediate_size"}, Field: func(p *Params) any { return &p.Mix.SharedFF }},
		{GGUF: "{a}.expert_feed_forward_length", Field: func(p *Params) any { return &p.Mix.FF }, Default: func(p *Params) { p.Mix.FF = p.FF }},
		{GGUF: "{a}.expert_used_count", Field: func(p *Params) any { return &p.Mix.Used }, Default: func(p *Params) { p.Mix.Used = 1 }},
		{GGUF: "{a}.expert_shared_count", Field: func(p *Params) any { return &p.Mix.Shared }, Default: func(p *Params) { p.Mix.Shared = 1 }},
		sumsToOne,
	}, sizeKeys(never)),
	Tensors: slices.Concat(attention, lateNorms,
		experts("model.layers.{}.mlp.gate.wg.weight", "model.layers.{}.mlp.experts", "gate_proj", "up_proj", "down_proj"),
		fused("model.layers.{}.mlp.experts"), []Rule{
			{GGUF: "blk.{}.ffn_gate_shexp.weight", HF: "model.layers.{}.mlp.shared_mlp.gate_proj.weight", Role: RoleGateShared, Shape: "S E"},
			{GGUF: "blk.{}.ffn_up_shexp.weight", HF: "model.layers.{}.mlp.shared_mlp.up_proj.weight", Role: RoleUpShared, Shape: "S E"},
			{GGUF: "blk.{}.ffn_down_shexp.weight", HF: "model.layers.{}.mlp.shared_mlp.down_proj.weight", Role: RoleDownShared, Shape: "E S"},
		}),
	Drop: []string{"*.rotary_emb.inv_freq"},
	Refuse: slices.Concat(plainRefuses, []Refusal{
		{HF: "use_qk_norm", Unless: []string{"true"}, Why: "queries and keys without norms"},
		{HF: "use_mixed_mlp_moe", Unless: []string{"true"}, Why: "no experts that every token is given to"},
		{HF: "use_cla", Unless: []string{"false"}, Why: "layers that share keys and values"},
	}),
	Layer: Layer{RopeNeox: true, LateNorm: true},
	Finish: func(c *Config, p *Params) error {
		for key, to := range map[string]*int{"moe_intermediate_size": &p.Mix.FF, "moe_topk": &p.Mix.Used, "num_shared_expert": &p.Mix.Shared} {
			if err := c.same(key, p.Layers, to); err != nil {
				return err
			}
		}
		p.Mix.SharedFF = p.Mix.Shared * p.FF
		return largerBase(c, p)
	},
})

// hunyuanExperts are the numbers that config.json may have for each layer.
func hunyuanExperts(p *Params) map[string]any {
	return map[string]any{"moe_topk": p.Mix.Used, "moe_intermediate_size": p.Mix.FF, "num_shared_expert": p.Mix.Shared, "use_qk_norm": true}
}

// same reads a whole number, or a list that has the same for every layer.
func (c *Config) same(key string, layers int, to *int) error {
	v, _ := c.Value(key)
	list, ok := v.([]any)
	if !ok {
		return c.assign(key, v, to)
	}
	for i, x := range list {
		was := *to
		if err := c.assign(key, x, to); err != nil {
			return err
		}
		if i > 0 && *to != was {
			return c.fail(key, formats.Unsupported("differs from layer to layer"), "")
		}
	}
	return nil
}

// lateNorms are norms of each head, under Hunyuan's names.
var lateNorms = renamed(headNorms, map[Role]string{
	RoleQNorm: "model.layers.{}.self_attn.query_layernorm.weight", RoleKNorm: "model.layers.{}.self_attn.key_layernorm.weight",
})

// largerBase is how Hunyuan stretches positions: by a base that grows with the power of a number of config.json.
func largerBase(c *Config, p *Params) error {
	for _, key := range []string{"rope_parameters", "rope_scaling"} {
		alpha, err := c.Float(key+".alpha", 0)
		if err != nil {
			return err
		}
		kind, _, _ := c.Find(key+".rope_type", key+".type")
		if name, _ := c.String(kind); name != "dynamic" && name != "xdrope" || alpha == 0 {
			continue
		}
		if !(alpha >= 1) || alpha > 1<<20 || p.HeadDim < 4 {
			return c.fail(key+".alpha", formats.Corrupt("is %v with heads of %d", alpha, p.HeadDim), "")
		}
		p.enlarge(alpha)
		p.Stretched = false
		return nil
	}
	return nil
}

// enlarge multiplies the base by alpha^(D/(D-2)).
func (p *Params) enlarge(alpha float64) {
	grown, _ := power(alpha, 2/(float64(p.HeadDim)-2)).Float64()
	p.RopeBase = float32(float64(p.RopeBase) * alpha * grown)
}

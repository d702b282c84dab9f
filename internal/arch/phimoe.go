package arch

import (
	"slices"

	"quern/formats"
)

// PhiMoE is the family of Phi-3.5-MoE: experts whose weights SparseMixer makes, norms that take the mean away, biases of attention and of the head, and
// LongRoPE with a size of its own.
var PhiMoE = register(Arch{
	Name: "phimoe",
	Variants: []Variant{{
		Type: "phimoe",
		HF:   []string{"PhiMoEForCausalLM", "PhimoeForCausalLM"},
		Defaults: map[string]any{
			"max_position_embeddings": 131072, "original_max_position_embeddings": 4096, "rms_norm_eps": 1e-5, "rope_theta": 1e6, "num_key_value_heads": 8,
			"num_local_experts": 16, "num_experts_per_tok": 2, "attention_bias": false, "lm_head_bias": false,
		},
	}},
	Keys: slices.Concat(phiKeys, []Key{expertKeys[1], expertKeys[0], narrowExperts}),
	Tensors: slices.Concat(longTensors, phiMoeTensors(),
		experts("model.layers.{}.block_sparse_moe.gate.weight", "model.layers.{}.block_sparse_moe.experts", "w1", "w3", "w2"),
		[]Rule{{GGUF: "blk.{}.ffn_gate_inp.weight", HF: "model.layers.{}.mlp.router.weight", Role: RoleRouter, Shape: "X E"}},
		fused("model.layers.{}.mlp.experts")),
	Drop: []string{"*.rotary_emb.inv_freq"},
	Refuse: []Refusal{
		siluOnly,
		{HF: "attention_bias", Unless: []string{"true"}, Why: "projections without biases, which runtimes do not load"},
		{HF: "lm_head_bias", Unless: []string{"true"}, Why: "a head without biases, which runtimes do not load"},
		{HF: "num_experts_per_tok", Unless: []string{"2"}, Why: "another number of experts than two is chosen"},
		{HF: "router_jitter_noise", Unless: []string{"0.01"}, Why: "experts are weighed with another number than that of the published models"},
		{HF: "tie_word_embeddings", Unless: []string{"false"}, Why: "the embedding as output head"},
	},
	Layer: Layer{RopeNeox: true, RunsFull: true, MeanNorm: true, RunsRMS: true, SparseMix: true},
	Finish: func(c *Config, p *Params) error {
		key := "rope_parameters"
		if obj, _ := c.Object(key); obj == nil {
			key = "rope_scaling"
		}
		var size [2]float64
		for i, name := range []string{".short_mscale", ".long_mscale"} {
			var err error
			if size[i], err = c.Float(key+name, 0); err != nil {
				return err
			}
		}
		switch {
		case p.RopeType != "longrope" || size == [2]float64{}:
			return nil
		case size[0] != size[1] || !positive(float32(size[0])):
			return c.fail(key+".short_mscale", formats.Unsupported("is %v and long_mscale %v: files tell one number", size[0], size[1]), "")
		}
		p.LongRope.Size = float32(size[0])
		return nil
	},
})

// phiMoeTensors are attention with biases, and norms with biases.
func phiMoeTensors() (rules []Rule) {
	for _, r := range attention {
		if r.Role == RoleEmbed {
			rules = append(rules, r)
			continue
		}
		r.Optional = false // the head has biases, so that it is no embedding
		rules = append(rules, biased(r)...)
	}
	return rules
}

// phiMoeScaling is LongRoPE's part of config.json, which has its size under two other names.
func phiMoeScaling(p *Params) map[string]any {
	if p.RopeType != "longrope" {
		return nil
	}
	out := p.LongRope.tell(p)
	delete(out, "attention_factor")
	out["short_mscale"], out["long_mscale"] = decimal(p.LongRope.Size), decimal(p.LongRope.Size)
	return map[string]any{"rope_scaling": out}
}

package arch

import (
	"slices"

	"quern/formats"
)

// ExaoneMoe is the family of K-EXAONE: EXAONE 4 with norms of what parts of a layer are given, dense first layers, then the experts of DeepSeek-V3.
var ExaoneMoe = register(Arch{
	Name: "exaone-moe",
	Variants: []Variant{{
		Type: "exaone_moe",
		HF:   []string{"ExaoneMoEForCausalLM", "ExaoneMoeForCausalLM"},
		Defaults: map[string]any{
			"max_position_embeddings": 2048, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "num_key_value_heads": 32, "sliding_window": 4096,
			"num_experts": 64, "num_experts_per_tok": 8, "num_shared_experts": 1, "moe_intermediate_size": 1024, "first_k_dense_replace": 1,
			"n_group": 1, "topk_group": 1, "norm_topk_prob": true, "routed_scaling_factor": 2.5,
		},
	}},
	Keys: slices.Concat(shapeKeys, expertKeys, groupKeys[:2], []Key{scoreSigmoid("scoring_func")}, headKeys(ownHead), []Key{{GGUF: "general.file_type"}}, sizeKeys(always)[:1], windowKeys, []Key{
		sharedKeys[0],
		{GGUF: "{a}.expert_shared_count", HF: []string{"num_shared_experts"}, Field: func(p *Params) any { return &p.Mix.Shared }, Default: nothing},
		{GGUF: "{a}.expert_shared_feed_forward_length", Field: func(p *Params) any { return &p.Mix.SharedFF }, Default: func(p *Params) { p.Mix.SharedFF = p.Mix.Shared * p.Mix.FF }},
	}, when(always, slices.Clone(sharedKeys[2:4])), []Key{{GGUF: "{a}.leading_dense_block_count", HF: []string{"first_k_dense_replace", "first_last_k_dense_replace"},
		Field: func(p *Params) any { return &p.Mix.Dense }, Default: nothing}}, when(always, slices.Clone(furtherKeys)), []Key{unscaled}, sizeKeys(never)[1:]),
	Tensors: slices.Concat([]Rule{ropeFreqs}, attention, headNorms, feedForward, mlpExperts, sharedExperts, renamed(routerBias[:1], map[Role]string{
		RoleRouterBias: "model.layers.{}.mlp.e_score_correction_bias",
	}), routerBias[:1]), // newer versions of the library have the other name
	Drop: []string{"*.rotary_emb.inv_freq", "mtp.*", "blk.{+}.*"},
	Refuse: slices.Concat(plainRefuses, []Refusal{
		{HF: "scoring_func", Unless: []string{"sigmoid"}, Why: "another way to choose experts"},
		{HF: "sliding_window_pattern", Unless: []string{"LLLG", "4"}, Why: "another order of windows"},
	}),
	Layer: Layer{RopeNeox: true, StillFull: true},
	Finish: func(c *Config, p *Params) error {
		if p.RopeType != "" && p.RopeType != "llama3" {
			return c.fail("rope_scaling", formats.Unsupported("is %q, which runtimes do not know for this family", p.RopeType), "")
		}
		if p.Window == 0 {
			return c.fail("sliding_window", formats.Unsupported("missing: runtimes take layers of this family to have windows"), "")
		}
		if err := windowed(c, p); err != nil {
			return err
		}
		return denseFirst(c, p)
	},
})

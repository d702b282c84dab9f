package arch

import (
	"slices"

	"quern/formats"
)

// Maple is the family of Maple: Qwen 3's mixture with windows in most layers, whose heads are the only ones to be rotated, the first half of each; gates of experts, and what
// they multiply, are cut off at 7.
var Maple = register(Arch{
	Name: "maple",
	Variants: []Variant{{
		Type: "maple",
		HF:   []string{"MapleForCausalLM"},
		Defaults: map[string]any{
			"max_position_embeddings": 131072, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "num_key_value_heads": 4, "head_dim": 128, "num_experts": 256, "num_experts_per_tok": 8,
			"moe_intermediate_size": 512, "norm_topk_prob": true, "sliding_window": 512, "partial_rotary_factor": 1.0, "tie_word_embeddings": false,
		},
	}},
	Keys: slices.Concat(shapeKeys, expertKeys, headKeys(always), []Key{{GGUF: "general.file_type"}}, sizeKeys(always)[:1], partKeys, windowKeys, []Key{
		expertWidth("moe_intermediate_size"),
		{GGUF: "{a}.swiglu_clamp_exp", Field: func(p *Params) any { return &p.Bounds }, Default: func(p *Params) {
			if p.Layers <= maxList {
				p.Bounds = slices.Repeat([]float32{7}, p.Layers)
			}
		}},
		sumsToOne,
	}),
	Tensors: slices.Concat(renamed(without(attention, RoleOutput), map[Role]string{RoleEmbed: "model.word_embeddings.weight"}), headNorms, mlpExperts[:4], []Rule{
		{GGUF: "output.weight", HF: "lm_head.weight", Role: RoleOutput, Shape: "V E"},
	}),
	Drop: []string{"*.rotary_emb.inv_freq"},
	Refuse: []Refusal{
		siluOnly,
		{HF: "use_bias", Unless: []string{"false"}, Why: "projections with biases"},
		{HF: "use_qk_norm", Unless: []string{"true"}, Why: "queries and keys without norms"},
		{HF: "num_shared_experts", Unless: []string{"0"}, Why: "a shared expert"},
		{HF: "norm_topk_prob", Unless: []string{"true"}, Why: "runtimes divide weights of experts by their sum"},
		{HF: "nope_on_global_attention", Unless: []string{"true"}, Why: "layers without a window that rotate heads"},
		{HF: "tie_word_embeddings", Unless: []string{"false"}, Why: "the embedding as output head"},
	},
	Layer: Layer{RopeNeox: true, RopePart: true, StillFull: true, CutFirst: true},
	Finish: func(c *Config, p *Params) error {
		if p.Window == 0 {
			return c.fail("sliding_window", formats.Unsupported("missing: runtimes take layers of this family to have windows"), "")
		}
		return windowed(c, p)
	},
})

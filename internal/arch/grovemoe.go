package arch

import (
	"slices"

	"quern/formats"
)

// GroveMoe is the family of GroveMoE (arXiv:2508.07785): Qwen 3's mixture, in which every two experts share a further, narrow one. A token is given to that once for each
// of the two that it is given to, and little of it is added. How many share one, how wide it is and how much of it counts is in the code of the model, not in its config.json.
var GroveMoe = register(Arch{
	Name: "grovemoe",
	Variants: []Variant{{
		Type:     "grove_moe",
		HF:       []string{"GroveMoeForCausalLM", "modeling_grove_moe.GroveMoeForCausalLM"},
		Defaults: Qwen3Moe.Variants[0].Defaults,
	}},
	Keys: slices.Concat(shapeKeys, expertKeys, headKeys(always), []Key{
		{GGUF: "general.file_type"},
		expertWidth("moe_intermediate_size"),
		sumsToOne,
		{GGUF: "{a}.expert_chunk_feed_forward_length", Field: func(p *Params) any { return &p.Mix.GroupFF }, Default: func(p *Params) { p.Mix.GroupFF = p.HeadDim }},
		{GGUF: "{a}.experts_per_group", Field: func(p *Params) any { return &p.Mix.PerGroup }, Default: func(p *Params) { p.Mix.PerGroup = 2 }},
		{GGUF: "{a}.expert_group_scale", Field: func(p *Params) any { return &p.Mix.GroupScale }, Default: func(p *Params) { p.Mix.GroupScale = 0.05 }},
	}, sizeKeys(never)),
	Tensors: slices.Concat(Qwen3Moe.Tensors, []Rule{
		{GGUF: "blk.{}.ffn_down_chexps.weight", HF: "model.layers.{}.mlp.chunk_experts.{g}.down_proj.weight", Role: RoleDownGroups, Shape: "XG E CM"},
		{GGUF: "blk.{}.ffn_gate_chexps.weight", HF: "model.layers.{}.mlp.chunk_experts.{g}.gate_proj.weight", Role: RoleGateGroups, Shape: "XG CM E"},
		{GGUF: "blk.{}.ffn_up_chexps.weight", HF: "model.layers.{}.mlp.chunk_experts.{g}.up_proj.weight", Role: RoleUpGroups, Shape: "XG CM E"},
	}),
	Drop:   []string{"*.rotary_emb.inv_freq", "*.mlp.expert_bias"}, // which nothing adds
	Refuse: Qwen3Moe.Refuse,
	Layer:  Qwen3Moe.Layer,
	Finish: func(c *Config, p *Params) error {
		if p.Mix.Count%2 != 0 || p.Mix.Used > p.Mix.Count/2 {
			return c.fail("num_experts_per_tok", formats.Unsupported("%d of %d experts: runtimes send a token to no more of those that two share than there are", p.Mix.Used, p.Mix.Count), "")
		}
		return nil
	},
})

package arch

import (
	"fmt"
	"slices"

	"quern/formats"
)

// GraniteSWA is the family of Granite with windows in some layers, sinks in all, and layers that rotate nothing where files say so; and of its mixtures, whose gate and
// up of experts, and of the shared one, are one matrix.
var GraniteSWA = register(Arch{
	Name: "granite_swa",
	Variants: []Variant{{
		Type: "granite_swa",
		HF:   []string{"GraniteSWAForCausalLM"},
		Defaults: map[string]any{
			"max_position_embeddings": 8192, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "num_key_value_heads": 4, "sliding_window": 128, "tie_word_embeddings": true,
			"embedding_multiplier": 1.0, "residual_multiplier": 1.0, "attention_multiplier": 1.0, "logits_scaling": 1.0,
		},
		Ignore: []string{"num_local_experts", "num_experts_per_tok", "shared_intermediate_size"},
	}, {
		Type:     "granitemoe_swa",
		HF:       []string{"GraniteMoeSWAForCausalLM"},
		Defaults: with(graniteDefaults, map[string]any{"sliding_window": 128, "shared_intermediate_size": 0}),
	}},
	Keys: slices.Concat(shapeKeys, expertKeys, headKeys(never), []Key{{GGUF: "general.file_type"}}, sizeKeys(always), scaleKeys, []Key{
		windowKeys[0],
		{GGUF: "{a}.attention.sliding_window_pattern", Field: func(p *Params) any { return &p.WindowIn }, Default: func(p *Params) {
			for i := range min(p.Layers, maxList) {
				p.WindowIn = append(p.WindowIn, i%4 != 0)
			}
		}},
		{GGUF: "{a}.attention.rope_pattern", Field: func(p *Params) any { return &p.RopeIn }, Default: nothing, When: func(p *Params) bool { return p.RopeIn != nil }},
		{GGUF: "{a}.expert_shared_feed_forward_length", HF: []string{"shared_intermediate_size"}, Field: func(p *Params) any { return &p.Mix.SharedFF },
			Default: nothing, When: func(p *Params) bool { return p.Mix.SharedFF > 0 }},
		narrowExperts,
	}),
	Tensors: slices.Concat(without(attention, RoleQ, RoleK), permutedQK, feedForward, []Rule{
		{GGUF: "blk.{}.attn_sinks.weight", HF: "model.layers.{}.self_attn.sinks", Role: RoleSinks, Shape: "H"},
	}, graniteJoined),
	Drop:   []string{"*.rotary_emb.inv_freq"},
	Refuse: graniteRefuses,
	Finish: func(c *Config, p *Params) error {
		if p.Window == 0 {
			return c.fail("sliding_window", formats.Unsupported("missing: runtimes take layers of this family to have windows"), "")
		}
		if err := windowed(c, p); err != nil {
			return err
		}
		return rotatedIn(c, p)
	},
})

// graniteJoined are the experts of its mixtures, under the names of either layout.
var graniteJoined = []Rule{
	{GGUF: "blk.{}.ffn_gate_inp.weight", HF: "model.layers.{}.block_sparse_moe.router.layer.weight", Role: RoleRouter, Shape: "X E", When: mixed},
	{GGUF: "blk.{}.ffn_gate_inp.weight", HF: "model.layers.{}.block_sparse_moe.router.weight", Role: RoleRouter, Shape: "X E", When: mixed},
	{GGUF: "blk.{}.ffn_gate_up_exps.weight", HF: "model.layers.{}.block_sparse_moe.input_linear.weight", Role: RoleGateExps, And: []Role{RoleUpExps}, Shape: "X MM E", When: mixed},
	{GGUF: "blk.{}.ffn_gate_up_exps.weight", HF: "model.layers.{}.block_sparse_moe.experts.gate_up_proj", Role: RoleGateExps, And: []Role{RoleUpExps}, Shape: "X MM E", When: mixed},
	{GGUF: "blk.{}.ffn_down_exps.weight", HF: "model.layers.{}.block_sparse_moe.output_linear.weight", Role: RoleDownExps, Shape: "X E M", When: mixed},
	{GGUF: "blk.{}.ffn_down_exps.weight", HF: "model.layers.{}.block_sparse_moe.experts.down_proj", Role: RoleDownExps, Shape: "X E M", When: mixed},
	{GGUF: "blk.{}.ffn_up_shexp.weight", HF: "model.layers.{}.shared_mlp.input_linear.weight", Role: RoleGateShared, And: []Role{RoleUpShared}, Shape: "SS E", When: shares},
	{GGUF: "blk.{}.ffn_down_shexp.weight", HF: "model.layers.{}.shared_mlp.output_linear.weight", Role: RoleDownShared, Shape: "E S", When: shares},
}

// rotatedIn reads which layers rotate heads: those whose base is not 0 or whose flag is 1.
func rotatedIn(c *Config, p *Params) error {
	for _, key := range []string{"layer_rope_theta", "no_rope_layers"} {
		v, _ := c.Value(key)
		list, ok := v.([]any)
		if v == nil || ok && len(list) == 0 {
			continue
		}
		if !ok || len(list) != p.Layers {
			return c.wrong(key, v, fmt.Sprintf("a list of %d numbers", p.Layers))
		}
		p.RopeIn = nil
		for i, x := range list {
			f, ok := number(x)
			if !ok || f != 0 && key == "layer_rope_theta" && float32(f) != p.RopeBase || f != 0 && f != 1 && key == "no_rope_layers" {
				return c.fail(key, formats.Unsupported("is %.60q for layer %d: runtimes have one base for all layers that rotate", fmt.Sprint(x), i), "")
			}
			p.RopeIn = append(p.RopeIn, f != 0)
		}
		if !slices.Contains(p.RopeIn, false) {
			p.RopeIn = nil
		}
	}
	return nil
}

// tellRotated is the way back.
func tellRotated(p *Params) map[string]any {
	if p.RopeIn == nil {
		return nil
	}
	var list []any
	for _, is := range p.RopeIn {
		if is {
			list = append(list, decimal(p.RopeBase))
		} else {
			list = append(list, 0)
		}
	}
	return map[string]any{"layer_rope_theta": list}
}

package arch

import (
	"fmt"
	"slices"

	"quern/formats"
)

// Laguna is the family of Laguna: dense first layers, then the experts of DeepSeek-V3 beside a shared one; layers with a window may have more heads, which are rotated
// by a base of their own; a softplus of the layer's input multiplies what heads, or their dimensions, give.
var Laguna = register(Arch{
	Name: "laguna",
	Variants: []Variant{{
		Type: "laguna",
		HF:   []string{"LagunaForCausalLM"},
		Defaults: map[string]any{
			"max_position_embeddings": 131072, "rms_norm_eps": 1e-6, "num_key_value_heads": 8, "head_dim": 128, "sliding_window": 512, "num_experts": 256, "num_experts_per_tok": 8,
			"moe_intermediate_size": 512, "shared_expert_intermediate_size": 512, "moe_routed_scaling_factor": 1.0,
			"rope_parameters.full_attention.rope_theta": 500000.0, "rope_parameters.full_attention.partial_rotary_factor": 0.5, "rope_parameters.sliding_attention.rope_theta": 10000.0,
		},
	}},
	Keys: slices.Concat(named("block_count", "context_length", "embedding_length", "feed_forward_length"), []Key{
		{HF: []string{"num_attention_heads"}, Field: func(p *Params) any { return &p.Heads }, When: never, Default: nothing},
	}, layerKeys(map[string]string{"attention.head_count": "num_attention_heads_per_layer"}, "attention.head_count"),
		named("attention.head_count_kv", "rope.scaling.type", "rope.scaling.factor"), yarnKeys, named("rope.freq_base"), []Key{
			{GGUF: "{a}.rope.freq_base_swa", HF: []string{"rope_parameters.sliding_attention.rope_theta"}, Field: func(p *Params) any { return &p.NearBase }, Default: nothing, When: windowsIn},
		}, named("attention.layer_norm_rms_epsilon"), expertKeys, headKeys(always), []Key{{GGUF: "general.file_type"}}, sizeKeys(always)[:1], windowKeys[:1], []Key{
			{GGUF: windowKeys[1].GGUF, Field: windowKeys[1].Field, Default: func(p *Params) { p.WindowIn = lagunaWindows(p) },
				When: func(p *Params) bool { return !slices.Equal(p.WindowIn, lagunaWindows(p)) }},
			expertWidth("moe_intermediate_size"),
			{GGUF: "{a}.expert_shared_feed_forward_length", HF: []string{"shared_expert_intermediate_size"}, Field: func(p *Params) any { return &p.Mix.SharedFF }},
			{GGUF: "{a}.expert_weights_norm", Field: func(p *Params) any { return &p.Mix.Norm }, Default: func(p *Params) { p.Mix.Norm = true }},
			{GGUF: "{a}.expert_weights_scale", HF: []string{"moe_routed_scaling_factor"}, Field: func(p *Params) any { return &p.Mix.Scale }, Default: func(p *Params) { p.Mix.Scale = 1 }},
			{GGUF: "{a}.expert_gating_func", Field: func(p *Params) any { return &p.Mix.Gate }, Default: func(p *Params) { p.Mix.Gate = GateSigmoid }},
			{GGUF: "{a}.leading_dense_block_count", Field: func(p *Params) any { return &p.Mix.Dense }, Default: nothing},
			{HF: []string{"rope_parameters.full_attention.partial_rotary_factor"}, Field: partKeys[0].Field, When: never, Default: partKeys[0].Default},
			partKeys[1],
			{GGUF: "{a}.rope.dimension_count_swa", Field: func(p *Params) any { return &p.Near.Rope }, Default: nothing, When: windowsIn},
			{Field: func(p *Params) any { return &p.Near.Key }, When: never, Default: nearHeads},
		}),
	Tensors: slices.Concat(attention, headNorms, []Rule{
		{GGUF: "blk.{}.attn_gate.weight", HF: "model.layers.{}.self_attn.g_proj.weight", Role: RoleAttnGate, Shape: "OG E"},
	}, feedForward, mlpExperts, renamed(sharedExperts, map[Role]string{
		RoleGateShared: "model.layers.{}.mlp.shared_expert.gate_proj.weight", RoleUpShared: "model.layers.{}.mlp.shared_expert.up_proj.weight", RoleDownShared: "model.layers.{}.mlp.shared_expert.down_proj.weight",
	}), []Rule{
		{GGUF: "blk.{}.exp_probs_b.bias", HF: "model.layers.{}.mlp.experts.e_score_correction_bias", Role: RoleRouterBias, Shape: "X", When: mixed},
	}),
	Drop: []string{"*.rotary_emb.inv_freq"},
	Refuse: slices.Concat(plainRefuses[:2], []Refusal{
		{HF: "moe_apply_router_weight_on_input", Unless: []string{"false"}, Why: "experts that are given inputs times their weights"},
		{HF: "moe_router_logit_softcapping", Unless: []string{"0"}, Why: "what routers say is kept within bounds"},
		{HF: "rope_parameters.sliding_attention.partial_rotary_factor", Unless: []string{"1"}, Why: "layers with a window rotate a part of each head"},
		{HF: "rope_parameters.sliding_attention.rope_type", Unless: []string{"default"}, Why: "positions within windows are scaled"},
	}),
	Layer:  Layer{RopeNeox: true, RopePart: true, SoftGate: true},
	Finish: finishLaguna,
	Look: func(src *formats.Source, p *Params) {
		t := src.Tensor("blk.0.attn_gate.weight")
		p.HeadGate = t != nil && len(t.Shape) == 2 && t.Shape[0] == p.At(0).Heads
	},
})

func windowsIn(p *Params) bool { return p.Window > 0 }

// lagunaWindows is what runtimes take files to mean that do not tell which layers have a window: all but every fourth, beginning with the first.
func lagunaWindows(p *Params) (in []bool) {
	for i := 0; p.Window > 0 && i < min(p.Layers, maxList); i++ {
		in = append(in, i%4 != 0)
	}
	return in
}

// nearHeads says that all of a head is rotated in layers with a window.
func nearHeads(p *Params) {
	if p.Window > 0 {
		p.Near = HeadSizes{p.HeadDim, p.HeadDim, p.HeadDim}
	}
}

func finishLaguna(c *Config, p *Params) error {
	if len(p.HeadsIn) == 0 && p.Layers <= maxList {
		p.HeadsIn = slices.Repeat([]int32{int32(p.Heads)}, p.Layers)
	}
	p.Heads = int(slices.Max(append(p.HeadsIn, 0)))
	p.Mix.Dense = 1
	if err := denseFirst(c, p); err != nil {
		return err
	}
	if v, _ := c.Value("layer_types"); v == nil {
		p.Window = 0
	}
	if err := windowed(c, p); err != nil {
		return err
	}
	if !slices.Contains(p.WindowIn, true) {
		p.Window, p.WindowIn, p.Near, p.NearBase = 0, nil, HeadSizes{}, 0
	}
	switch v, _ := c.Value("gating"); v {
	case nil, true, "per-head", "per_head":
		p.HeadGate = true
	case "per-element", "per_element":
	default:
		return c.fail("gating", formats.Unsupported("is %.60q", fmt.Sprint(v)), "known are per-head and per-element")
	}
	v, _ := c.Value("gating_types")
	kinds, _ := v.([]any)
	for _, kind := range kinds {
		if (kind == "per-head" || kind == "per_head") != p.HeadGate {
			return c.fail("gating_types", formats.Unsupported("layers differ in what multiplies their heads, or gating says otherwise"), "")
		}
	}
	return nil
}

// lagunaConfig says of heads and layers what files tell otherwise.
func lagunaConfig(p *Params) map[string]any {
	gate := "per-element"
	if p.HeadGate {
		gate = "per-head"
	}
	out := map[string]any{"gating": gate, "mlp_layer_types": denseTypes(p), "layer_types": slices.Repeat([]string{"full_attention"}, p.Layers), "rope_theta": unsaid, "rope_scaling": unsaid}
	if p.Window > 0 {
		delete(out, "layer_types")
	} else {
		out["sliding_window"] = unsaid
	}
	return out
}

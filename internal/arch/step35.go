package arch

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"quern/formats"
)

// Step35 is the family of Step 3.5 and 3.7: norms of heads, whose sigmoid of the layer's input multiplies what they give; layers with a window have more heads, which
// are rotated as a whole and by a base of their own, where the others rotate their first half; dense first layers, then the experts of DeepSeek-V3 beside
// a shared one; the last layers keep gates and what they multiply within bounds.
var Step35 = register(Arch{
	Name: "step35",
	Variants: []Variant{{
		Type: "step3p5",
		HF:   []string{"Step3p5ForCausalLM", "Step3p7FlashForCausalLM"},
		Defaults: map[string]any{
			"max_position_embeddings": 128000, "rms_norm_eps": 1e-5, "num_attention_groups": 8, "head_dim": 128, "sliding_window": 512, "moe_num_experts": 288, "moe_top_k": 8,
			"moe_intermediate_size": 1280, "share_expert_dim": 1280,
		},
	}},
	Keys: slices.Concat(named("block_count", "context_length", "embedding_length", "feed_forward_length"), []Key{
		{HF: []string{"num_attention_heads"}, Field: func(p *Params) any { return &p.Heads }, When: never, Default: nothing},
		{HF: []string{"num_attention_groups", "num_key_value_heads"}, Field: func(p *Params) any { return &p.KVHeads }, When: never, Default: nothing},
	}, layerKeys(nil, "attention.head_count"), []Key{
		told("rope.freq_base", "rope_parameters.full_attention.rope_theta"),
		{GGUF: "{a}.rope.freq_base_swa", HF: []string{"rope_parameters.sliding_attention.rope_theta"}, Field: func(p *Params) any { return &p.NearBase },
			Default: func(p *Params) { p.NearBase = p.RopeBase }, When: windowsIn},
	}, named("attention.layer_norm_rms_epsilon"), []Key{scoreSigmoid("moe_router_activation")}, headKeys(always), []Key{{GGUF: "general.file_type"}}, layerKeys(nil, "attention.head_count_kv"), windowKeys, []Key{
		{GGUF: "{a}.expert_count", HF: []string{"moe_num_experts", "n_routed_experts"}, Field: func(p *Params) any { return &p.Mix.Count }},
		{GGUF: "{a}.expert_used_count", HF: []string{"moe_top_k", "num_experts_per_tok"}, Field: func(p *Params) any { return &p.Mix.Used }},
		expertWidth("moe_intermediate_size"),
		{GGUF: "{a}.expert_shared_feed_forward_length", HF: []string{"share_expert_dim"}, Field: func(p *Params) any { return &p.Mix.SharedFF }},
		{GGUF: "{a}.expert_weights_scale", HF: []string{"moe_router_scaling_factor"}, Field: func(p *Params) any { return &p.Mix.Scale }, Default: func(p *Params) { p.Mix.Scale = 1 }},
		{GGUF: "{a}.expert_weights_norm", Field: func(p *Params) any { return &p.Mix.Norm }, Default: func(p *Params) { p.Mix.Norm = true }},
		{GGUF: "{a}.leading_dense_block_count", Field: func(p *Params) any { return &p.Mix.Dense }, Default: nothing},
		{GGUF: "{a}.moe_every_n_layers", Field: func(p *Params) any { return &p.Mix.Every }, Default: func(p *Params) { p.Mix.Every = 1 }},
		{GGUF: "{a}.swiglu_clamp_exp", Field: func(p *Params) any { return &p.Bounds }, Default: nothing, When: func(p *Params) bool { return p.Bounds != nil }},
		{GGUF: "{a}.swiglu_clamp_shexp", Field: func(p *Params) any { return &p.SharedBounds }, Default: nothing, When: func(p *Params) bool { return p.SharedBounds != nil }},
		{Field: func(p *Params) any { return &p.RopeDim }, When: never, Default: func(p *Params) { p.RopeDim = p.HeadDim / 2 }}, // runtimes know it
		{Field: func(p *Params) any { return &p.Near.Key }, When: never, Default: nearHeads},
		{Field: func(p *Params) any { return &p.HeadGate }, When: never, Default: func(p *Params) { p.HeadGate = true }},
	}, furtherKeys, quiet(named("rope.scaling.type", "rope.scaling.factor")...), sizeKeys(never)[:1]),
	Tensors: slices.Concat([]Rule{{GGUF: ropeFreqs.GGUF, Role: RoleRopeFactors, Shape: "DH", Do: MakeRopeFactors, Optional: true}}, offset(slices.Concat(attention, headNorms)), []Rule{
		{GGUF: "blk.{}.attn_gate.weight", HF: "model.layers.{}.self_attn.g_proj.weight", Role: RoleAttnGate, Shape: "OG E"},
		{GGUF: "blk.{}.ffn_gate_inp.weight", HF: "model.layers.{}.moe.gate.weight", Role: RoleRouter, Shape: "X E", When: mixed},
		{GGUF: "blk.{}.exp_probs_b.bias", HF: "model.layers.{}.moe.router_bias", Role: RoleRouterBias, Shape: "X", When: mixed},
		{GGUF: "blk.{}.ffn_down_exps.weight", HF: "model.layers.{}.moe.down_proj.weight", Role: RoleDownExps, Shape: "X E M", When: mixed},
		{GGUF: "blk.{}.ffn_gate_exps.weight", HF: "model.layers.{}.moe.gate_proj.weight", Role: RoleGateExps, Shape: "X M E", When: mixed},
		{GGUF: "blk.{}.ffn_up_exps.weight", HF: "model.layers.{}.moe.up_proj.weight", Role: RoleUpExps, Shape: "X M E", When: mixed},
	}, feedForward, renamed(sharedExperts, map[Role]string{
		RoleGateShared: "model.layers.{}.share_expert.gate_proj.weight", RoleUpShared: "model.layers.{}.share_expert.up_proj.weight", RoleDownShared: "model.layers.{}.share_expert.down_proj.weight",
	})),
	Drop: []string{"*.rotary_emb.inv_freq", "model.layers.{+}.*", "blk.{+}.*"}, // layers that guess further tokens
	Refuse: []Refusal{
		siluOnly,
		{HF: "attention_bias", Unless: []string{"false"}, Why: "projections with biases"},
		{HF: "mlp_bias", Unless: []string{"false"}, Why: "projections with biases"},
		{HF: "moe_router_activation", Unless: []string{"sigmoid"}, Why: "another way to choose experts"},
		{HF: "norm_expert_weight", Unless: []string{"true"}, Why: "weights of experts that do not sum to one"},
		{HF: "use_moe_router_bias", Unless: []string{"true"}, Why: "routers without biases"},
		{HF: "use_head_wise_attn_gate", Unless: []string{"true"}, Why: "heads without gates"},
		{HF: "moe_every_n_layer", Unless: []string{"1"}, Why: "some of the later layers have no experts"},
		{HF: "tie_word_embeddings", Unless: []string{"false"}, Why: "the embedding as output head"},
	},
	Layer:  Layer{RopeNeox: true, RopePart: true},
	Finish: finishStep,
})

func finishStep(c *Config, p *Params) error {
	kinds, err := c.perLayer("layer_types", p.Layers)
	if err != nil {
		return err
	}
	p.WindowIn = make([]bool, p.Layers)
	if err := c.windowWords(kinds, p.WindowIn); err != nil {
		return err
	}
	if !slices.Contains(p.WindowIn, true) || !slices.Contains(p.WindowIn, false) || p.Window == 0 {
		return c.fail("layer_types", formats.Unsupported("not both kinds of layers are there, those with a window and those without"), "")
	}
	if err := stepRope(c, p); err != nil {
		return err
	}
	heads, groups := p.Heads, p.KVHeads
	for key, to := range map[string]*int{"attention_other_setting.num_attention_heads": &heads, "num_sliding_attention_heads": &heads, "attention_other_setting.num_attention_groups": &groups} {
		if v, _ := c.Value(key); v != nil {
			if err := c.assign(key, v, to); err != nil {
				return err
			}
		}
	}
	for _, near := range p.WindowIn {
		h, g := p.Heads, p.KVHeads
		if near {
			h, g = heads, groups
		}
		p.HeadsIn, p.KVHeadsIn = append(p.HeadsIn, int32(h)), append(p.KVHeadsIn, int32(g))
	}
	p.Heads, p.KVHeads = max(p.Heads, heads), max(p.KVHeads, groups)
	if q, err := c.Float("query_pre_attn_scalar", float64(p.HeadDim)); err != nil || q != float64(p.HeadDim) {
		return c.fail("query_pre_attn_scalar", formats.Unsupported("is %v; runtimes take it to be the size of a head", q), "")
	}
	if p.Bounds, err = c.bounds("swiglu_limits", p.Layers); err != nil {
		return err
	}
	if p.SharedBounds, err = c.bounds("swiglu_limits_shared", p.Layers); err != nil {
		return err
	}
	return stepDense(c, p)
}

// stepRope reads bases and rotated parts, which early files list for each layer, and refuses those parts that runtimes do not take for granted.
func stepRope(c *Config, p *Params) error {
	part := map[bool]float64{true: 1, false: 0.5}
	if v, _ := c.Value("rope_theta"); v != nil {
		bases, err := c.perLayer("rope_theta", p.Layers)
		if _, one := number(v); one {
			bases, err = slices.Repeat([]any{v}, p.Layers), nil
		}
		if err != nil {
			return err
		}
		for i, to := range []*float32{&p.RopeBase, &p.NearBase} {
			if err := c.assign("rope_theta", bases[slices.Index(p.WindowIn, i == 1)], to); err != nil {
				return err
			}
		}
	}
	for near, kind := range map[bool]string{true: "sliding_attention", false: "full_attention"} {
		key := "rope_parameters." + kind + ".partial_rotary_factor"
		if f, err := c.Float(key, part[near]); err != nil || f != part[near] {
			return c.fail(key, formats.Unsupported("is %v; runtimes take it to be %v", f, part[near]), "")
		}
	}
	const key = "partial_rotary_factors"
	if v, _ := c.Value(key); v == nil {
		return nil
	}
	parts, err := c.perLayer(key, p.Layers)
	if err != nil {
		return err
	}
	for i, v := range parts {
		if f, _ := number(v); f != part[p.WindowIn[i]] {
			return c.fail(key, formats.Unsupported("is %v in layer %d; runtimes take it to be %v", v, i, part[p.WindowIn[i]]), "")
		}
	}
	return nil
}

// stepDense reads which layers have experts: mlp_layer_types, or a text that has their numbers.
func stepDense(c *Config, p *Params) error {
	p.Mix.Dense = min(3, p.Layers)
	const key = "moe_layers_enum"
	v, _ := c.Value(key)
	if text, ok := v.(string); ok {
		for i, word := range strings.Split(text, ",") {
			n, err := strconv.Atoi(strings.TrimSpace(word))
			if i == 0 && err == nil && n >= 0 && n <= p.Layers {
				p.Mix.Dense = n
			}
			if err != nil || n != p.Mix.Dense+i {
				return c.fail(key, formats.Unsupported("%.60q: files tell how many of the first layers have no experts", text), "")
			}
		}
	}
	return denseFirst(c, p)
}

// perLayer is a list of something for each layer; layers that guess further tokens may have theirs behind.
func (c *Config) perLayer(key string, layers int) ([]any, error) {
	v, _ := c.Value(key)
	list, _ := v.([]any)
	if len(list) < layers || len(list) > maxList {
		return nil, c.wrong(key, v, fmt.Sprintf("a list of %d", layers))
	}
	return list[:layers], nil
}

// bounds is a list of numbers for each layer, or of nothing, which is zero.
func (c *Config) bounds(key string, layers int) (out []float32, err error) {
	if v, _ := c.Value(key); v == nil {
		return nil, nil
	}
	list, err := c.perLayer(key, layers)
	for _, v := range list {
		var f float32
		if v != nil && err == nil {
			err = c.assign(key, v, &f)
		}
		out = append(out, f)
	}
	return out, err
}

// tellStep is the way back.
func tellStep(p *Params) map[string]any {
	other, own := map[string]any{}, slices.Index(p.WindowIn, false)
	near := slices.Index(p.WindowIn, true)
	out := map[string]any{"mlp_layer_types": denseTypes(p), "rope_theta": unsaid, "num_attention_heads": p.At(own).Heads, "num_attention_groups": p.At(own).KVHeads}
	other["num_attention_heads"], other["num_attention_groups"] = p.At(near).Heads, p.At(near).KVHeads
	out["attention_other_setting"] = other
	for key, list := range map[string][]float32{"swiglu_limits": p.Bounds, "swiglu_limits_shared": p.SharedBounds} {
		if list != nil {
			out[key] = list
		}
	}
	return out
}

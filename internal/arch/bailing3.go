package arch

import (
	"slices"
	"strings"

	"quern/formats"
)

// BailingMoe3 is the family of Ling 3: Kimi's delta attention in most layers, with decays that have a floor and whole matrices for these and for gates; latent attention, whose
// heads each have a gate, in the last of every few; DeepSeek-V3's experts behind both, whose gates may be cut off. Of models that see, time, height and width each rotate a part of
// a head, and heads are rotated in halves.
var BailingMoe3 = register(Arch{
	Name: "bailingmoe3",
	Variants: []Variant{{
		Type: "bailing_hybrid",
		HF:   []string{"BailingMoeV3ForCausalLM", "BailingHybridForCausalLM"},
		Defaults: map[string]any{ // of the library's class
			"max_position_embeddings": 262144, "rms_norm_eps": 1e-6, "rope_theta": 6e6, "num_experts": 512, "num_experts_per_tok": 8, "n_group": 8, "topk_group": 4,
			"moe_intermediate_size": 768, "num_shared_experts": 1, "routed_scaling_factor": 2.5, "norm_topk_prob": true, "first_k_dense_replace": 2, "head_dim": 128,
			"short_conv_kernel_size": 4, "layer_group_size": 6, "kda_lower_bound": -5.0, "kv_lora_rank": 512, "qk_rope_head_dim": 64, "qk_nope_head_dim": 128, "v_head_dim": 128,
			"tie_word_embeddings": false,
		},
	}},
	Keys: slices.Concat(named("block_count"), []Key{
		{GGUF: "{a}.context_length", HF: []string{"max_position_embeddings", "model_max_length"}, Field: func(p *Params) any { return &p.Context }},
	}, named("embedding_length", "feed_forward_length"), convHeads, named("rope.scaling.type", "rope.scaling.factor", "rope.freq_base", "attention.layer_norm_rms_epsilon"), expertKeys, []Key{
		alsoNamed(groupKeys[0], "num_expert_group"),
		groupKeys[1],
		scoreSigmoid("score_function"),
		latentSizes[0],
		{GGUF: "{a}.attention.value_length", HF: []string{"head_dim"}, Field: func(p *Params) any { return &p.MLA.Value }, Default: nothing, When: func(p *Params) bool { return p.MLA.Value > 0 }},
		{GGUF: "general.file_type"},
		sizeKeys(always)[0],
	}, libraryHead(kdaKeys("")), []Key{
		{GGUF: "{a}.kda.safe_gate", HF: []string{"kda_safe_gate"}, Field: func(p *Params) any { return &p.State.Safe }, Default: func(p *Params) { p.State.Safe = true }},
		{GGUF: "{a}.kda.gate_lower_bound", HF: []string{"kda_lower_bound"}, Field: func(p *Params) any { return &p.State.Floor }},
	}, latentKeys[:2], []Key{
		{GGUF: "{a}.rope.dimension_count", HF: []string{"qk_rope_head_dim"}, Field: func(p *Params) any { return &p.RopeDim }},
	}, latentKeys[2:], []Key{
		nopeKey,
		sharedKeys[0],
		{GGUF: "{a}.expert_shared_feed_forward_length", HF: []string{"moe_shared_expert_intermediate_size"}, Field: func(p *Params) any { return &p.Mix.SharedFF },
			Default: func(p *Params) { p.Mix.SharedFF = max(1, p.Mix.Shared) * p.Mix.FF }},
		{GGUF: "{a}.expert_shared_count", HF: []string{"num_shared_experts"}, Field: func(p *Params) any { return &p.Mix.Shared }, Default: nothing},
		denseLayers("first_k_dense_replace"),
		sharedKeys[2],
		alsoNamed(when(always, slices.Clone(sharedKeys[3:4]))[0], "moe_renormalize"),
	}, boundKeys, []Key{
		{GGUF: "{a}.rope.dimension_sections", HF: []string{"mrope_section", "rope_parameters.mrope_section", "rope_scaling.mrope_section"}, Field: func(p *Params) any { return &p.Sections }, Default: nothing,
			When: func(p *Params) bool { return len(p.Sections) > 0 }},
		{Field: func(p *Params) any { return &p.HeadGate }, When: never, Default: func(p *Params) { p.HeadGate = true }},
	}, furtherKeys),
	Tensors: slices.Concat(renamed(without(attention, RoleQ, RoleK, RoleV, RoleO), map[Role]string{RoleEmbed: "model.word_embeddings.weight"}),
		in(attends, only(latentAttention, RoleKVB)), lingAttention, elsewhere(lingAttention, ".attention.", ".self_attn."), feedForward, mlpExperts, sharedExperts, []Rule{
			{GGUF: "blk.{}.exp_probs_b.bias", HF: "model.layers.{}.mlp.gate.expert_bias", Role: RoleRouterBias, Shape: "X", When: mixed},
		}),
	Drop: []string{"*.rotary_emb.inv_freq", "model.layers.{+}.*", "blk.{+}.*"}, // layers that guess further tokens
	Deaf: []Role{RoleO},
	Refuse: []Refusal{
		siluOnly,
		{HF: "no_kda_lora", Unless: []string{"true"}, Why: "decays and gates that matrices of low rank make"},
		{HF: "kda_safe_gate", Unless: []string{"true"}, Why: "decays without a floor"},
		{GGUF: "{a}.kda.safe_gate", Unless: []string{"true"}, Why: "decays without a floor"},
		{HF: "gated_attention_proj_granularity_type", Unless: []string{"head_wise"}, Why: "attention without a gate for each head"},
		{HF: "score_function", Unless: []string{"sigmoid"}, Why: "another way to choose experts"},
		{HF: "moe_router_enable_expert_bias", Unless: []string{"true"}, Why: "experts that are chosen without a bias"},
		{HF: "attention_bias", Unless: []string{"false"}, Why: "projections with biases"},
		{HF: "use_bias", Unless: []string{"false"}, Why: "projections with biases"},
		{HF: "use_qkv_bias", Unless: []string{"false"}, Why: "projections with biases"},
	},
	Layer:  Layer{Keeper: KimiDelta, SectionNeox: true},
	Finish: finishLing3,
})

// boundKeys are what gates may be at most in each layer.
var boundKeys = []Key{
	{GGUF: "{a}.swiglu_clamp_exp", Field: func(p *Params) any { return &p.Bounds }, Default: nothing, When: func(p *Params) bool { return p.Bounds != nil }},
	{GGUF: "{a}.swiglu_clamp_shexp", Field: func(p *Params) any { return &p.SharedBounds }, Default: nothing, When: func(p *Params) bool { return p.SharedBounds != nil }},
}

// alsoNamed is a key with a further name in config.json.
func alsoNamed(k Key, name string) Key {
	k.HF = append(slices.Clone(k.HF), name)
	return k
}

// libraryHead is the keys of delta attention with the name that the library writes the size of its heads under: head_dim is what latent attention rotates there.
func libraryHead(keys []Key) []Key {
	for i, k := range keys {
		if slices.Equal(k.HF, []string{"head_dim"}) {
			keys[i].HF = []string{"linear_head_dim", "head_dim"}
		}
	}
	return keys
}

// lingAttention are the tensors of both kinds of attention, by the names in published files; the library, whose adapters have them, says self_attn.
var lingAttention = slices.Concat(in(attends, lingLatent), lingDelta)

// lingLatent are those of its latent attention, whose output matrix has one of two names, and those of gates.
var lingLatent = elsewhere(slices.Concat(only(latentAttention, RoleQ, RoleQA, RoleQANorm, RoleKVA, RoleKVANorm, RoleKB, RoleVB), []Rule{
	{GGUF: "blk.{}.attn_output.weight", HF: "model.layers.{}.self_attn.dense.weight", Role: RoleO, Shape: "E O"},
	{GGUF: "blk.{}.attn_output.weight", HF: "model.layers.{}.self_attn.o_proj.weight", Role: RoleO, Shape: "E O"},
	{GGUF: "blk.{}.attn_gate.weight", HF: "model.layers.{}.self_attn.g_proj.weight", Role: RoleAttnGate, Shape: "OG E"},
}), ".self_attn.", ".attention.")

// lingDelta are those of its delta attention; of its output matrix the library writes the other name, and of what decides how much stays another to adapters.
var lingDelta = kimiDelta("model.layers.{}.attention.", []Rule{
	{GGUF: "ssm_f_a.weight", HF: "f_proj.weight", Role: RoleMixDecay, Shape: "SI E"},
	{GGUF: "ssm_f_a.weight", HF: "forget_gate.f_proj.weight", Role: RoleMixDecay, Shape: "SI E"},
	{GGUF: "ssm_a", HF: "A_log", Role: RoleStateDecay, Shape: "SH 1", From: "SH", Do: inColumn(Pace)},
	{GGUF: "ssm_g_a.weight", HF: "g_proj.weight", Role: RoleMixGate, Shape: "SI E"},
	{GGUF: "attn_output.weight", HF: "dense.weight", Role: RoleStateOut, Shape: "E SI"},
})

// elsewhere is rules whose names in a checkpoint have other words in one place.
func elsewhere(rules []Rule, from, to string) (out []Rule) {
	for _, r := range rules {
		r.HF = strings.ReplaceAll(r.HF, from, to)
		out = append(out, r)
	}
	return out
}

// finishLing3 reads which layers have attention, and what gates are cut off at.
func finishLing3(c *Config, p *Params) (err error) {
	if err := maybeSections(c, p); err != nil {
		return err
	}
	if len(p.Sections) == 0 && c.says("vision_config") {
		return c.fail("mrope_section", formats.Corrupt("missing: nothing tells how a model that sees rotates heads"), "")
	}
	if p.Bounds, err = c.bounds("expert_swiglu_limit_list", p.Layers); err != nil {
		return err
	}
	if p.SharedBounds, err = c.bounds("share_expert_swiglu_limit_list", p.Layers); err != nil {
		return err
	}
	if !(p.State.Floor < 0) {
		return c.fail("kda_lower_bound", formats.Unsupported("is %v: decays without a floor", p.State.Floor), "")
	}
	if p.State.Size < 1 {
		return c.fail("head_dim", formats.Corrupt("states of %d", p.State.Size), "")
	}
	p.KVHeads = 1
	if p.Layers > maxList { // refused further on
		return nil
	}
	every := 6
	if v, _ := c.Value("layer_group_size"); v != nil {
		if err := c.assign("layer_group_size", v, &every); err != nil {
			return err
		}
	}
	if every < 1 {
		return c.fail("layer_group_size", formats.Corrupt("groups of %d layers", every), "")
	}
	in := make([]bool, p.Layers)
	for i := range in {
		in[i] = !lingAttends(i, p.Layers, every)
	}
	if err := c.linearLayers(in, "full_attention"); err != nil {
		return err
	}
	p.keepInstead(in)
	return denseFirst(c, p)
}

// lingAttends says of a layer that it has attention: the last of every group, and what is left behind the last whole group.
func lingAttends(layer, layers, every int) bool {
	return (layer+1)%every == 0 || layer >= layers/every*every
}

// tellLing3 is the way back. The library goes by the list of layers, the published code by the size of groups, where there is one.
func tellLing3(p *Params) map[string]any {
	kinds := make([]string, p.Layers)
	for i := range kinds {
		if kinds[i] = "full_attention"; p.Keeps(i) {
			kinds[i] = "linear_attention"
		}
	}
	out := map[string]any{"layer_types": kinds, "layer_group_size": unsaid, "head_dim": p.State.Size, "num_key_value_heads": p.Heads, "mlp_layer_types": denseTypes(p), "num_nextn_predict_layers": 0}
	for every := 1; every <= p.Layers; every++ {
		fits := true
		for i := range p.Layers {
			fits = fits && lingAttends(i, p.Layers, every) != p.Keeps(i)
		}
		if fits {
			out["layer_group_size"] = every
			break
		}
	}
	for key, list := range map[string][]float32{"expert_swiglu_limit_list": p.Bounds, "share_expert_swiglu_limit_list": p.SharedBounds} {
		if list != nil {
			out[key] = list
		}
	}
	return out
}

package arch

import (
	"fmt"
	"slices"

	"quern/formats"
)

// KimiLinear is the family of Kimi-Linear (arXiv:2510.26692): Kimi's delta attention in most layers, whose heads keep a matrix every row of which decays by itself, latent attention
// that knows no positions in the others, and DeepSeek-V3's experts behind both.
var KimiLinear = register(Arch{
	Name: "kimi-linear",
	Variants: []Variant{{
		Type: "kimi_linear",
		HF:   []string{"KimiLinearForCausalLM", "KimiLinearModel"},
		If:   func(c *Config) bool { return !c.says("attn_res_block_size") }, // of Kimi K3
		Defaults: map[string]any{
			"rms_norm_eps": 1e-6, "rope_theta": 10000.0, "hidden_act": "silu", "moe_renormalize": true, "moe_router_activation_func": "sigmoid", "num_expert_group": 1, "topk_group": 1,
			"first_k_dense_replace": 0, "moe_layer_freq": 1, "routed_scaling_factor": 1.0, "num_shared_experts": 0, "mla_use_nope": false, "tie_word_embeddings": false,
		},
	}},
	Keys: slices.Concat(named("block_count"), []Key{
		{GGUF: "{a}.context_length", HF: []string{"max_position_embeddings", "model_max_length"}, Field: func(p *Params) any { return &p.Context }},
	}, named("embedding_length", "feed_forward_length"), convHeads, quiet(named("rope.scaling.type", "rope.scaling.factor")...), named("rope.freq_base", "attention.layer_norm_rms_epsilon"), []Key{
		expertKeys[0],
		expertKeys[1],
		groupKeys[1],
		scoreSigmoid("moe_router_activation_func"),
		latentSizes[0],
		{GGUF: "{a}.attention.value_length", HF: []string{"head_dim"}, Field: func(p *Params) any { return &p.MLA.Value }, Default: nothing, When: func(p *Params) bool { return p.MLA.Value > 0 }},
		{GGUF: "general.file_type"},
		sizeKeys(always)[0],
	}, kdaKeys("linear_attn_config.", decayRank, gateRank), latentKeys[1:2], []Key{
		{GGUF: "{a}.rope.dimension_count", HF: []string{"qk_rope_head_dim"}, Field: func(p *Params) any { return &p.RopeDim }},
	}, latentKeys[2:], []Key{
		nopeKey,
		sharedKeys[0],
		{GGUF: "{a}.expert_shared_count", HF: []string{"num_shared_experts"}, Field: func(p *Params) any { return &p.Mix.Shared }, Default: nothing},
		denseLayers("first_k_dense_replace"),
		sharedKeys[2],
		sumsToOne,
		sharedKeys[4],
	}),
	Tensors: slices.Concat(without(attention, RoleQ, RoleK, RoleV, RoleO, RoleOutput), straightHead, in(attends, wideLatent), kimiDelta("model.layers.{}.self_attn.", lowDecay, lowGate, kimiRates), feedForward,
		experts("model.layers.{}.block_sparse_moe.gate.weight", "model.layers.{}.block_sparse_moe.experts", "w1", "w3", "w2"), besideSparse),
	Drop: []string{"*.rotary_emb.inv_freq"},
	Refuse: []Refusal{
		siluOnly,
		ownHead6,
		{HF: "q_lora_rank", Why: "compressed queries, which runtimes do not compute in it"},
		{HF: "mla_use_nope", Unless: []string{"true"}, Why: "heads that are rotated"},
		{HF: "num_expert_group", Unless: []string{"1"}, Why: "experts in groups"},
		{HF: "topk_group", Unless: []string{"1"}, Why: "experts in groups"},
		{HF: "moe_renormalize", Unless: []string{"true"}, Why: "weights of experts that do not sum to one"},
		{HF: "moe_layer_freq", Unless: []string{"1"}, Why: "some of the later layers have no experts"},
		{HF: "moe_router_activation_func", Unless: []string{"sigmoid"}, Why: "scores of experts are no sigmoid"},
		{HF: "num_nextn_predict_layers", Unless: []string{"0"}, Why: "layers that guess further tokens"},
	},
	Layer:  Layer{Keeper: KimiDelta, StillEvery: 1},
	Finish: finishKimiLinear,
})

// besideSparse are what stands beside experts and their router: an expert that every token is given to, and a bias of the router.
var besideSparse = append(elsewhere(sharedExperts, ".mlp.", ".block_sparse_moe."),
	Rule{GGUF: "blk.{}.exp_probs_b.bias", HF: "model.layers.{}.block_sparse_moe.gate.e_score_correction_bias", Role: RoleRouterBias, Shape: "X", When: mixed})

// wideLatent is latent attention with queries that are not compressed.
var wideLatent = slices.Concat([]Rule{
	{GGUF: "blk.{}.attn_q.weight", HF: "model.layers.{}.self_attn.q_proj.weight", Role: RoleQ, Shape: "Q E"},
}, only(latentAttention, RoleKVA, RoleKVANorm, RoleKB, RoleVB, RoleKVB, RoleO))

// kdaKeys are the sizes of Kimi's delta attention, whose heads are as many as those of attention; at is where config.json has them.
// Of the matrices that make decays and gates those are of low rank, of the size of a head, that low names; the others are whole.
func kdaKeys(at string, low ...func(*Ranks) *int) []Key {
	return []Key{
		{GGUF: "{a}.ssm.conv_kernel", HF: []string{at + "short_conv_kernel_size"}, Field: func(p *Params) any { return &p.State.Conv }},
		{GGUF: "{a}.kda.head_dim", HF: []string{at + "head_dim"}, Field: func(p *Params) any { return &p.State.Size }},
		{Field: func(p *Params) any { return &p.State.Inner }, When: never, Default: func(p *Params) {
			p.State.Heads, p.State.Groups, p.State.Inner = p.Heads, p.Heads, p.Heads*p.State.Size
			for _, rank := range low {
				*rank(&p.State.Ranks) = p.State.Size
			}
		}},
	}
}

func decayRank(r *Ranks) *int { return &r.Decay }
func gateRank(r *Ranks) *int  { return &r.Gate }

// Of delta attention: decays and gates made by matrices of low rank, and numbers of heads as Kimi-Linear's checkpoints have them.
var (
	lowDecay = []Rule{
		{GGUF: "ssm_f_a.weight", HF: "f_a_proj.weight", Role: RoleMixDecayLow, Shape: "SN E"},
		{GGUF: "ssm_f_b.weight", HF: "f_b_proj.weight", Role: RoleMixDecay, Shape: "SI SN"},
	}
	lowGate = []Rule{
		{GGUF: "ssm_g_a.weight", HF: "g_a_proj.weight", Role: RoleMixGateLow, Shape: "SN E"},
		{GGUF: "ssm_g_b.weight", HF: "g_b_proj.weight", Role: RoleMixGate, Shape: "SI SN"},
	}
	kimiRates = []Rule{{GGUF: "ssm_a", HF: "A_log", Role: RoleStateDecay, Shape: "1 1 SH 1", Do: Decay}}
)

// kimiDelta are its tensors; at is where they are in a checkpoint, own are those that families have each in a form of its own.
func kimiDelta(at string, own ...[]Rule) []Rule {
	rules := slices.Concat([]Rule{
		{GGUF: "attn_q.weight", HF: "q_proj.weight", Role: RoleMixR, Shape: "SI E"},
		{GGUF: "attn_k.weight", HF: "k_proj.weight", Role: RoleMixK, Shape: "SI E"},
		{GGUF: "attn_v.weight", HF: "v_proj.weight", Role: RoleMixV, Shape: "SI E"},
		{GGUF: "ssm_conv1d_q.weight", HF: "q_conv1d.weight", Role: RoleConvR, Shape: "1 SI 1 SC", From: "SI 1 SC", Do: channels},
		{GGUF: "ssm_conv1d_k.weight", HF: "k_conv1d.weight", Role: RoleConvK, Shape: "1 SI 1 SC", From: "SI 1 SC", Do: channels},
		{GGUF: "ssm_conv1d_v.weight", HF: "v_conv1d.weight", Role: RoleConvV, Shape: "1 SI 1 SC", From: "SI 1 SC", Do: channels},
		{GGUF: "ssm_dt.bias", HF: "dt_bias", Role: RoleStateTime, Shape: "SI"},
		{GGUF: "ssm_beta.weight", HF: "b_proj.weight", Role: RoleMixRate, Shape: "SH E"},
		{GGUF: "ssm_norm.weight", HF: "o_norm.weight", Role: RoleStateNorm, Shape: "SN"},
		{GGUF: "attn_output.weight", HF: "o_proj.weight", Role: RoleStateOut, Shape: "E SI"},
	}, slices.Concat(own...))
	for i := range rules {
		rules[i].GGUF, rules[i].HF = "blk.{}."+rules[i].GGUF, at+rules[i].HF
	}
	return in(keeps, rules)
}

// channels is a convolution of each channel for itself with the dimension of the one channel that it sees, and one more.
var channels = Op{Name: "channels",
	Forward: func(t *formats.Tensor, _ *Params) *formats.Tensor { return shapedAs(t, 1, t.Shape[0], 1, t.Shape[2]) },
	Inverse: func(t *formats.Tensor, _ *Params) *formats.Tensor { return shapedAs(t, t.Shape[1], 1, t.Shape[3]) },
}

// finishKimiLinear reads which layers have attention, counted from one, and refuses other heads in the others.
func finishKimiLinear(c *Config, p *Params) error {
	p.KVHeads = 1
	const key = "linear_attn_config.full_attn_layers"
	var full []int32
	v, _ := c.Value(key)
	if v == nil {
		return c.fail(key, formats.Corrupt("missing: nothing tells which layers have attention"), "the numbers of these, counted from one")
	}
	if err := c.assignInts(key, v, &full); err != nil {
		return err
	}
	if p.Layers > maxList {
		return nil // refused further on
	}
	in := make([]bool, p.Layers)
	for i := range in {
		in[i] = !slices.Contains(full, int32(i+1))
	}
	for _, n := range full {
		if n < 1 || int(n) > p.Layers {
			return c.fail(key, formats.Corrupt("names layer %d of %d", n, p.Layers), "")
		}
	}
	if !slices.Contains(in, false) {
		return c.fail(key, formats.Unsupported("no layer has attention, which runtimes do not load"), "")
	}
	heads, _ := c.Value("linear_attn_config.num_heads")
	if heads != nil && fmt.Sprint(heads) != fmt.Sprint(p.Heads) {
		return c.fail("linear_attn_config.num_heads", formats.Unsupported("is %v, attention has %d heads: runtimes take the two to be equal", heads, p.Heads), "")
	}
	if p.State.Size < 1 {
		return c.fail("linear_attn_config.head_dim", formats.Corrupt("states of %d", p.State.Size), "")
	}
	p.keepInstead(in)
	return nil
}

// tellKimi is the way back.
func tellKimi(p *Params) map[string]any {
	var full, delta []int
	for l := range p.Layers {
		if p.Keeps(l) {
			delta = append(delta, l+1)
		} else {
			full = append(full, l+1)
		}
	}
	var size any = unsaid
	if p.MLA.Value > 0 && p.BankEvery == 0 {
		size = p.MLA.Value
	}
	out := map[string]any{"head_dim": size, "short_conv_kernel_size": unsaid, "linear_attn_config.head_dim": p.State.Size, "linear_attn_config.short_conv_kernel_size": p.State.Conv,
		"linear_attn_config.full_attn_layers": full, "linear_attn_config.kda_layers": delta, "linear_attn_config.num_heads": p.Heads, "num_key_value_heads": p.Heads}
	if p.BankEvery > 0 {
		out["linear_attn_config.use_full_rank_gate"], out["gate_lower_bound"] = true, unsaid
		if p.State.Floor != 0 {
			out["linear_attn_config.gate_lower_bound"] = decimal(p.State.Floor)
		}
	}
	return out
}

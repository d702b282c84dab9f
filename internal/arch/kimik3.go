package arch

import (
	"slices"

	"quern/formats"
)

// KimiK3 is the family of the language model of Kimi K3: Kimi-Linear's layers with decays that have a floor, a whole matrix for gates, compressed queries and gates of attention, with experts
// that are given fewer numbers than the stream has, and with SiTU; what parts of a layer are given is a mixture of the stream and of what it was before (attention residuals).
var KimiK3 = register(Arch{
	Name: "kimi-k3",
	Variants: []Variant{{
		Type: "kimi_linear", // of the language model alone
		HF:   []string{"KimiLinearForCausalLM", "KimiK3ForConditionalGeneration"},
		If:   func(c *Config) bool { return c.says("attn_res_block_size") },
		Defaults: map[string]any{
			"rms_norm_eps": 1e-6, "moe_renormalize": true, "moe_router_activation_func": "sigmoid", "num_expert_group": 1, "topk_group": 1, "first_k_dense_replace": 0, "moe_layer_freq": 1,
			"routed_scaling_factor": 1.0, "num_shared_experts": 0, "mla_use_nope": false, "mla_use_output_gate": false, "latent_moe_use_norm": false, "tie_word_embeddings": false,
		},
	}},
	Keys: slices.Concat(named("block_count"), []Key{
		{GGUF: "{a}.context_length", HF: []string{"max_position_embeddings", "model_max_length"}, Field: func(p *Params) any { return &p.Context }},
	}, named("embedding_length", "feed_forward_length"), convHeads, quiet(named("rope.scaling.type", "rope.scaling.factor", "rope.freq_base")...), named("attention.layer_norm_rms_epsilon"), expertKeys, []Key{
		groupKeys[1],
		scoreSigmoid("moe_router_activation_func"),
		{GGUF: "general.file_type"},
		sizeKeys(always)[0],
	}, kdaKeys("linear_attn_config.", decayRank), []Key{
		{GGUF: "{a}.kda.gate_lower_bound", HF: []string{"linear_attn_config.gate_lower_bound"}, Field: func(p *Params) any { return &p.State.Floor }, Default: nothing,
			When: func(p *Params) bool { return p.State.Floor != 0 }},
	}, latentKeys[:2], []Key{
		{GGUF: "{a}.rope.dimension_count", HF: []string{"qk_rope_head_dim"}, Field: func(p *Params) any { return &p.RopeDim }},
	}, latentSizes, latentKeys[2:], []Key{
		nopeKey,
		sharedKeys[0],
		{GGUF: "{a}.expert_shared_count", HF: []string{"num_shared_experts"}, Field: func(p *Params) any { return &p.Mix.Shared }, Default: nothing},
		denseLayers("first_k_dense_replace"),
		sharedKeys[2],
		{GGUF: "{a}.expert_weights_norm", HF: []string{"moe_renormalize"}, Field: func(p *Params) any { return &p.Mix.Norm }, Default: nothing},
		{GGUF: "{a}.expert_latent_length", HF: []string{"routed_expert_hidden_size"}, Field: func(p *Params) any { return &p.Mix.Latent }, Default: nothing, When: narrowly},
		{GGUF: "{a}.activation.situ_beta", HF: []string{"activation_situ_beta"}, Field: func(p *Params) any { return &p.SituBeta }},
		{GGUF: "{a}.activation.situ_linear_beta", HF: []string{"activation_situ_linear_beta"}, Field: func(p *Params) any { return &p.SituLinear }, Default: nothing},
		{GGUF: "{a}.attn_res.block_size", HF: []string{"attn_res_block_size"}, Field: func(p *Params) any { return &p.BankEvery }},
		sharedKeys[4],
	}),
	Tensors: slices.Concat(without(attention, RoleQ, RoleK, RoleV, RoleO, RoleOutput), straightHead, in(attends, only(latentAttention, RoleQ, RoleQA, RoleQANorm, RoleKVA, RoleKVANorm, RoleKB, RoleVB, RoleKVB, RoleO)),
		in(attends, []Rule{{GGUF: "blk.{}.attn_gate.weight", HF: "model.layers.{}.self_attn.g_proj.weight", Role: RoleAttnGate, Shape: "OG E"}}),
		kimiDelta("model.layers.{}.self_attn.", lowDecay, []Rule{
			{GGUF: "ssm_a", HF: "A_log", Role: RoleStateDecay, Shape: "SH", Do: Decay},
			{GGUF: "ssm_g.weight", HF: "g_proj.weight", Role: RoleMixGate, Shape: "SI E"},
		}), feedForward,
		experts("model.layers.{}.block_sparse_moe.gate.weight", "model.layers.{}.block_sparse_moe.experts", "w1", "w3", "w2"), besideSparse, []Rule{
			{GGUF: "blk.{}.ffn_routed_down.weight", HF: "model.layers.{}.block_sparse_moe.routed_expert_down_proj.weight", Role: RoleLatentDown, Shape: "EX E", When: narrows},
			{GGUF: "blk.{}.ffn_routed_up.weight", HF: "model.layers.{}.block_sparse_moe.routed_expert_up_proj.weight", Role: RoleLatentUp, Shape: "E EX", When: narrows},
			{GGUF: "blk.{}.ffn_routed_norm.weight", HF: "model.layers.{}.block_sparse_moe.routed_expert_norm.weight", Role: RoleLatentNorm, Shape: "EX", When: narrows, Optional: true, Flag: "latent_moe_use_norm"},
			banked("blk.{}.attn_res_score.weight", "model.layers.{}.self_attention_res", RoleBankAttn),
			banked("blk.{}.ffn_res_score.weight", "model.layers.{}.mlp_res", RoleBankFFN),
			banked("output_res_score.weight", "model.output_attn_res", RoleBankOut),
		}),
	Drop: []string{"*.rotary_emb.inv_freq"},
	Deaf: []Role{RoleO, RoleGate, RoleUp, RoleDown, RoleGateShared, RoleUpShared, RoleDownShared, RoleRouter},
	Refuse: []Refusal{
		{HF: "hidden_act", Unless: []string{"situ"}, Why: "its activation function is not situ"},
		ownHead6,
		{HF: "mla_use_nope", Unless: []string{"true"}, Why: "heads that are rotated"},
		{HF: "mla_use_output_gate", Unless: []string{"true"}, Why: "attention without gates"},
		{HF: "linear_attn_config.use_full_rank_gate", Unless: []string{"true"}, Why: "gates that matrices of low rank make"},
		{HF: "num_expert_group", Unless: []string{"1"}, Why: "experts in groups"},
		{HF: "topk_group", Unless: []string{"1"}, Why: "experts in groups"},
		{HF: "moe_layer_freq", Unless: []string{"1"}, Why: "some of the later layers have no experts"},
		{HF: "moe_router_activation_func", Unless: []string{"sigmoid"}, Why: "scores of experts are no sigmoid"},
		{HF: "num_nextn_predict_layers", Unless: []string{"0"}, Why: "layers that guess further tokens"},
	},
	Layer:  Layer{Keeper: KimiDelta, StillEvery: 1, Act: SiTU},
	Finish: finishK3,
})

// banked is the scores of a mixture of streams: of a norm and of a matrix of one row behind it, which only their product counts of.
func banked(gguf, hf string, role Role) Rule {
	return Rule{GGUF: gguf, HF: hf + "_{norm,proj}.weight", Role: role, Shape: "E", Forms: []string{"E", "1 E"}, Do: productOfTwo}
}

// productOfTwo is that of two vectors, number by number. The way back gives ones, and the product.
var productOfTwo = Op{Name: "product", Near: true,
	Combine: func(parts []*formats.Tensor, _ *Params) *formats.Tensor {
		t := Floats("", nil)
		t.Shape, t.Rows, t.Raw = parts[0].Shape, multiplied(parts), nil
		return t
	},
	Split: func(t *formats.Tensor, _ *Params) []*formats.Tensor {
		ones := make([]float32, t.Elems())
		for i := range ones {
			ones[i] = 1
		}
		return []*formats.Tensor{Floats("", ones), t}
	},
}

// multiplied is the product of two vectors.
type multiplied []*formats.Tensor

func (m multiplied) ReadRows(dst []float32, row int) error {
	by := make([]float32, len(dst))
	for i, to := range [][]float32{dst, by} {
		if err := m[i].Rows.ReadRows(to, row); err != nil {
			return inPart(m[i], err)
		}
	}
	for i, x := range by {
		dst[i] *= x
	}
	return nil
}

// finishK3 reads which layers have attention.
func finishK3(c *Config, p *Params) error {
	if err := finishKimiLinear(c, p); err != nil {
		return err
	}
	if !(p.SituBeta > 0) || !(p.SituLinear >= 0) {
		return c.fail("activation_situ_beta", formats.Unsupported("is %v, and activation_situ_linear_beta %v", p.SituBeta, p.SituLinear), "")
	}
	if p.BankEvery < 1 {
		return c.fail("attn_res_block_size", formats.Unsupported("is %d: layers without attention residuals", p.BankEvery), "")
	}
	return nil
}

// Banked is how many times the stream was banked before a layer.
func (p *Params) Banked(layer int) int {
	if p.BankEvery == 0 {
		return 0
	}
	return (layer + p.BankEvery - 1) / p.BankEvery
}

// Banks says of a layer that it does so.
func (p *Params) Banks(layer int) bool { return p.BankEvery > 0 && layer%p.BankEvery == 0 }

package arch

import (
	"fmt"
	"slices"

	"quern/formats"
)

// GLM5Next is the family of the language model of GLM-5.3-Flash: Kimi's delta attention in most layers; in the others latent attention that knows no positions, which chooses keys
// of several positions each; the experts of DeepSeek-V3, whose gates are cut off; and several streams that a doubly stochastic matrix mixes, of which the output head is given the
// mean. The computation is the library's (models/glm5_next), names are those of the published checkpoints.
var GLM5Next = register(Arch{
	Name: "glm5-next",
	Variants: []Variant{{
		Type: "glm5_next_text",
		HF:   []string{"Glm5NextForConditionalGeneration"},
		Defaults: map[string]any{
			"max_position_embeddings": 1048576, "rms_norm_eps": 1e-5, "q_lora_rank": 1536, "kv_lora_rank": 512, "qk_nope_head_dim": 256, "qk_rope_head_dim": 0, "v_head_dim": 256,
			"n_routed_experts": 288, "n_shared_experts": 1, "num_experts_per_tok": 8, "moe_intermediate_size": 2048, "routed_scaling_factor": 2.5, "norm_topk_prob": true,
			"n_group": 1, "topk_group": 1, "first_k_dense_replace": 3, "index_topk": 2048, "index_head_dim": 128, "index_n_heads": 32, "index_kpool": 16,
			"index_kpool_always_select_tail": true, "hc_mult": 4, "hc_sinkhorn_iters": 20, "hc_eps": 1e-6, "mla_use_nope": true, "mhc": true, "tie_word_embeddings": false,
		},
	}},
	Keys: slices.Concat(named("block_count", "context_length", "embedding_length", "feed_forward_length"), convHeads, quiet(named("rope.scaling.type", "rope.scaling.factor", "rope.freq_base")...),
		named("attention.layer_norm_rms_epsilon"), expertKeys, groupKeys[:2], []Key{
			{Field: func(p *Params) any { return &p.Mix.Gate }, When: never, Default: func(p *Params) { p.Mix.Gate = GateSigmoid }},
			{GGUF: "general.file_type"},
			sizeKeys(always)[0],
			{GGUF: "{a}.attention.layer_norm_epsilon", Field: func(p *Params) any { return &p.Index.Eps }, Default: func(p *Params) { p.Index.Eps = 1e-6 }},
		}, kdaKeys("linear_attn_config.", decayRank, gateRank), []Key{
			{GGUF: "{a}.kda.gate_lower_bound", HF: []string{"linear_attn_config.gate_lower_bound"}, Field: func(p *Params) any { return &p.State.Floor }, Default: nothing,
				When: func(p *Params) bool { return p.State.Floor != 0 }},
		}, latentKeys[:2], []Key{
			{GGUF: "{a}.rope.dimension_count", HF: []string{"qk_rope_head_dim"}, Field: func(p *Params) any { return &p.RopeDim }},
		}, latentSizes, latentKeys[2:], []Key{nopeKey}, indexKeys, []Key{
			{GGUF: "{a}.attention.indexer.kpool", HF: []string{"index_kpool"}, Field: func(p *Params) any { return &p.Index.Pool }},
			{GGUF: "{a}.attention.indexer.kpool_select_tail", HF: []string{"index_kpool_always_select_tail"}, Field: func(p *Params) any { return &p.Index.Tail }, Default: nothing},
			{GGUF: "{a}.attention.indexer.types", Field: func(p *Params) any { return &p.Index.Full }, Default: nothing, When: func(p *Params) bool { return p.Index.Full != nil }},
		}, streamKeys, []Key{
			{Field: func(p *Params) any { return &p.Hyper.Mean }, When: never, Default: func(p *Params) { p.Hyper.Mean = true }},
			denseLayers("first_k_dense_replace"),
		}, sharedKeys, boundKeys, furtherKeys),
	Tensors: slices.Concat(without(attention, RoleQ, RoleK, RoleV, RoleO, RoleOutput), straightHead,
		in(attends, only(latentAttention, RoleQ, RoleQA, RoleQANorm, RoleKVA, RoleKVANorm, RoleKB, RoleVB, RoleKVB, RoleO)), indexer, []Rule{
			{GGUF: "blk.{}.indexer_compressor_gate.weight", HF: "model.layers.{}.self_attn.indexer.index_kpool_compress_gate", Role: RoleIndexGate, Shape: "ID E", When: chooses},
			{GGUF: "blk.{}.indexer_compressor_ape.weight", HF: "model.layers.{}.self_attn.indexer.index_kpool_compress_ape", Role: RoleIndexBias, Shape: "IP ID", When: chooses},
		}, kimiDelta("model.layers.{}.self_attn.", lowDecay, lowGate, []Rule{
			{GGUF: "ssm_a", HF: "A_log", Role: RoleStateDecay, Shape: "SH", Do: Decay},
			{GGUF: "ssm_f_a.weight", HF: "forget_gate.f_a_proj.weight", Role: RoleMixDecayLow, Shape: "SN E"}, // as the library's adapters have them
			{GGUF: "ssm_f_b.weight", HF: "forget_gate.f_b_proj.weight", Role: RoleMixDecay, Shape: "SI SN"},
		}), feedForward, mlpExperts, sharedExperts, routerBias[:1], hyperLayers("model.layers.{}.")),
	Drop: []string{"*.rotary_emb.inv_freq", "model.layers.{+}.*", "blk.{+}.*"}, // layers that guess further tokens
	Refuse: []Refusal{
		siluOnly,
		{HF: "attention_bias", Unless: []string{"false"}, Why: "projections with biases"},
		{HF: "mla_use_nope", Unless: []string{"true"}, Why: "heads that are rotated"},
		{HF: "qk_rope_head_dim", Unless: []string{"0"}, Why: "heads that are rotated"},
		{HF: "mhc", Unless: []string{"true"}, Why: "one stream"},
		{HF: "index_kpool_always_select_tail", Unless: []string{"true"}, Why: "queries that do not see the positions behind the last whole key"},
		{GGUF: "{a}.attention.indexer.kpool_select_tail", Unless: []string{"true"}, Why: "queries that do not see the positions behind the last whole key"},
		{HF: "scoring_func", Unless: []string{"sigmoid"}, Why: "scores of experts are no sigmoid"},
		{HF: "tie_word_embeddings", Unless: []string{"false"}, Why: "the embedding as output head"},
	},
	Layer:    Layer{Keeper: KimiDelta, StillEvery: 1, OneEps: true, CutFirst: true},
	Finish:   finishGLM5Next,
	Mistaken: fourStreams,
})

// finishGLM5Next reads which layers have attention, and which of these choose.
func finishGLM5Next(c *Config, p *Params) error {
	if err := readIndexers(c, p); err != nil {
		return err
	}
	if err := oneBound(c, p); err != nil || p.Layers > maxList { // refused further on
		return err
	}
	p.SharedBounds = p.Bounds
	if heads, _ := c.Value("linear_attn_config.num_heads"); heads != nil && fmt.Sprint(heads) != fmt.Sprint(p.Heads) {
		return c.fail("linear_attn_config.num_heads", formats.Unsupported("is %v, attention has %d heads: runtimes take the two to be equal", heads, p.Heads), "")
	}
	if !(p.State.Floor < 0) {
		return c.fail("linear_attn_config.gate_lower_bound", formats.Unsupported("is %v: decays without a floor, which the library and runtimes understand differently", p.State.Floor), "")
	}
	if p.State.Size < 1 {
		return c.fail("linear_attn_config.head_dim", formats.Corrupt("states of %d", p.State.Size), "")
	}
	p.KVHeads = 1
	in := make([]bool, p.Layers)
	for i := range in {
		in[i] = i%4 != 3
	}
	if err := c.linearLayers(in, "full_attention", "indexed_attention"); err != nil {
		return err
	}
	p.keepInstead(in)
	return denseFirst(c, p)
}

// linearLayers reads which layers have linear attention where config.json lists that; the others have one of some kinds.
func (c *Config) linearLayers(in []bool, others ...string) error {
	const key = "layer_types"
	kinds, err := c.words(key, len(in))
	if err != nil {
		return err
	}
	for i, kind := range kinds {
		word, _ := kind.(string)
		if in[i] = word == "linear_attention"; !in[i] && !slices.Contains(others, word) {
			return c.fail(key, formats.Unsupported("layer %d is %.60q; known are linear_attention and %v", i, fmt.Sprint(kind), others), "")
		}
	}
	if !slices.Contains(in, false) {
		return c.fail(key, formats.Unsupported("no layer has attention, which runtimes do not load"), "")
	}
	return nil
}

// tellGLM5Next is the way back.
func tellGLM5Next(p *Params) map[string]any {
	out := tellHYV4(p)
	kinds := make([]string, p.Layers)
	for i := range kinds {
		if kinds[i] = "full_attention"; p.Keeps(i) {
			kinds[i] = "linear_attention"
		}
	}
	if p.Index.Full != nil { // of layers that do not attend, too
		types := make([]string, p.Layers)
		for i := range types {
			if types[i] = "shared"; p.Index.Full[i] {
				types[i] = "full"
			}
		}
		out["indexer_types"] = types
	} else {
		out["indexer_types"] = slices.Repeat([]string{"full"}, p.Layers)
	}
	out["layer_types"], out["num_key_value_heads"], out["short_conv_kernel_size"], out["head_dim"] = kinds, p.Heads, unsaid, unsaid
	out["linear_attn_config.num_heads"], out["linear_attn_config.head_dim"], out["linear_attn_config.short_conv_kernel_size"] = p.Heads, p.State.Size, p.State.Conv
	out["rope_theta"], out["topk_method"] = unsaid, unsaid
	out["qk_rope_head_dim"], out["gate_lower_bound"], out["linear_attn_config.gate_lower_bound"] = 0, unsaid, decimal(p.State.Floor)
	return out
}

package arch

import (
	"slices"

	"quern/formats"
)

// Hyper is several streams of which every part of a layer is given a mixture, and to all of which what it makes is added, each by a number of its own (hyper-connections,
// arXiv:2409.19606, independent of each other as in Hunyuan 4). The zero value is a model with one stream.
type Hyper struct {
	Streams   int     // HC
	Eps       float32 // is added to all those numbers
	Magnitude float32 // what makes is added by this at most
	Rounds    int     // the streams are mixed by a matrix, whose rows and columns are divided by their sums so many times (arXiv:2512.24880); 0: they stay as they are
	Low       int     // HCL: the rank of a matrix that says of every number of the streams how much of it a part is given (Qwen 4); 0: one number says so of each stream
	Wide      int     // numbers of all streams, where a family's files tell it
	Mean      bool    // the output head is given the mean of all; otherwise a mixture that a matrix makes
}

func (h *Hyper) dim(letter string) int {
	switch letter {
	case "HC":
		return h.Streams
	case "HCM": // and a matrix
		return (2 + h.Streams) * h.Streams
	case "3":
		return min(3, 3*h.Streams)
	case "HCL":
		return h.Low
	case "HC2": // shares of what a part is given, and numbers that it is added by
		return 2 * h.Streams
	case "one":
		return min(1, h.Streams)
	case "2":
		return min(2, 2*h.Streams)
	}
	return 0
}

// check refuses sizes that no model has.
func (h *Hyper) check() error {
	if h.Low < 0 || h.Low > 1<<20 || h.Low > 0 && (h.Streams < 2 || h.Rounds > 0) || h.Streams < 0 || h.Rounds < 0 || h.Rounds > 1<<10 || h.Streams > 16 || h.Streams > 0 && (!(h.Eps >= 0 && h.Eps < 1) || !positive(h.Magnitude)) {
		return formats.Corrupt("%d streams, with %v and numbers of at most %v, by matrices of rank %d", h.Streams, h.Eps, h.Magnitude, h.Low)
	}
	return nil
}

// HYV4 is the family of Hunyuan 4: latent attention that chooses positions, with sinks, and gates before its output matrix; the experts of DeepSeek-V3, whose gates are cut
// off; and several streams.
var HYV4 = register(Arch{
	Name: "hy_v4",
	Variants: []Variant{{
		Type: "hy_v4",
		HF:   []string{"HYV4ForCausalLM"},
		Defaults: map[string]any{
			"max_position_embeddings": 262144, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "q_lora_rank": 1536, "kv_lora_rank": 512,
			"qk_nope_head_dim": 192, "qk_rope_head_dim": 64, "v_head_dim": 256, "n_routed_experts": 256, "n_shared_experts": 1,
			"num_experts_per_tok": 8, "moe_intermediate_size": 768, "routed_scaling_factor": 2.827, "norm_topk_prob": true, "first_k_dense_replace": 1,
			"index_topk": 2048, "index_head_dim": 128, "index_n_heads": 16, "hc_mult": 4, "hc_magnitude": 2.0, "hc_eps": 1e-6, "swiglu_limit": 10.0,
		},
	}},
	Keys: slices.Concat(
		named("block_count", "context_length", "embedding_length", "feed_forward_length", "attention.head_count"),
		[]Key{oneHeadOfKeys},
		named("rope.scaling.type", "rope.scaling.factor", "rope.freq_base", "attention.layer_norm_rms_epsilon"),
		expertKeys, latentSizes, []Key{{GGUF: "general.file_type"}, denseLayers("first_k_dense_replace")},
		sizeKeys(always)[:1], latentKeys, sharedKeys, []Key{
			{GGUF: "{a}.rope.dimension_count", HF: []string{"qk_rope_head_dim"}, Field: func(p *Params) any { return &p.RopeDim }},
			nopeKey,
			{GGUF: "{a}.expert_gating_func", Field: func(p *Params) any { return &p.Mix.Gate }, Default: func(p *Params) { p.Mix.Gate = GateSigmoid }},
			{GGUF: "{a}.swiglu_clamp_exp", Field: func(p *Params) any { return &p.Bounds }, Default: nothing, When: func(p *Params) bool { return p.Bounds != nil }},
			{GGUF: "{a}.hyper_connection.count", HF: []string{"hc_mult"}, Field: func(p *Params) any { return &p.Hyper.Streams }},
			{GGUF: "{a}.hyper_connection.epsilon", HF: []string{"hc_eps"}, Field: func(p *Params) any { return &p.Hyper.Eps }},
			{GGUF: "{a}.hyper_connection.magnitude", HF: []string{"hc_magnitude"}, Field: func(p *Params) any { return &p.Hyper.Magnitude }},
		},
		indexKeys, []Key{
			{GGUF: "{a}.attention.indexer.types", Field: func(p *Params) any { return &p.Index.Full }, Default: nothing},
		},
	),
	Tensors: slices.Concat(latentAttention, indexer, feedForward, mlpExperts, sharedExperts, routerBias[:1], []Rule{
		{GGUF: "blk.{}.attn_gate.weight", HF: "model.layers.{}.self_attn.linear_gate.weight", Role: RoleAttnGate, Shape: "OG E"},
		{GGUF: "blk.{}.attn_sinks.weight", HF: "model.layers.{}.self_attn.learnable_sink_param", Role: RoleSinks, Shape: "H"},
		{GGUF: "blk.{}.hc_attn_fn.weight", HF: "model.layers.{}.hc_attn_layer.hc_pre.hc_fn", Role: RoleHyperAttn, Shape: "HC2 HCE"},
		{GGUF: "blk.{}.hc_attn_base.weight", HF: "model.layers.{}.hc_attn_layer.hc_pre.hc_base", Role: RoleHyperAttnBase, Shape: "HC2"},
		{GGUF: "blk.{}.hc_attn_scale.weight", HF: "model.layers.{}.hc_attn_layer.hc_pre.hc_scale", Role: RoleHyperAttnScale, Shape: "2"},
		{GGUF: "blk.{}.hc_ffn_fn.weight", HF: "model.layers.{}.hc_mlp_layer.hc_pre.hc_fn", Role: RoleHyperFFN, Shape: "HC2 HCE"},
		{GGUF: "blk.{}.hc_ffn_base.weight", HF: "model.layers.{}.hc_mlp_layer.hc_pre.hc_base", Role: RoleHyperFFNBase, Shape: "HC2"},
		{GGUF: "blk.{}.hc_ffn_scale.weight", HF: "model.layers.{}.hc_mlp_layer.hc_pre.hc_scale", Role: RoleHyperFFNScale, Shape: "2"},
		{GGUF: "output_hc_fn.weight", HF: "model.hc_head.hc_head_fn", Role: RoleHyperHead, Shape: "HC HCE"},
		{GGUF: "output_hc_base.weight", HF: "model.hc_head.hc_head_base", Role: RoleHyperHeadBase, Shape: "HC"},
		{GGUF: "output_hc_scale.weight", HF: "model.hc_head.hc_head_scale", Role: RoleHyperHeadScale, Shape: "one"},
	}),
	Drop: []string{"*.rotary_emb.inv_freq", "model.mtp_layers.*", "model.layers.{+}.*"}, // layers that guess further tokens
	Refuse: []Refusal{
		siluOnly,
		{HF: "attention_bias", Unless: []string{"false"}, Why: "projections with biases"},
		{HF: "n_group", Unless: []string{"1"}, Why: "experts in groups"},
		{HF: "topk_group", Unless: []string{"1"}, Why: "experts in groups"},
		{HF: "tie_word_embeddings", Unless: []string{"false"}, Why: "the embedding as output head"},
	},
	Layer: Layer{IndexPairs: true, IndexTail: true, CutFirst: true},
	Finish: func(c *Config, p *Params) error {
		if _, ok := c.Value("indexer_types"); !ok {
			return c.fail("indexer_types", formats.Corrupt("missing: nothing tells which layers choose positions"), `for every layer "full" or "shared"`)
		}
		if err := readIndexers(c, p); err != nil {
			return err
		}
		if err := oneBound(c, p); err != nil {
			return err
		}
		return denseFirst(c, p)
	},
})

// oneBound reads what gates may be at most in all layers.
func oneBound(c *Config, p *Params) error {
	limit, err := c.Float("swiglu_limit", 10)
	if err != nil || !(limit < 1e30) {
		return c.fail("swiglu_limit", formats.Corrupt("gates of at most %v", limit), "")
	}
	for p.Bounds = nil; limit > 0 && len(p.Bounds) < min(p.Layers, maxList); {
		p.Bounds = append(p.Bounds, float32(limit))
	}
	return nil
}

// tellHYV4 is the way back.
func tellHYV4(p *Params) map[string]any {
	out := tellIndexers(p)
	out["swiglu_limit"], out["mlp_layer_types"] = 0.0, denseTypes(p)
	if len(p.Bounds) > 0 {
		out["swiglu_limit"] = decimal(p.Bounds[0])
	}
	return out
}

package arch

import "slices"

// Cohere2Moe is the family of North: Command R7B's windows and parallel parts, with experts behind dense first layers, which rotate all heads. What shared experts and the
// others give is averaged.
var Cohere2Moe = register(Arch{
	Name: "cohere2moe",
	Variants: []Variant{{
		Type: "cohere2_moe",
		HF:   []string{"Cohere2MoeForCausalLM"},
		Defaults: map[string]any{
			"max_position_embeddings": 8192, "layer_norm_eps": 1e-5, "rope_theta": 10000.0, "logit_scale": 0.0625, "tie_word_embeddings": true, "head_dim": 128,
			"sliding_window": 4096, "num_experts": 8, "num_experts_per_tok": 2, "num_shared_experts": 0, "expert_selection_fn": "softmax", "norm_topk_prob": true,
			"first_k_dense_replace": 0,
		},
	}},
	Keys: slices.Concat(named("block_count", "context_length", "embedding_length"), []Key{
		told("feed_forward_length", "prefix_dense_intermediate_size", "intermediate_size"),
	}, named("attention.head_count", "attention.head_count_kv", "rope.freq_base"), []Key{
		{GGUF: "{a}.attention.layer_norm_rms_epsilon", HF: []string{"rms_norm_eps"}, Field: func(p *Params) any { return &p.RMSEps }, Default: nothing, When: func(p *Params) bool { return p.RMSEps > 0 }},
		{GGUF: "{a}.attention.layer_norm_epsilon", HF: []string{"layer_norm_eps"}, Field: func(p *Params) any { return &p.NormEps }, Default: func(p *Params) { p.NormEps = p.RMSEps }},
	}, expertKeys, []Key{scoreSigmoid("expert_selection_fn")}, headKeys(always), []Key{
		{GGUF: "general.file_type"},
		logitKey,
	}, windowKeys, sizeKeys(always)[:1], []Key{
		expertWidth("intermediate_size"),
		denseLayers("first_k_dense_replace"),
		{GGUF: "{a}.expert_weights_norm", HF: []string{"norm_topk_prob"}, Field: func(p *Params) any { return &p.Mix.Norm }, Default: nothing},
		{GGUF: "{a}.expert_shared_count", HF: []string{"num_shared_experts"}, Field: func(p *Params) any { return &p.Mix.Shared }, Default: nothing, When: hasShared},
		{GGUF: "{a}.expert_shared_feed_forward_length", Field: func(p *Params) any { return &p.Mix.SharedFF }, Default: func(p *Params) { p.Mix.SharedFF = p.Mix.Shared * p.Mix.FF }, When: hasShared},
		{Field: func(p *Params) any { return &p.RopeIn }, When: never, Default: rotatesDense},
	}, sizeKeys(always)[1:], []Key{unscaled}, quiet(named("rope.scaling.factor")...), furtherKeys),
	Tensors: slices.Concat(without(attention, RoleFFNNorm), feedForward, mlpExperts, sharedExperts),
	Drop:    []string{"*.rotary_emb.inv_freq", "model.layers.{+}.*", "blk.{+}.*"}, // layers that guess further tokens
	Refuse: []Refusal{
		siluOnly,
		cohereRefuses[0], cohereRefuses[1],
		{HF: "attention_bias", Unless: []string{"false"}, Why: "projections with biases"},
		{HF: "shared_expert_combination_strategy", Unless: []string{"average"}, Why: "shared experts are added"},
		{HF: "prefix_dense_sliding_window_pattern", Unless: []string{"1"}, Why: "dense layers that rotate nothing"},
		{HF: "sliding_window_pattern", Unless: []string{"4"}, Why: "another number of layers has windows"},
	},
	Layer: Layer{MeanNorm: true, Parallel: true, Averaged: true},
	Finish: func(c *Config, p *Params) error {
		if err := denseFirst(c, p); err != nil {
			return err
		}
		for i := range p.WindowIn { // where config.json does not list them, dense layers do not count
			p.WindowIn[i] = i >= p.Mix.Dense && (i-p.Mix.Dense)%4 != 3
		}
		if err := windowed(c, p); err != nil {
			return err
		}
		p.Mix.Norm = p.Mix.Norm || p.Mix.Gate == GateSoftmax // of the chosen ones
		p.RopeIn = nil
		rotatesDense(p)
		return nil
	},
})

func hasShared(p *Params) bool { return p.Mix.Shared > 0 }

// rotatesDense says that layers with a window and dense ones rotate heads.
func rotatesDense(p *Params) {
	for i := 0; i < p.Layers && i < len(p.WindowIn); i++ {
		p.RopeIn = append(p.RopeIn, p.WindowIn[i] || i < p.Mix.Dense)
	}
}

// cohere2MoeConfig says how wide both kinds of networks are, and which layers are dense.
func cohere2MoeConfig(p *Params) map[string]any {
	out := map[string]any{"intermediate_size": p.Mix.FF, "prefix_dense_intermediate_size": p.FF, "mlp_layer_types": denseTypes(p)}
	if p.RMSEps == 0 {
		out["rms_norm_eps"] = nil
	}
	return out
}

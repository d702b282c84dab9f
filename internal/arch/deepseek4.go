package arch

import (
	"fmt"
	"slices"

	"quern/formats"
)

// DeepSeek4 is the family of DeepSeek-V4: one key for all heads, which is the value too; a window, and in most layers beside it keys that are each made of several positions;
// an output matrix in two steps, of which the first takes heads in groups; experts that in the first layers are chosen by the token itself; several streams that a doubly
// stochastic matrix mixes. Names are those of the published checkpoints, which the library keeps but for some.
var DeepSeek4 = register(Arch{
	Name: "deepseek4",
	Variants: []Variant{{
		Type: "deepseek_v4",
		HF:   []string{"DeepseekV4ForCausalLM"},
		Defaults: map[string]any{
			"max_position_embeddings": 1048576, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "head_dim": 512, "q_lora_rank": 1024, "sliding_window": 128,
			"n_routed_experts": 256, "n_shared_experts": 1, "num_experts_per_tok": 6, "moe_intermediate_size": 2048, "routed_scaling_factor": 1.5, "norm_topk_prob": true,
			"scoring_func": "sqrtsoftplus", "index_topk": 512, "index_head_dim": 128, "index_n_heads": 64, "o_groups": 8, "o_lora_rank": 1024,
			"compress_rope_theta": 160000.0, "hc_mult": 4, "hc_sinkhorn_iters": 20, "hc_eps": 1e-6, "num_hash_layers": 3, "swiglu_limit": 10.0,
		},
	}},
	Keys: slices.Concat(
		named("block_count", "context_length", "embedding_length", "attention.head_count"),
		[]Key{oneHeadOfKeys},
		named("rope.scaling.type", "rope.scaling.factor"), yarnKeys,
		[]Key{told("rope.freq_base", "rope_parameters.main.rope_theta", "rope_theta")},
		named("attention.layer_norm_rms_epsilon"),
		expertKeys,
		[]Key{{GGUF: "{a}.expert_gating_func", HF: []string{"scoring_func"}, Words: map[string]int{"sqrtsoftplus": GateSqrtSoftplus}, Field: func(p *Params) any { return &p.Mix.Gate }}},
		headKeys(always),
		[]Key{
			{GGUF: "general.file_type"},
			{HF: []string{"rope_parameters.compress.partial_rotary_factor", "partial_rotary_factor"}, Field: partKeys[0].Field, When: never,
				Default: func(p *Params) { p.RopePart = 64.0 / 512 }},
			{GGUF: "{a}.rope.dimension_count", HF: []string{"qk_rope_head_dim"}, Field: func(p *Params) any { return &p.RopeDim },
				Default: func(p *Params) { p.RopeDim = int(float64(float64(p.RopePart)*float64(p.HeadDim)) + 1e-3) }},
			{Field: func(p *Params) any { return &p.Yarn.All }, When: never, Default: func(p *Params) { // cosines and sines do not grow
				if yarn(p) {
					p.Yarn.All = 1
				}
			}},
			latentKeys[0],
			{GGUF: "{a}.attention.sliding_window", HF: []string{"sliding_window"}, Field: func(p *Params) any { return &p.Window }},
		},
		sharedKeys,
		[]Key{
			{Field: func(p *Params) any { return &p.FF }, When: never, Default: func(p *Params) { p.FF = p.Mix.FF }}, // no layer is without experts
			{GGUF: "{a}.swiglu_clamp_exp", Field: func(p *Params) any { return &p.Bounds }, Default: nothing},
			{GGUF: "{a}.swiglu_clamp_shexp", Field: func(p *Params) any { return &p.SharedBounds }, Default: func(p *Params) { p.SharedBounds = p.Bounds }},
		},
		indexKeys,
		[]Key{
			{GGUF: "{a}.attention.output_group_count", HF: []string{"o_groups"}, Field: func(p *Params) any { return &p.Pooled.Groups }},
			{GGUF: "{a}.attention.output_lora_rank", HF: []string{"o_lora_rank"}, Field: func(p *Params) any { return &p.Pooled.Rank }},
			{GGUF: "{a}.attention.compress_ratios", HF: []string{"compress_ratios"}, Field: func(p *Params) any { return &p.Pooled.Ratios }, Default: nothing},
			{GGUF: "{a}.attention.compress_rope_freq_base", HF: []string{"rope_parameters.compress.rope_theta", "compress_rope_theta"}, Field: func(p *Params) any { return &p.Pooled.Base }},
		},
		streamKeys,
		[]Key{
			{GGUF: "{a}.hash_layer_count", HF: []string{"num_hash_layers"}, Field: func(p *Params) any { return &p.Pooled.Hashed }},
			{GGUF: "{a}.embedding_length_out", Field: func(p *Params) any { return &p.Hyper.Wide }, Default: func(p *Params) { p.Hyper.Wide = p.Hyper.Streams * p.Embd }},
		},
		sizeKeys(never)[:1],
	),
	Strip: []string{"model."},
	Tensors: slices.Concat([]Rule{
		{GGUF: "token_embd.weight", HF: "embed.weight", Role: RoleEmbed, Shape: "V E"},
		{GGUF: "blk.{}.attn_norm.weight", HF: "layers.{}.attn_norm.weight", Role: RoleAttnNorm, Shape: "E"},
		{GGUF: "blk.{}.attn_sinks.weight", HF: "layers.{}.attn.attn_sink", Role: RoleSinks, Shape: "H"},
		{GGUF: "blk.{}.attn_q_a.weight", HF: "layers.{}.attn.wq_a.weight", Role: RoleQA, Shape: "QL E"},
		{GGUF: "blk.{}.attn_q_a_norm.weight", HF: "layers.{}.attn.q_norm.weight", Role: RoleQANorm, Shape: "QL"},
		{GGUF: "blk.{}.attn_q_b.weight", HF: "layers.{}.attn.wq_b.weight", Role: RoleQ, Shape: "Q QL"},
		{GGUF: "blk.{}.attn_kv.weight", HF: "layers.{}.attn.wkv.weight", Role: RoleK, Shape: "K E"},
		{GGUF: "blk.{}.attn_kv_a_norm.weight", HF: "layers.{}.attn.kv_norm.weight", Role: RoleKNorm, Shape: "D"},
		{GGUF: "blk.{}.attn_output_a.weight", HF: "layers.{}.attn.wo_a.weight", Role: RoleOA, Shape: "OL OQ"},
		{GGUF: "blk.{}.attn_output_b.weight", HF: "layers.{}.attn.wo_b.weight", Role: RoleO, Shape: "E OL"},
	}, pooling("attn_compressor", "attn.compressor", [4]Role{RolePoolK, RolePoolGate, RolePoolBias, RolePoolNorm}, "PD", "D", pools),
		pooling("indexer_compressor", "attn.indexer.compressor", [4]Role{RoleIndexK, RoleIndexGate, RoleIndexBias, RoleIndexKNorm}, "PI", "ID", overlaps), []Rule{
			{GGUF: "blk.{}.indexer.proj.weight", HF: "layers.{}.attn.indexer.weights_proj.weight", Role: RoleIndexHeads, Shape: "IH E", When: overlaps},
			{GGUF: "blk.{}.indexer.attn_q_b.weight", HF: "layers.{}.attn.indexer.wq_b.weight", Role: RoleIndexQ, Shape: "IQ QL", When: overlaps},
			{GGUF: "blk.{}.ffn_norm.weight", HF: "layers.{}.ffn_norm.weight", Role: RoleFFNNorm, Shape: "E"},
			{GGUF: "blk.{}.ffn_gate_inp.weight", HF: "layers.{}.ffn.gate.weight", Role: RoleRouter, Shape: "X E"},
			{GGUF: "blk.{}.ffn_gate_tid2eid.weight", HF: "layers.{}.ffn.gate.tid2eid", Role: RoleHash, Shape: "V XU", Do: AsInt32, When: hashed},
			{GGUF: "blk.{}.exp_probs_b.bias", HF: "layers.{}.ffn.gate.bias", Role: RoleRouterBias, Shape: "X", When: func(p *Params, l int) bool { return !hashed(p, l) }},
			{GGUF: "blk.{}.exp_probs_b_vl.bias", HF: "layers.{}.ffn.gate.bias_vl", Role: RoleVision, Shape: "X", When: func(p *Params, _ int) bool { return p.Pooled.Sees }},
			{GGUF: "blk.{}.ffn_gate_exps.weight", HF: "layers.{}.ffn.experts.{e}.w1.weight", Role: RoleGateExps, Shape: "X M E"},
			{GGUF: "blk.{}.ffn_down_exps.weight", HF: "layers.{}.ffn.experts.{e}.w2.weight", Role: RoleDownExps, Shape: "X E M"},
			{GGUF: "blk.{}.ffn_up_exps.weight", HF: "layers.{}.ffn.experts.{e}.w3.weight", Role: RoleUpExps, Shape: "X M E"},
			{GGUF: "blk.{}.ffn_gate_shexp.weight", HF: "layers.{}.ffn.shared_experts.w1.weight", Role: RoleGateShared, Shape: "S E"},
			{GGUF: "blk.{}.ffn_down_shexp.weight", HF: "layers.{}.ffn.shared_experts.w2.weight", Role: RoleDownShared, Shape: "E S"},
			{GGUF: "blk.{}.ffn_up_shexp.weight", HF: "layers.{}.ffn.shared_experts.w3.weight", Role: RoleUpShared, Shape: "S E"},
		}, hyperLayers("layers.{}."), []Rule{
			{GGUF: "output_hc_fn.weight", HF: "hc_head_fn", Role: RoleHyperHead, Shape: "HC HCE"},
			{GGUF: "output_hc_base.weight", HF: "hc_head_base", Role: RoleHyperHeadBase, Shape: "HC"},
			{GGUF: "output_hc_scale.weight", HF: "hc_head_scale", Role: RoleHyperHeadScale, Shape: "one"},
			{GGUF: "output_norm.weight", HF: "norm.weight", Role: RoleOutputNorm, Shape: "E"},
			{GGUF: "output.weight", HF: "head.weight", Role: RoleOutput, Shape: "V E"},
			// As the library saves what it has read.
			{GGUF: "token_embd.weight", HF: "embed_tokens.weight", Role: RoleEmbed, Shape: "V E"},
			{GGUF: "blk.{}.attn_kv_a_norm.weight", HF: "layers.{}.attn.norm.weight", Role: RoleKNorm, Shape: "D"},
			{GGUF: "output_hc_fn.weight", HF: "hc_head.hc_fn", Role: RoleHyperHead, Shape: "HC HCE"},
			{GGUF: "output_hc_base.weight", HF: "hc_head.hc_base", Role: RoleHyperHeadBase, Shape: "HC"},
			{GGUF: "output_hc_scale.weight", HF: "hc_head.hc_scale", Role: RoleHyperHeadScale, Shape: "one"},
		}),
	Drop: []string{"mtp.*", "blk.{+}.*", // layers that guess further tokens
		"layers.*.ffn.gate.bias"}, // of layers in which a table gives words their experts, and other numbers images
	Refuse: []Refusal{
		siluOnly,
		{HF: "attention_bias", Unless: []string{"false"}, Why: "projections with biases"},
		{HF: "mlp_bias", Unless: []string{"false"}, Why: "projections with biases"},
		{HF: "norm_topk_prob", Unless: []string{"true"}, Why: "weights of experts that are not divided by their sum"},
		{HF: "num_key_value_heads", Unless: []string{"1"}, Why: "several heads of keys"},
		{HF: "tie_word_embeddings", Unless: []string{"false"}, Why: "the embedding as output head"},
	},
	Layer:  Layer{RopePart: true, IndexPairs: true, IndexTail: true, CutFirst: true},
	Finish: finishV4,
	Beside: func(src *formats.Source, b *Bound) error {
		seesV4(&b.Params, src, "layers.0.ffn.gate.bias_vl", "model.layers.0.ffn.gate.bias_vl")
		return nil
	},
	Look:     func(src *formats.Source, p *Params) { seesV4(p, src, "blk.0.exp_probs_b_vl.bias") },
	Mistaken: fourStreams,
})

// fourStreams says of a model with others that llama.cpp does not run it.
func fourStreams(b *Bound) string {
	if n := b.Params.Hyper.Streams; n != 4 {
		return fmt.Sprintf("llama.cpp runs four streams, and will stop at this model's %d", n)
	}
	return ""
}

// v4Sees says of a model that it has a tower.
func v4Sees(c *Config) bool {
	n, err := c.Float("vision_n_layers", 0)
	return err == nil && n > 0
}

// seesV4 says so of one whose tensors are those of one that sees: its tower may be in another file.
func seesV4(p *Params, src *formats.Source, names ...string) {
	for _, name := range names {
		p.Pooled.Sees = p.Pooled.Sees || src.Tensor(name) != nil
	}
}

// streamKeys are those of streams that a doubly stochastic matrix mixes.
var streamKeys = []Key{
	{GGUF: "{a}.hyper_connection.count", HF: []string{"hc_mult"}, Field: func(p *Params) any { return &p.Hyper.Streams }},
	{GGUF: "{a}.hyper_connection.sinkhorn_iterations", HF: []string{"hc_sinkhorn_iters"}, Field: func(p *Params) any { return &p.Hyper.Rounds }},
	{GGUF: "{a}.hyper_connection.epsilon", HF: []string{"hc_eps"}, Field: func(p *Params) any { return &p.Hyper.Eps }},
	{Field: func(p *Params) any { return &p.Hyper.Magnitude }, When: never, Default: func(p *Params) { p.Hyper.Magnitude = 2 }},
}

// hyperLayers are what mixes them before and behind the parts of layers.
func hyperLayers(at string) []Rule {
	return []Rule{
		{GGUF: "blk.{}.hc_attn_fn.weight", HF: at + "hc_attn_fn", Role: RoleHyperAttn, Shape: "HCM HCE"},
		{GGUF: "blk.{}.hc_attn_base.weight", HF: at + "hc_attn_base", Role: RoleHyperAttnBase, Shape: "HCM"},
		{GGUF: "blk.{}.hc_attn_scale.weight", HF: at + "hc_attn_scale", Role: RoleHyperAttnScale, Shape: "3"},
		{GGUF: "blk.{}.hc_ffn_fn.weight", HF: at + "hc_ffn_fn", Role: RoleHyperFFN, Shape: "HCM HCE"},
		{GGUF: "blk.{}.hc_ffn_base.weight", HF: at + "hc_ffn_base", Role: RoleHyperFFNBase, Shape: "HCM"},
		{GGUF: "blk.{}.hc_ffn_scale.weight", HF: at + "hc_ffn_scale", Role: RoleHyperFFNScale, Shape: "3"},
	}
}

// single are what published checkpoints have in single precision beside matrices of fewer bits.
var single = []Role{RoleHyperAttn, RoleHyperAttnBase, RoleHyperAttnScale, RoleHyperFFN, RoleHyperFFNBase, RoleHyperFFNScale, RoleHyperHead, RoleHyperHeadBase, RoleHyperHeadScale,
	RoleSinks, RolePoolBias, RoleIndexBias, RoleVision}

// pooling are the rules of what makes one key of several positions.
func pooling(gguf, hf string, roles [4]Role, wide, narrow string, when func(*Params, int) bool) []Rule {
	gguf, hf = "blk.{}."+gguf+"_", "layers.{}."+hf+"."
	return []Rule{
		{GGUF: gguf + "kv.weight", HF: hf + "wkv.weight", Role: roles[0], Shape: wide + " E", When: when},
		{GGUF: gguf + "gate.weight", HF: hf + "wgate.weight", Role: roles[1], Shape: wide + " E", When: when},
		{GGUF: gguf + "ape.weight", HF: hf + "ape", Role: roles[2], Shape: "PR " + wide, When: when},
		{GGUF: gguf + "norm.weight", HF: hf + "norm.weight", Role: roles[3], Shape: narrow, When: when},
	}
}

func overlaps(p *Params, layer int) bool { return p.Pooled.Ratio(layer) == overlapping }
func pools(p *Params, layer int) bool    { return p.Pooled.Ratio(layer) > 0 }
func hashed(p *Params, layer int) bool   { return layer < p.Pooled.Hashed }

// What the library calls layers, by how many positions make a key.
var v4Layers = map[string]int32{"sliding_attention": 0, "compressed_sparse_attention": overlapping, "heavily_compressed_attention": apart}

func finishV4(c *Config, p *Params) error {
	limit, err := c.Float("swiglu_limit", 10)
	if err != nil || !(limit < 1e30) || p.Layers > maxList {
		return c.fail("swiglu_limit", formats.Corrupt("gates of at most %v", limit), "")
	}
	p.Bounds = slices.Repeat([]float32{float32(max(limit, 0))}, p.Layers)
	p.SharedBounds = p.Bounds
	for key, want := range map[string]int{"compress_rates.compressed_sparse_attention": overlapping, "compress_rates.heavily_compressed_attention": apart} {
		if n, err := c.Float(key, float64(want)); err != nil || n != float64(want) {
			return c.fail(key, formats.Unsupported("is %v: runtimes make keys of %d positions there", n, want), "")
		}
	}
	if a := p.Yarn.Attention; a != 0 && a != 1 {
		return c.fail("rope_scaling.attention_factor", formats.Unsupported("is %v: runtimes leave cosines and sines as they are", a), "")
	}
	p.Yarn.Attention = 0
	p.Pooled.Sees = v4Sees(c)
	if err := hashedFirst(c, p); err != nil {
		return err
	}
	return c.ratios(p)
}

// ratios reads of how many positions a key is made in each layer, from numbers or words.
func (c *Config) ratios(p *Params) error {
	const key = "layer_types"
	list, err := c.words(key, p.Layers)
	switch {
	case err != nil:
		return err
	case list == nil && p.Pooled.Ratios == nil:
		return c.fail("compress_ratios", formats.Corrupt("missing: nothing tells of how many positions keys are made"), "a number for each layer: 0, 4 or 128")
	case list == nil:
		return nil
	}
	told := p.Pooled.Ratios
	p.Pooled.Ratios = nil
	for i, word := range list {
		text, _ := word.(string)
		n, known := v4Layers[text]
		if !known || told != nil && (i >= len(told) || told[i] != n) {
			return c.fail(key, formats.Unsupported("layer %d is %.60q, with compress_ratios %v", i, fmt.Sprint(word), told), "")
		}
		p.Pooled.Ratios = append(p.Pooled.Ratios, n)
	}
	if told != nil {
		p.Pooled.Ratios = told
	}
	return nil
}

// hashedFirst reads in which layers the token chooses its experts where config.json lists them: files tell how many of the first do.
func hashedFirst(c *Config, p *Params) error {
	return c.first(&p.Pooled.Hashed, "mlp_layer_types", "hash_moe", "moe", p.Layers)
}

// tellV4 is the way back.
func tellV4(p *Params) map[string]any {
	out := map[string]any{"num_key_value_heads": 1, "swiglu_limit": 0.0, "vision_n_layers": unsaid, "rope_theta": decimal(p.RopeBase)}
	if len(p.Bounds) > 0 {
		out["swiglu_limit"] = decimal(p.Bounds[0])
	}
	return out
}

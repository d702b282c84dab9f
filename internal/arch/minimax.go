package arch

import (
	"slices"

	"quern/formats"
)

// MiniMaxM2 is the family of MiniMax-M2: experts in every layer, chosen by a sigmoid with a bias; all queries and all keys of a token are normed
// at once, and a part of each head is rotated.
var MiniMaxM2 = register(Arch{
	Name: "minimax-m2",
	Variants: []Variant{{
		Type: "minimax_m2",
		HF:   []string{"MiniMaxM2ForCausalLM"},
		Defaults: map[string]any{
			"max_position_embeddings": 196608, "rms_norm_eps": 1e-6, "rope_theta": 5e6, "num_key_value_heads": 8, "head_dim": 128, "num_local_experts": 256,
			"num_experts_per_tok": 8, "scoring_func": "sigmoid",
		},
	}},
	Keys: slices.Concat(shapeKeys, expertKeys, groupKeys[2:], headKeys(always), []Key{
		{GGUF: "general.file_type"},
		expertWidth("intermediate_size"),
		partKeys[0],
		{GGUF: partKeys[1].GGUF, HF: []string{"rotary_dim"}, Field: partKeys[1].Field, Default: partKeys[1].Default},
		sumsToOne,
	}, sizeKeys(never)[:1]),
	Tensors: slices.Concat(attention, wholeNorms,
		experts("model.layers.{}.block_sparse_moe.gate.weight", "model.layers.{}.block_sparse_moe.experts", "w1", "w3", "w2"), []Rule{
			{GGUF: "blk.{}.exp_probs_b.bias", HF: "model.layers.{}.block_sparse_moe.e_score_correction_bias", Role: RoleRouterBias, Shape: "X", When: mixed},
		}),
	Drop: []string{"*.rotary_emb.inv_freq", "model.layers.{+}.*"},
	Refuse: []Refusal{
		siluOnly,
		{HF: "use_qk_norm", Unless: []string{"true"}, Why: "queries and keys without norms"},
		{HF: "qk_norm_type", Unless: []string{"per_layer"}, Why: "norms of single heads"},
		{HF: "scoring_func", Unless: []string{"sigmoid"}, Why: "another way to choose experts"},
	},
	Layer: Layer{RopeNeox: true, RopePart: true, WholeNorm: true},
})

// MiniMaxM3 is the family of MiniMax-M3: dense first layers, then experts beside one for all tokens, with gates that are cut off; norms are stored less one, and in layers with
// experts every head of keys is seen in blocks that an index chooses.
var MiniMaxM3 = register(Arch{
	Name: "minimax-m3",
	Variants: []Variant{{
		Type: "minimax_m3_vl_text",
		HF:   []string{"MiniMaxM3SparseForCausalLM", "MiniMaxM3VLForCausalLM", "MiniMaxM3ForCausalLM"},
		Defaults: map[string]any{
			"vocab_size": 200064, "max_position_embeddings": 524288, "rms_norm_eps": 1e-6, "rope_theta": 5e6, "num_key_value_heads": 4, "head_dim": 128, "rotary_dim": 64,
			"num_local_experts": 128, "num_experts_per_tok": 4, "scoring_func": "sigmoid", "n_shared_experts": 1, "routed_scaling_factor": 2.0,
			"dense_intermediate_size": 12288, "intermediate_size": 3072,
		},
	}},
	Keys: slices.Concat(named("block_count", "context_length", "embedding_length"), []Key{
		told("feed_forward_length", "dense_intermediate_size"),
	}, named("attention.head_count", "attention.head_count_kv", "rope.freq_base", "attention.layer_norm_rms_epsilon"), expertKeys, []Key{scoreSigmoid("scoring_func")}, headKeys(always), []Key{
		{GGUF: "general.file_type"},
		expertWidth("intermediate_size"),
		partKeys[0],
		{GGUF: partKeys[1].GGUF, HF: []string{"rotary_dim"}, Field: partKeys[1].Field, Default: partKeys[1].Default},
		sharedKeys[1],
		sharedKeys[2],
		{GGUF: "{a}.expert_weights_norm", Field: func(p *Params) any { return &p.Mix.Norm }, Default: func(p *Params) { p.Mix.Norm = true }},
		sharedKeys[4],
	}, blockKeys, []Key{denseLayers("first_k_dense_replace")}, sizeKeys(never)[:1], quiet(named("rope.scaling.type", "rope.scaling.factor")...)),
	Tensors: slices.Concat(offset(slices.Concat(attention, headNorms)), feedForward,
		experts("model.layers.{}.block_sparse_moe.gate.weight", "model.layers.{}.block_sparse_moe.experts", "w1", "w3", "w2"),
		renamed(sharedExperts, map[Role]string{
			RoleGateShared: "model.layers.{}.block_sparse_moe.shared_experts.gate_proj.weight", RoleUpShared: "model.layers.{}.block_sparse_moe.shared_experts.up_proj.weight",
			RoleDownShared: "model.layers.{}.block_sparse_moe.shared_experts.down_proj.weight",
		}), []Rule{
			{GGUF: "blk.{}.exp_probs_b.bias", HF: "model.layers.{}.block_sparse_moe.e_score_correction_bias", Role: RoleRouterBias, Shape: "X", When: mixed},
			{GGUF: "blk.{}.indexer.q_proj.weight", HF: "model.layers.{}.self_attn.index_q_proj.weight", Role: RoleIndexQ, Shape: "IQ E", When: chooses},
			{GGUF: "blk.{}.indexer.k_proj.weight", HF: "model.layers.{}.self_attn.index_k_proj.weight", Role: RoleIndexK, Shape: "ID E", When: chooses},
			{GGUF: "blk.{}.indexer.q_norm.weight", HF: "model.layers.{}.self_attn.index_q_norm.weight", Role: RoleIndexQNorm, Shape: "ID", Do: PlusOne, When: chooses},
			{GGUF: "blk.{}.indexer.k_norm.weight", HF: "model.layers.{}.self_attn.index_k_norm.weight", Role: RoleIndexKNorm, Shape: "ID", Do: PlusOne, When: chooses},
		}, libraryM3),
	Drop: []string{"*.rotary_emb.inv_freq", "model.layers.{+}.*"},
	Refuse: []Refusal{
		{HF: "hidden_act", Unless: []string{"swigluoai", "silu"}, Why: "its activation function is another"},
		{HF: "attention_bias", Unless: []string{"false"}, Why: "projections with biases"},
		{HF: "use_qk_norm", Unless: []string{"true"}, Why: "queries and keys without norms"},
		{HF: "qk_norm_type", Unless: []string{"per_head"}, Why: "norms of whole queries"},
		{HF: "use_gemma_norm", Unless: []string{"true"}, Why: "norms that are not stored less one"},
		{HF: "scoring_func", Unless: []string{"sigmoid"}, Why: "another way to choose experts"},
		{HF: "swiglu_limit", Unless: []string{"7"}, Why: "gates are cut off elsewhere"},
		{HF: "swiglu_alpha", Unless: []string{"1.702"}, Why: "gates of another steepness"},
		{HF: "sparse_attention_config.sparse_init_block", Unless: []string{"0"}, Why: "first blocks that are always seen"},
		{HF: "sparse_attention_config.sparse_score_type", Unless: []string{"max"}, Why: "blocks that are not as good as their best position"},
	},
	Layer:  Layer{RopeNeox: true, RopePart: true, Act: CutSwish},
	Finish: readChosen,
})

// libraryM3 is the layout of the library's language model alone.
var libraryM3 = slices.Concat([]Rule{
	{GGUF: "blk.{}.ffn_gate.weight", HF: "model.layers.{}.mlp.gate_up_proj.weight", Role: RoleGate, Shape: "F E", From: "G E", Do: UpperRows, When: dense},
	{GGUF: "blk.{}.ffn_up.weight", HF: "model.layers.{}.mlp.gate_up_proj.weight", Role: RoleUp, Shape: "F E", From: "G E", Do: LowerRows, When: dense},
	{GGUF: "blk.{}.ffn_gate_inp.weight", HF: "model.layers.{}.mlp.gate.weight", Role: RoleRouter, Shape: "X E", When: mixed},
}, fused("model.layers.{}.mlp.experts"), []Rule{
	{GGUF: "blk.{}.ffn_gate_shexp.weight", HF: "model.layers.{}.mlp.shared_experts.gate_up_proj.weight", Role: RoleGateShared, Shape: "S E", From: "SS E", Do: UpperRows, When: shares},
	{GGUF: "blk.{}.ffn_up_shexp.weight", HF: "model.layers.{}.mlp.shared_experts.gate_up_proj.weight", Role: RoleUpShared, Shape: "S E", From: "SS E", Do: LowerRows, When: shares},
	{GGUF: "blk.{}.ffn_down_shexp.weight", HF: "model.layers.{}.mlp.shared_experts.down_proj.weight", Role: RoleDownShared, Shape: "E S", When: shares},
	{GGUF: "blk.{}.exp_probs_b.bias", HF: "model.layers.{}.mlp.gate.e_score_correction_bias", Role: RoleRouterBias, Shape: "X", When: mixed},
	{GGUF: "blk.{}.indexer.q_proj.weight", HF: "model.layers.{}.self_attn.indexer.q_proj.weight", Role: RoleIndexQ, Shape: "IQ E", When: chooses},
	{GGUF: "blk.{}.indexer.k_proj.weight", HF: "model.layers.{}.self_attn.indexer.k_proj.weight", Role: RoleIndexK, Shape: "ID E", When: chooses},
	{GGUF: "blk.{}.indexer.q_norm.weight", HF: "model.layers.{}.self_attn.indexer.q_norm.weight", Role: RoleIndexQNorm, Shape: "ID", Do: PlusOne, When: chooses},
	{GGUF: "blk.{}.indexer.k_norm.weight", HF: "model.layers.{}.self_attn.indexer.k_norm.weight", Role: RoleIndexKNorm, Shape: "ID", Do: PlusOne, When: chooses},
})

// blockKeys are those of an Indexer that chooses blocks.
var blockKeys = []Key{
	{GGUF: "{a}.attention.indexer.head_count", HF: []string{"sparse_attention_config.sparse_num_index_heads", "index_n_heads"}, Field: func(p *Params) any { return &p.Index.Heads }},
	{GGUF: "{a}.attention.indexer.key_length", HF: []string{"sparse_attention_config.sparse_index_dim", "index_head_dim"}, Field: func(p *Params) any { return &p.Index.Dim }},
	{GGUF: "{a}.attention.indexer.top_k", HF: []string{"sparse_attention_config.sparse_topk_blocks", "index_topk_blocks"}, Field: func(p *Params) any { return &p.Index.Top }},
	{GGUF: "{a}.attention.indexer.block_size", HF: []string{"sparse_attention_config.sparse_block_size", "index_block_size"}, Field: func(p *Params) any { return &p.Index.Block }},
	{GGUF: "{a}.attention.indexer.local_blocks", HF: []string{"sparse_attention_config.sparse_local_block", "index_local_blocks"}, Field: func(p *Params) any { return &p.Index.Local }, Default: nothing},
}

// readChosen reads which layers have experts, and sees that those are the ones that choose.
func readChosen(c *Config, p *Params) error {
	if p.Layers > maxList {
		return nil // refused further on
	}
	sparse := make([]bool, p.Layers)
	if err := c.marks("moe_layer_freq", p.Layers, func(i int, is bool) { sparse[i] = is }); err != nil {
		return err
	}
	if v, _ := c.Value("moe_layer_freq"); v != nil {
		if p.Mix.Dense = slices.Index(append(slices.Clone(sparse), true), true); slices.Contains(sparse[p.Mix.Dense:], false) {
			return c.fail("moe_layer_freq", formats.Unsupported("dense layers behind some with experts"), "")
		}
	}
	if err := denseFirst(c, p); err != nil {
		return err
	}
	const key = "sparse_attention_config.sparse_attention_freq"
	for i := range sparse {
		sparse[i] = p.Mixed(i)
	}
	if err := c.marks(key, p.Layers, func(i int, is bool) { sparse[i] = is }); err != nil {
		return err
	}
	if kinds, _ := c.Value("layer_types"); kinds != nil {
		list, _ := kinds.([]any)
		if len(list) != p.Layers {
			return c.wrong("layer_types", kinds, "a word for each layer")
		}
		for i, kind := range list {
			sparse[i] = kind == "minimax_m3_sparse"
		}
	}
	for i, is := range sparse {
		if is != p.Mixed(i) {
			return c.fail(key, formats.Unsupported("layer %d chooses blocks: %v, and has experts: %v; runtimes take these for one", i, is, !is), "")
		}
	}
	return nil
}

// tellChosen is the way back.
func tellChosen(p *Params) map[string]any {
	marks := make([]int, p.Layers)
	for i := range marks {
		if p.Mixed(i) {
			marks[i] = 1
		}
	}
	return map[string]any{"moe_layer_freq": marks, "first_k_dense_replace": unsaid, "partial_rotary_factor": decimal(float32(p.RopeDim) / float32(p.HeadDim)), "sparse_attention_config": map[string]any{
		"sparse_num_index_heads": p.Index.Heads, "sparse_index_dim": p.Index.Dim, "sparse_topk_blocks": p.Index.Top, "sparse_block_size": p.Index.Block, "sparse_local_block": p.Index.Local,
		"sparse_attention_freq": marks, "sparse_init_block": 0, "sparse_score_type": "max",
	}, "shared_intermediate_size": p.Mix.SharedFF}
}

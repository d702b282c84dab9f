package arch

import "slices"

// PLM is the family of PLM: latent attention whose queries are not compressed, heads rotated in pairs, and a feed-forward network without a gate. The embedding is
// the output head.
var PLM = register(Arch{
	Name: "plm",
	Variants: []Variant{{
		Type: "plm",
		HF:   []string{"PLMForCausalLM"},
		Defaults: map[string]any{
			"max_position_embeddings": 2048, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "kv_lora_rank": 512, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128,
			"hidden_act": "relu2", "tie_word_embeddings": true,
		},
	}},
	Keys: slices.Concat(shapeKeys, []Key{{GGUF: "general.file_type"}}, sizeKeys(always)[:1], latentKeys[1:2], []Key{
		nopeHead,
		{GGUF: "{a}.attention.value_length", HF: []string{"v_head_dim"}, Field: func(p *Params) any { return &p.ValueDim }},
		{GGUF: "{a}.rope.dimension_count", HF: []string{"qk_rope_head_dim"}, Field: func(p *Params) any { return &p.RopeDim }},
		nopeKey,
	}),
	Tensors: slices.Concat(without(latentAttention, RoleQA, RoleQANorm, RoleQ, RoleKB, RoleVB, RoleKVB, RoleOutput), []Rule{
		{GGUF: "blk.{}.attn_q.weight", HF: "model.layers.{}.self_attn.q_proj.weight", Role: RoleQ, Shape: "Q E"},
		wholeKVB,
	}, without(feedForward, RoleGate)),
	Drop: []string{"*.rotary_emb.inv_freq"},
	Refuse: slices.Concat([]Refusal{
		{HF: "hidden_act", Unless: []string{"relu2"}, Why: "its activation function is not a squared rectifier"},
		{HF: "q_lora_rank", Why: "queries that are compressed"},
		{HF: "tie_word_embeddings", Unless: []string{"true"}, Why: "an output head of its own, which runtimes do not load"},
	}, plainRefuses[1:]),
	Layer: Layer{Ungated: true, Act: ReLU2},
})

// nopeHead is the size of a head of queries in files that tell it as that of keys.
var nopeHead = Key{GGUF: "{a}.attention.key_length", Field: func(p *Params) any { return &p.HeadDim }, Default: func(p *Params) { p.HeadDim = p.MLA.Nope + p.RopeDim }}

// wholeKVB makes keys and values of all heads.
var wholeKVB = Rule{GGUF: "blk.{}.attn_kv_b.weight", HF: "model.layers.{}.self_attn.kv_b_proj.weight", Role: RoleKVB, Shape: "KB KL"}

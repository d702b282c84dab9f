package arch

import "slices"

// Nanbeige is the family of Nanbeige 4.2: llama whose layers a text goes through several times, with keys and values of their own each time; between two times comes the
// norm that comes after the last.
var Nanbeige = register(Arch{
	Name: "nanbeige",
	Variants: []Variant{{
		Type:     "nanbeige",
		HF:       []string{"NanbeigeForCausalLM"},
		Defaults: map[string]any{"max_position_embeddings": 2048, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "num_loops": 1, "tie_word_embeddings": false},
	}},
	Keys: slices.Concat(llamaKeys, []Key{
		{GGUF: "{a}.num_loops", HF: []string{"num_loops"}, Field: func(p *Params) any { return &p.Loops }, Default: func(p *Params) { p.Loops = 1 }},
		{GGUF: "{a}.skip_loop_final_norm", HF: []string{"skip_loop_final_norm"}, Field: func(p *Params) any { return &p.LoopBare }, Default: nothing},
	}),
	Tensors: slices.Concat([]Rule{ropeFreqs}, without(decoder, RoleQ, RoleK), permutedQK),
	Drop:    []string{"*.rotary_emb.inv_freq"},
	Refuse: slices.Concat(plainRefuses, []Refusal{
		{HF: "qk_layernorm", Unless: []string{"false"}, Why: "norms of queries and keys"},
		{HF: "emb_neighbor_num", Why: "embeddings of neighbours"},
		{HF: "insert_ngram_layer_idx", Unless: []string{"[]"}, Why: "embeddings of neighbours"},
		{HF: "ngram_insert_all_layers", Unless: []string{"false"}, Why: "embeddings of neighbours"},
		{HF: "enable_double_loop_split", Unless: []string{"false"}, Why: "another order of layers"},
		{HF: "loop_middle_layers", Unless: []string{"[]", "false"}, Why: "some layers are gone through once"},
		{HF: "loop_share_kv", Unless: []string{"false"}, Why: "keys of the first time through"},
		{HF: "enable_hyper_connection", Unless: []string{"false"}, Why: "several streams"},
		{HF: "enable_mhc", Unless: []string{"false"}, Why: "several streams"},
		{HF: "enable_h_res_identity", Unless: []string{"false"}, Why: "several streams"},
		{HF: "enable_depth_attention", Unless: []string{"false"}, Why: "attention to other layers"},
	}),
})

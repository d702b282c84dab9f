package arch

import (
	"fmt"
	"slices"
)

// DeepSeek2 is the family of DeepSeek-V2, V2-Lite, V2.5, Coder-V2, V3 and R1, Kimi-K2, Moonlight and GLM-4.7-Flash: latent attention, dense first
// layers, then experts beside one or more that every token is given to. Heads are rotated in pairs, and so they are stored.
var DeepSeek2 = register(Arch{
	Name: "deepseek2",
	Variants: []Variant{
		{
			Type: "deepseek_v2",
			HF:   []string{"DeepseekV2ForCausalLM"},
			Defaults: map[string]any{
				"max_position_embeddings": 2048, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "q_lora_rank": 1536, "kv_lora_rank": 512,
				"qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128, "n_routed_experts": 64, "n_shared_experts": 2,
				"moe_intermediate_size": 1407, "routed_scaling_factor": 1.0, "norm_topk_prob": false, "topk_method": "greedy",
			},
			Ignore: []string{"head_dim"},
		},
		{
			Type: "deepseek_v3",
			HF:   []string{"DeepseekV3ForCausalLM"},
			Defaults: map[string]any{
				"max_position_embeddings": 4096, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "q_lora_rank": 1536, "kv_lora_rank": 512,
				"qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128, "n_routed_experts": 256, "n_shared_experts": 1,
				"num_experts_per_tok": 8, "moe_intermediate_size": 2048, "routed_scaling_factor": 2.5, "norm_topk_prob": true,
				"n_group": 8, "topk_group": 4, "first_k_dense_replace": 3, "scoring_func": "sigmoid", "topk_method": "noaux_tc",
			},
		},
		{
			Type: "glm4_moe_lite",
			HF:   []string{"Glm4MoeLiteForCausalLM"},
			Defaults: map[string]any{
				"max_position_embeddings": 202752, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "q_lora_rank": 768, "kv_lora_rank": 512,
				"qk_nope_head_dim": 192, "qk_rope_head_dim": 64, "v_head_dim": 256, "n_routed_experts": 64, "n_shared_experts": 1,
				"num_experts_per_tok": 4, "moe_intermediate_size": 1536, "routed_scaling_factor": 1.8, "norm_topk_prob": true,
				"n_group": 1, "topk_group": 1, "first_k_dense_replace": 1, "scoring_func": "sigmoid", "topk_method": "noaux_tc",
			},
		},
		{
			Type: "youtu", // without experts
			HF:   []string{"YoutuForCausalLM"},
			Defaults: map[string]any{
				"max_position_embeddings": 131072, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "q_lora_rank": 1536, "kv_lora_rank": 512,
				"qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128, "tie_word_embeddings": true,
			},
			Ignore: []string{"head_dim"},
		},
	},
	Keys: slices.Concat(
		named("block_count", "context_length", "embedding_length", "feed_forward_length", "attention.head_count"),
		[]Key{oneHeadOfKeys},
		named("rope.scaling.type", "rope.scaling.factor"), yarnKeys,
		named("rope.freq_base", "attention.layer_norm_rms_epsilon"),
		expertKeys, groupKeys, latentSizes,
		[]Key{{GGUF: "general.file_type"}, denseLayers("first_k_dense_replace")},
		sizeKeys(always)[:1],
		latentKeys,
		sharedKeys,
		[]Key{
			{GGUF: "{a}.rope.dimension_count", HF: []string{"qk_rope_head_dim"}, Field: func(p *Params) any { return &p.RopeDim }},
			logAll,
			nopeKey,
		},
		furtherKeys,
	),
	Tensors: slices.Concat(latentAttention, feedForward, mlpExperts, sharedExperts, routerBias),
	Drop:    []string{"*.rotary_emb.inv_freq", "model.layers.{+}.*", "blk.{+}.*"}, // layers that guess further tokens
	Refuse: []Refusal{
		siluOnly,
		{HF: "attention_bias", Unless: []string{"false"}, Why: "projections with biases"},
		{HF: "rope_interleave", Unless: []string{"true"}, Why: "heads that are rotated in halves"},
		{HF: "moe_layer_freq", Unless: []string{"1"}, Why: "some of the later layers have no experts"},
		{HF: "topk_method", Unless: []string{"greedy", "group_limited_greedy", "noaux_tc"}, Why: "a way to choose experts"},
	},
	Finish: func(c *Config, p *Params) error {
		if p.Mix.Count == 0 {
			p.Mix.Dense, p.Mix.FF = p.Layers, p.FF // so files tell it
		}
		return denseFirst(c, p)
	},
	Mistaken: func(b *Bound) string {
		if p := &b.Params; lite(p) == narrowQ(p, 0) {
			return fmt.Sprintf("llama.cpp goes by the number of layers (26, 27, or 48 with %d tokens) whether queries are compressed: it will not load this one of %d", liteVocab, p.Layers)
		}
		return ""
	},
})

// lite says that runtimes take queries not to be compressed.
func lite(p *Params) bool {
	return p.Layers == 26 || p.Layers == 27 || p.Layers == 48 && p.Vocab == liteVocab
}

const liteVocab = 128256

// latentAttention are its tensors: keys and values of one matrix in the checkpoint and in older files.
var latentAttention = slices.Concat(without(attention, RoleQ, RoleK, RoleV, RoleO), []Rule{
	{GGUF: "blk.{}.attn_q.weight", HF: "model.layers.{}.self_attn.q_proj.weight", Role: RoleQ, Shape: "Q E", When: wideQ},
	{GGUF: "blk.{}.attn_q_a.weight", HF: "model.layers.{}.self_attn.q_a_proj.weight", Role: RoleQA, Shape: "QL E", When: narrowQ},
	{GGUF: "blk.{}.attn_q_a_norm.weight", HF: "model.layers.{}.self_attn.q_a_layernorm.weight", Role: RoleQANorm, Shape: "QL", When: narrowQ},
	{GGUF: "blk.{}.attn_q_b.weight", HF: "model.layers.{}.self_attn.q_b_proj.weight", Role: RoleQ, Shape: "Q QL", When: narrowQ},
	{GGUF: "blk.{}.attn_kv_a_mqa.weight", HF: "model.layers.{}.self_attn.kv_a_proj_with_mqa.weight", Role: RoleKVA, Shape: "KA E"},
	{GGUF: "blk.{}.attn_kv_a_norm.weight", HF: "model.layers.{}.self_attn.kv_a_layernorm.weight", Role: RoleKVANorm, Shape: "KL"},
	{GGUF: "blk.{}.attn_k_b.weight", HF: "model.layers.{}.self_attn.kv_b_proj.weight", Role: RoleKB, Shape: "H KL N", From: "KB KL", Do: PickKB},
	{GGUF: "blk.{}.attn_v_b.weight", HF: "model.layers.{}.self_attn.kv_b_proj.weight", Role: RoleVB, Shape: "H W KL", From: "KB KL", Do: PickVB},
	{GGUF: "blk.{}.attn_kv_b.weight", Role: RoleKVB, Shape: "KB KL", Stead: []string{"blk.{}.attn_k_b.weight", "blk.{}.attn_v_b.weight"}},
	{GGUF: "blk.{}.attn_output.weight", HF: "model.layers.{}.self_attn.o_proj.weight", Role: RoleO, Shape: "E O"},
})

// oneHeadOfKeys and latentSizes are what runtimes keep of keys and values: one head.
var (
	oneHeadOfKeys = Key{GGUF: "{a}.attention.head_count_kv", Field: func(p *Params) any { return &p.KVHeads }, Default: func(p *Params) { p.KVHeads = 1 }}
	latentSizes   = []Key{
		{GGUF: "{a}.attention.key_length", Field: func(p *Params) any { return &p.MLA.Key }, Default: func(p *Params) { p.MLA.Key = p.MLA.KV + p.RopeDim }},
		{GGUF: "{a}.attention.value_length", Field: func(p *Params) any { return &p.MLA.Value }, Default: func(p *Params) { p.MLA.Value = p.MLA.KV }},
	}
)

func wideQ(p *Params, _ int) bool   { return p.MLA.Q == 0 }
func narrowQ(p *Params, _ int) bool { return p.MLA.Q > 0 }

// latentKeys are the sizes of attention. Files of the time before keys and values were split tell sizes of the heads themselves.
var latentKeys = []Key{
	{GGUF: "{a}.attention.q_lora_rank", HF: []string{"q_lora_rank"}, Field: func(p *Params) any { return &p.MLA.Q }, Default: nothing,
		When: func(p *Params) bool { return p.MLA.Q > 0 }},
	{GGUF: "{a}.attention.kv_lora_rank", HF: []string{"kv_lora_rank"}, Field: func(p *Params) any { return &p.MLA.KV }},
	{GGUF: "{a}.attention.key_length_mla", Field: func(p *Params) any { return &p.HeadDim },
		Default: func(p *Params) {
			if p.HeadDim = p.MLA.Key; p.MLA.Nope > 0 {
				p.HeadDim = p.MLA.Nope + p.RopeDim
			}
		}},
	{GGUF: "{a}.attention.value_length_mla", HF: []string{"v_head_dim"}, Field: func(p *Params) any { return &p.ValueDim },
		Default: func(p *Params) { p.ValueDim = p.MLA.Value }},
}

// nopeKey is not in any file: what is left of a head beside the part that is rotated.
var nopeKey = Key{HF: []string{"qk_nope_head_dim"}, Field: func(p *Params) any { return &p.MLA.Nope }, When: never,
	Default: func(p *Params) { p.MLA.Nope = p.HeadDim - p.RopeDim }}

// logAll has a factor in DeepSeek's files that later families' have not.
var logAll = Key{GGUF: "{a}.rope.scaling.yarn_log_multiplier", Field: func(p *Params) any { return &p.Yarn.log },
	Default: func(p *Params) {
		p.Yarn.log = float32(0.1 * p.Yarn.LogAll)
		p.Yarn.LogAll = float64(p.Yarn.log) / 0.1 // as the file will tell it: the same model, to the last bit
	}, When: func(p *Params) bool { return p.Yarn.log != 0 }}

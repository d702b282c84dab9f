package arch

import (
	"fmt"
	"slices"

	"quern/formats"
)

// An Indexer says how latent attention chooses the positions that a query sees (DeepSeek Sparse Attention, arXiv:2512.02556): those with
// the highest sums over its own heads, of which each compares a query with one key for all. The zero value is a model without.
type Indexer struct {
	Heads int // IH
	Dim   int // ID: of a head, of which the first RopeDim are rotated
	Top   int // positions that are chosen, of all before the query and its own
}

func (x *Indexer) dim(letter string) int {
	switch letter {
	case "IH":
		return x.Heads
	case "ID":
		return x.Dim
	case "IQ": // queries of all its heads
		return x.Heads * x.Dim
	}
	return 0
}

// check refuses sizes that contradict each other.
func (x *Indexer) check(p *Params) error {
	if *x == (Indexer{}) {
		return nil
	}
	if x.Heads < 1 || x.Heads > 1<<12 || x.Dim < p.RopeDim || x.Dim > 1<<12 || x.Top < 1 || x.Top > 1<<24 || p.MLA.Q < 1 {
		return formats.Corrupt("%d heads of %d choose %d positions, of queries of rank %d; heads have %d dimensions with position", x.Heads, x.Dim, x.Top, p.MLA.Q, p.RopeDim)
	}
	return nil
}

// DeepSeek32 is the family of DeepSeek-V3.2: DeepSeek-V3, whose attention chooses the positions that it sees.
var DeepSeek32 = register(Arch{
	Name: "deepseek32",
	Variants: []Variant{{
		Type: "deepseek_v32",
		HF:   []string{"DeepseekV32ForCausalLM"},
		Defaults: map[string]any{
			"max_position_embeddings": 163840, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "q_lora_rank": 1536, "kv_lora_rank": 512,
			"qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128, "n_routed_experts": 256, "n_shared_experts": 1,
			"num_experts_per_tok": 8, "moe_intermediate_size": 2048, "routed_scaling_factor": 2.5, "norm_topk_prob": true,
			"n_group": 8, "topk_group": 4, "first_k_dense_replace": 3, "scoring_func": "sigmoid", "topk_method": "noaux_tc",
			"index_topk": 2048, "index_head_dim": 128, "index_n_heads": 64,
		},
	}},
	Keys:    slices.Concat(DeepSeek2.Keys, indexKeys),
	Tensors: slices.Concat(latentAttention, indexer, feedForward, mlpExperts, sharedExperts, routerBias),
	Drop:    DeepSeek2.Drop,
	Refuse:  DeepSeek2.Refuse,
	Finish:  denseFirst,
})

// GLMDSA is the family of GLM-5, which differs in how the heads that choose are rotated: in pairs.
var GLMDSA = register(Arch{
	Name: "glm-dsa",
	Variants: []Variant{{
		Type: "glm_moe_dsa",
		HF:   []string{"GlmMoeDsaForCausalLM"},
		Defaults: map[string]any{
			"max_position_embeddings": 202752, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "q_lora_rank": 2048, "kv_lora_rank": 512,
			"qk_nope_head_dim": 192, "qk_rope_head_dim": 64, "v_head_dim": 256, "n_routed_experts": 256, "n_shared_experts": 1,
			"num_experts_per_tok": 8, "moe_intermediate_size": 2048, "routed_scaling_factor": 2.5, "norm_topk_prob": true,
			"n_group": 1, "topk_group": 1, "first_k_dense_replace": 3, "scoring_func": "sigmoid", "topk_method": "noaux_tc",
			"index_topk": 2048, "index_head_dim": 128, "index_n_heads": 32,
		},
	}},
	Keys:    slices.Concat(DeepSeek2.Keys, indexKeys),
	Tensors: slices.Concat(latentAttention, indexer, feedForward, mlpExperts, sharedExperts, routerBias),
	Drop:    DeepSeek2.Drop,
	Refuse: slices.Concat(DeepSeek2.Refuse, []Refusal{
		{HF: "index_topk_freq", Unless: []string{"1"}, Why: "layers that use what another one chose"},
		{HF: "index_topk_pattern", Why: "layers that use what another one chose"},
	}),
	Layer: Layer{IndexPairs: true},
	Finish: func(c *Config, p *Params) error {
		v, _ := c.Value("indexer_types")
		list, _ := v.([]any)
		for i, kind := range list {
			if kind != "full" {
				return c.fail("indexer_types", formats.Unsupported("layer %d is %.60q: layers that use what another one chose are not supported", i, fmt.Sprint(kind)), "")
			}
		}
		return denseFirst(c, p)
	},
})

// indexKeys are those of Indexer.
var indexKeys = []Key{
	{GGUF: "{a}.attention.indexer.head_count", HF: []string{"index_n_heads"}, Field: func(p *Params) any { return &p.Index.Heads }},
	{GGUF: "{a}.attention.indexer.key_length", HF: []string{"index_head_dim"}, Field: func(p *Params) any { return &p.Index.Dim }},
	{GGUF: "{a}.attention.indexer.top_k", HF: []string{"index_topk"}, Field: func(p *Params) any { return &p.Index.Top }},
}

// indexer are the matrices of what chooses.
var indexer = []Rule{
	{GGUF: "blk.{}.indexer.k_norm.weight", HF: "model.layers.{}.self_attn.indexer.k_norm.weight", Role: RoleIndexKNorm, Shape: "ID"},
	{GGUF: "blk.{}.indexer.k_norm.bias", HF: "model.layers.{}.self_attn.indexer.k_norm.bias", Role: RoleIndexKNorm, Shape: "ID"},
	{GGUF: "blk.{}.indexer.proj.weight", HF: "model.layers.{}.self_attn.indexer.weights_proj.weight", Role: RoleIndexHeads, Shape: "IH E"},
	{GGUF: "blk.{}.indexer.attn_k.weight", HF: "model.layers.{}.self_attn.indexer.wk.weight", Role: RoleIndexK, Shape: "ID E"},
	{GGUF: "blk.{}.indexer.attn_q_b.weight", HF: "model.layers.{}.self_attn.indexer.wq_b.weight", Role: RoleIndexQ, Shape: "IQ QL"},
}

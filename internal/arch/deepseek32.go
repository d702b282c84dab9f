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
	Top   int // positions that are chosen, of all before the query and its own; or blocks
	Block int // so many positions that stand behind each other are chosen together, by the best of them, for every head of keys by a head of its own; 0: each is
	Mean  int // so many positions that stand behind each other are chosen together, by the mean of their keys; those behind the last that are so many are always seen; 0: as Block says
	Local int // blocks that are always seen: the query's own, and those before it

	// Pool is of how many positions each key is made that is compared (GLM-5.3-Flash): they are chosen together, Top in all, and those behind the last whole one are always seen
	// (Tail). 0: keys are those of single positions.
	Pool int
	Tail bool
	Eps  float32 // of the norm of keys; 0: as always

	// Full says of each layer whether it chooses itself; the others see what the last one before them chose. nil: all do.
	Full []bool
	// Ratios are, of each layer, Mean where it chooses, or 0, as files tell it.
	Ratios []int32
}

// Chooses says of a layer that it has an indexer.
func (p *Params) Chooses(layer int) bool {
	if p.Index.Block > 0 {
		return p.Mixed(layer)
	}
	if p.Index.Mean > 0 {
		return layer >= 0 && layer < len(p.Index.Ratios) && p.Index.Ratios[layer] > 0
	}
	if p.Pooled.Ratios != nil {
		return overlaps(p, layer)
	}
	return p.Index.Top > 0 && !p.Keeps(layer) && (p.Index.Full == nil || p.Index.Full[layer])
}

// firstAttending is the first layer with attention; 0 where none has.
func (p *Params) firstAttending() int {
	for l := range p.Layers {
		if !p.Keeps(l) {
			return l
		}
	}
	return 0
}

func chooses(p *Params, layer int) bool { return p.Chooses(layer) }

func (x *Indexer) dim(letter string) int {
	switch letter {
	case "IH":
		return x.Heads
	case "ID":
		return x.Dim
	case "IQK": // and a key
		return (x.Heads + 1) * x.Dim
	case "IP":
		return x.Pool
	case "IQ": // queries of all its heads
		return x.Heads * x.Dim
	}
	return 0
}

// check refuses sizes that contradict each other.
func (x *Indexer) check(p *Params) error {
	if x.Heads == 0 && x.Dim == 0 && x.Top == 0 && x.Block == 0 && x.Local == 0 && x.Full == nil {
		return nil
	}
	if x.Mean > 0 {
		return x.checkMeans(p)
	}
	if x.Block > 0 {
		if x.Heads != p.KVHeads || x.Dim < p.RopeDim || x.Dim > 1<<12 || x.Dim%2 != 0 || x.Top < 1 || x.Top > 1<<24 || x.Block > 1<<24 || x.Local < 0 || x.Local > x.Top {
			return formats.Unsupported("%d heads of %d choose %d blocks of %d, %d of them near by, for %d heads of keys of which %d dimensions are rotated", x.Heads, x.Dim, x.Top, x.Block, x.Local, p.KVHeads, p.RopeDim)
		}
		return nil
	}
	if x.Full != nil && (len(x.Full) != p.Layers || !x.Full[p.firstAttending()]) {
		return formats.Corrupt("of %d layers %d are told whether they choose positions, or the first does not", p.Layers, len(x.Full))
	}
	if x.Pool < 0 || x.Pool > 1<<12 || x.Pool > 0 && x.Top%x.Pool != 0 {
		return formats.Unsupported("%d positions are chosen in keys of %d", x.Top, x.Pool)
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

// GLMDSA is the family of GLM-5, which differs in how the heads that choose are rotated: in pairs; in GLM-5.2 some layers see what another one chose.
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
	Keys: slices.Concat(DeepSeek2.Keys, indexKeys, []Key{{GGUF: "{a}.attention.indexer.types", Field: func(p *Params) any { return &p.Index.Full },
		Default: func(p *Params) {
			for i := 0; p.Context >= 1<<20 && i < min(p.Layers, maxList); i++ { // what runtimes take files to mean that do not tell
				p.Index.Full = append(p.Index.Full, i < 3 || i%4 == 2)
			}
		}, When: func(p *Params) bool { return p.Index.Full != nil }}}),
	Tensors: slices.Concat(latentAttention, indexer, feedForward, mlpExperts, sharedExperts, routerBias),
	Drop:    DeepSeek2.Drop,
	Refuse:  DeepSeek2.Refuse,
	Layer:   Layer{IndexPairs: true},
	Finish: func(c *Config, p *Params) error {
		if err := readIndexers(c, p); err != nil {
			return err
		}
		return denseFirst(c, p)
	},
})

// readIndexers reads which layers choose: a list of words, a pattern of letters, or every so many behind the first.
func readIndexers(c *Config, p *Params) error {
	every, err := c.Float("index_topk_freq", 1)
	if err != nil {
		return err
	}
	skip, err := c.Float("index_skip_topk_offset", 2)
	if err != nil || every > maxList || skip > maxList || p.Layers > maxList {
		return c.fail("index_topk_freq", formats.Corrupt("one of %v layers chooses, behind %v", every, skip), "")
	}
	p.Index.Full = nil
	for i := range p.Layers {
		p.Index.Full = append(p.Index.Full, max(i-int(skip)+1, 0)%max(1, int(every)) == 0)
	}
	key, v, _ := c.Find("indexer_types", "index_topk_pattern")
	list, _ := v.([]any)
	if text, ok := v.(string); ok {
		for _, letter := range text[:min(len(text), maxList)] {
			list = append(list, map[rune]string{'F': "full", 'S': "shared"}[letter])
		}
	}
	if v == nil {
		return nil
	}
	if len(list) < p.Layers {
		return c.wrong(key, v, fmt.Sprintf("a list of %d words", p.Layers))
	}
	for i := range p.Layers {
		if list[i] != "full" && list[i] != "shared" {
			return c.fail(key, formats.Unsupported("layer %d is %.60q", i, fmt.Sprint(list[i])), "")
		}
		p.Index.Full[i] = list[i] == "full"
	}
	return nil
}

// tellIndexers is the way back.
func tellIndexers(p *Params) map[string]any {
	out, kinds := latentConfig(p), make([]string, p.Layers)
	for i := range kinds {
		if kinds[i] = "shared"; p.Chooses(i) {
			kinds[i] = "full"
		}
	}
	out["indexer_types"] = kinds
	return out
}

// indexKeys are those of Indexer.
var indexKeys = []Key{
	{GGUF: "{a}.attention.indexer.head_count", HF: []string{"index_n_heads"}, Field: func(p *Params) any { return &p.Index.Heads }},
	{GGUF: "{a}.attention.indexer.key_length", HF: []string{"index_head_dim"}, Field: func(p *Params) any { return &p.Index.Dim }},
	{GGUF: "{a}.attention.indexer.top_k", HF: []string{"index_topk"}, Field: func(p *Params) any { return &p.Index.Top }},
}

// indexer are the matrices of what chooses.
var indexer = []Rule{
	{GGUF: "blk.{}.indexer.k_norm.weight", HF: "model.layers.{}.self_attn.indexer.k_norm.weight", Role: RoleIndexKNorm, Shape: "ID", When: chooses},
	{GGUF: "blk.{}.indexer.k_norm.bias", HF: "model.layers.{}.self_attn.indexer.k_norm.bias", Role: RoleIndexKNorm, Shape: "ID", When: chooses},
	{GGUF: "blk.{}.indexer.proj.weight", HF: "model.layers.{}.self_attn.indexer.weights_proj.weight", Role: RoleIndexHeads, Shape: "IH E", When: chooses},
	{GGUF: "blk.{}.indexer.attn_k.weight", HF: "model.layers.{}.self_attn.indexer.wk.weight", Role: RoleIndexK, Shape: "ID E", When: chooses},
	{GGUF: "blk.{}.indexer.attn_q_b.weight", HF: "model.layers.{}.self_attn.indexer.wq_b.weight", Role: RoleIndexQ, Shape: "IQ QL", When: chooses},
}

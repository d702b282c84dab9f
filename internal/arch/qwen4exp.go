package arch

import (
	"slices"

	"quern/formats"
)

// Qwen4Exp is the family of Qwen 3.8 Flash Next: Qwen35Moe whose layers have no norms but several streams, of which matrices of low rank say how much of each number a part of
// a layer is given; whose attention chooses blocks of positions by the means of keys; whose states are multiplied by a sigmoid; and one of which is given embeddings of the last few tokens besides. Sources: transformers' qwen4_exp and
// llama.cpp's conversion/qwen4exp.py.
var Qwen4Exp = register(Arch{
	Name: "qwen4exp",
	Variants: []Variant{
		{Type: "qwen4_exp_text", HF: []string{"Qwen4ExpForCausalLM"}, Defaults: qwen4Exp},
		{Type: "qwen4_exp", HF: []string{"Qwen4ExpForConditionalGeneration"}, Defaults: qwen4Exp},
	},
	Keys: slices.Concat(sectioned(hybridShape), expertKeys, headKeys(always), []Key{{GGUF: "general.file_type"}}, hybridExperts, deltaKeys, partKeys, []Key{
		{GGUF: "{a}.hyper_connection.count", HF: []string{"hc_count"}, Field: func(p *Params) any { return &p.Hyper.Streams }},
		{GGUF: "{a}.hyper_connection.low_rank", HF: []string{"hc_lowrank"}, Field: func(p *Params) any { return &p.Hyper.Low }},
		{Field: func(p *Params) any { return &p.Hyper.Magnitude }, When: never, Default: func(p *Params) { p.Hyper.Magnitude = 2 }},
		{GGUF: "{a}.attention.indexer.head_count", HF: []string{"indexer_n_heads"}, Field: func(p *Params) any { return &p.Index.Heads }},
		{GGUF: "{a}.attention.indexer.key_length", HF: []string{"indexer_head_dim"}, Field: func(p *Params) any { return &p.Index.Dim }},
		{GGUF: "{a}.attention.indexer.top_k", HF: []string{"indexer_budget"}, Field: func(p *Params) any { return &p.Index.Top }},
		{GGUF: "{a}.attention.compress_ratios", Field: func(p *Params) any { return &p.Index.Ratios }, Default: nothing},
		{HF: []string{"indexer_compress_ratio"}, Field: func(p *Params) any { return &p.Index.Mean }, When: never, Default: func(p *Params) {
			p.Index.Mean = int(slices.Max(append([]int32{0}, p.Index.Ratios...)))
		}},
	}, ngramKeys, furtherKeys, sizeKeys(never)[:1]),
	Tensors: slices.Concat(offset(slices.DeleteFunc(slices.Clone(hybrid), func(r Rule) bool {
		return r.Role == RoleAttnNorm || r.Role == RoleFFNNorm || r.Role == RoleOutputNorm
	})), mlpExperts, sharedExpert, in(keeps, turningDelta), []Rule{
		{GGUF: "blk.{}.indexer.q_proj.weight", HF: "model.layers.{}.self_attn.indexer.index_qk_proj.weight", Role: RoleIndexQ, Shape: "IQ E", From: "IQK E", Do: PickIndexQ, When: chooses},
		{GGUF: "blk.{}.indexer.k_proj.weight", HF: "model.layers.{}.self_attn.indexer.index_qk_proj.weight", Role: RoleIndexK, Shape: "ID E", From: "IQK E", Do: PickIndexK, When: chooses},
		{GGUF: "blk.{}.indexer.q_norm.weight", HF: "model.layers.{}.self_attn.indexer.q_layernorm.weight", Role: RoleIndexQNorm, Shape: "ID", Do: PlusOne, When: chooses},
		{GGUF: "blk.{}.indexer.k_norm.weight", HF: "model.layers.{}.self_attn.indexer.k_layernorm.weight", Role: RoleIndexKNorm, Shape: "ID", Do: PlusOne, When: chooses},
	}, gatedStreams("blk.{}.hc_attn_", "model.layers.{}.attn_hyper_connection.", [4]Role{RoleHyperAttnNorm, RoleHyperAttnDown, RoleHyperAttnUp, RoleHyperAttn}),
		gatedStreams("blk.{}.hc_ffn_", "model.layers.{}.mlp_hyper_connection.", [4]Role{RoleHyperFFNNorm, RoleHyperFFNDown, RoleHyperFFNUp, RoleHyperFFN}),
		gatedStreams("output_hc_", "model.hyper_connection_mixer.", [4]Role{RoleHyperHeadNorm, RoleHyperHeadDown, RoleHyperHeadUp, RoleHyperHead})[:3], ngramRules),
	Drop: furtherDeltas,
	Refuse: slices.Concat([]Refusal{
		{HF: "output_gate_type", Unless: []string{"sigmoid"}, Why: "what comes out of states is multiplied otherwise than by a sigmoid, which runtimes take it to be"},
		{HF: "indexer_kv_heads", Unless: []string{"1"}, Why: "several keys of a position that positions are chosen by"},
	}, otherGate(hybridRefuses), hybridMoeRefuses),
	Layer:  Layer{RopeNeox: true, RopePart: true, QueryGate: true, Keeper: DeltaNet, TurnKeys: true, SigmoidGate: true, Bare: true},
	Finish: finishQwen4,
	Look:   measureGrams,
})

// qwen4Exp are what transformers assumes for keys that config.json leaves out.
var qwen4Exp = with(qwen35Moe, map[string]any{
	"num_experts": 512, "num_experts_per_tok": 10, "norm_topk_prob": true, "hc_count": 4, "hc_lowrank": 320, "output_gate_type": "silu", "partial_rotary_factor": 0.25,
})

// otherGate is refusals less that of another function behind states than SiLU.
func otherGate(list []Refusal) []Refusal {
	return slices.DeleteFunc(slices.Clone(list), func(r Refusal) bool { return r.HF == "output_gate_type" })
}

// gatedStreams are the rules of what makes one stream of several and says how much of what is made of it is added to each.
func gatedStreams(gguf, hf string, roles [4]Role) []Rule {
	return []Rule{
		{GGUF: gguf + "norm.weight", HF: hf + "hc_norm.weight", Role: roles[0], Shape: "HCE", Do: PlusOne},
		{GGUF: gguf + "down.weight", HF: hf + "input_mix_weight_down.weight", Role: roles[1], Shape: "HCL HCE"},
		{GGUF: gguf + "up.weight", HF: hf + "input_mix_weight_up.weight", Role: roles[2], Shape: "HCE HCL"},
		{GGUF: gguf + "inject.weight", HF: hf + "block_inject_weight.weight", Role: roles[3], Shape: "HC HCE"},
	}
}

// PickIndexQ and PickIndexK take the queries and the key of what positions are chosen by apart.
var (
	PickIndexQ = pickIndex("pick queries", func(x *Indexer) pick { return pick{0, x.Heads * x.Dim, (x.Heads + 1) * x.Dim} })
	PickIndexK = pickIndex("pick key", func(x *Indexer) pick { return pick{x.Heads * x.Dim, x.Dim, (x.Heads + 1) * x.Dim} })
)

func pickIndex(name string, of func(*Indexer) pick) Op {
	return Op{Name: name,
		Forward: func(t *formats.Tensor, p *Params) *formats.Tensor {
			k := of(&p.Index)
			return picked(t, k, []int{k.take, t.Cols()})
		},
		Join: func(parts []*formats.Tensor, p *Params) *formats.Tensor {
			n, d := p.Index.Heads*p.Index.Dim, p.Index.Dim
			return joined(parts, []pick{{0, n, n + d}, {n, d, n + d}}, []int{n + d, parts[0].Cols()})
		},
	}
}

// checkMeans refuses sizes that contradict each other.
func (x *Indexer) checkMeans(p *Params) error {
	if x.Heads < 1 || x.Heads > 1<<12 || x.Dim < p.RopeDim || x.Dim > 1<<12 || x.Dim%2 != 0 || x.Mean > 1<<20 || x.Top < x.Mean || x.Top > 1<<24 || x.Top%x.Mean != 0 || p.MLA.KV > 0 {
		return formats.Corrupt("%d heads of %d choose %d positions, %d at once; heads have %d dimensions with position", x.Heads, x.Dim, x.Top, x.Mean, p.RopeDim)
	}
	if len(x.Ratios) != p.Layers {
		return formats.Corrupt("of %d layers %d tell whether they choose positions", p.Layers, len(x.Ratios))
	}
	for i, n := range x.Ratios {
		if n != 0 && int(n) != x.Mean || (n == 0) != p.Keeps(i) {
			return formats.Unsupported("layer %d chooses positions %d at once, others %d, and keeps a state: %v", i, n, x.Mean, p.Keeps(i))
		}
	}
	return nil
}

// finishQwen4 reads which layers choose positions: all that keep no state. The library calls them so, published files say full attention.
func finishQwen4(c *Config, p *Params) error {
	if err := finishQwen35(c, p); err != nil {
		return err
	}
	p.Index.Ratios = nil
	for i := range min(p.Layers, maxList) {
		n := int32(p.Index.Mean)
		if p.Keeps(i) {
			n = 0
		}
		p.Index.Ratios = append(p.Index.Ratios, n)
	}
	return c.readGrams(p)
}

// tellQwen4 is the way back.
func tellQwen4(p *Params) map[string]any {
	out := tellDelta(p)
	out["indexer_kv_heads"], out["output_gate_type"] = 1, "sigmoid"
	p.NGrams.tell(out, p.Embd)
	return out
}

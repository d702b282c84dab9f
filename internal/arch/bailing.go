package arch

import (
	"slices"

	"quern/formats"
)

// BailingMoe is the family of Ling: experts beside some that every token is given to; queries, keys and values are
// one matrix.
var BailingMoe = register(Arch{
	Name: "bailingmoe",
	Variants: []Variant{{
		Type: "bailing_moe",
		HF:   []string{"BailingMoeForCausalLM"},
		Defaults: map[string]any{
			"max_position_embeddings": 16384, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "num_key_value_heads": 0, "num_experts": 16,
			"num_experts_per_tok": 2, "num_shared_experts": 0, "norm_topk_prob": true, "moe_intermediate_size": 1408, "first_k_dense_replace": 0,
		},
	}},
	Keys: slices.Concat(shapeKeys, expertKeys, headKeys(ownHead), []Key{
		{GGUF: "general.file_type"},
		sizeKeys(always)[1],
		denseLayers("first_k_dense_replace"),
		sizeKeys(always)[0],
		sharedKeys[0],
		{GGUF: "{a}.expert_weights_scale", Field: func(p *Params) any { return &p.Mix.Scale }, Default: func(p *Params) { p.Mix.Scale = 1 }},
		{GGUF: "{a}.expert_shared_count", HF: []string{"num_shared_experts"}, Field: func(p *Params) any { return &p.Mix.Shared }, Default: nothing},
		{GGUF: "{a}.expert_weights_norm", HF: []string{"norm_topk_prob"}, Field: func(p *Params) any { return &p.Mix.Norm }, Default: nothing},
		sharedKeys[4],
	}),
	Tensors: renamed(slices.Concat(without(attention, RoleQ, RoleK, RoleV), fusedQKV("model.layers.{}.attention.query_key_value.weight"),
		mlpExperts, sharedExperts),
		map[Role]string{RoleEmbed: "model.word_embeddings.weight", RoleO: "model.layers.{}.attention.dense.weight"}),
	Drop: []string{"*.rotary_emb.inv_freq"},
	Refuse: []Refusal{
		siluOnly,
		{HF: "use_bias", Unless: []string{"false"}, Why: "projections with biases"},
		{HF: "use_qkv_bias", Unless: []string{"false"}, Why: "projections with biases"},
		{HF: "norm_head", Unless: []string{"false"}, Why: "an output head that is normed"},
		{HF: "first_k_dense_replace", Unless: []string{"0"}, Why: "dense first layers, which runtimes do not load"},
		{HF: "multi_gate", Unless: []string{"false"}, Why: "several routers"},
	},
})

// fusedQKV are queries, keys and values that a checkpoint has one behind the other, their heads brought from halves to pairs.
func fusedQKV(hf string) []Rule {
	return []Rule{
		{GGUF: "blk.{}.attn_q.weight", HF: hf, Role: RoleQ, Shape: "Q E", From: "A E", Do: rowsOf("queries", 0)},
		{GGUF: "blk.{}.attn_k.weight", HF: hf, Role: RoleK, Shape: "K E", From: "A E", Do: rowsOf("keys", 1)},
		{GGUF: "blk.{}.attn_v.weight", HF: hf, Role: RoleV, Shape: "K E", From: "A E", Do: rowsOf("values", 2)},
	}
}

// rowsOf takes the queries, the keys or the values of what has all three, its heads brought from halves to pairs.
func rowsOf(name string, i int) Op {
	plain := plainRowsOf(name, i)
	return Op{Name: name + " in pairs",
		Forward: func(t *formats.Tensor, p *Params) *formats.Tensor {
			if t = plain.Forward(t, p); i < 2 {
				t = permuted(t, permutation{p.HeadDim, false}.from)
			}
			return t
		},
		Join: func(parts []*formats.Tensor, p *Params) *formats.Tensor { return plain.Join(unpaired(parts, p), p) },
	}
}

// plainRowsOf takes them as they are, of a matrix or of its biases.
func plainRowsOf(name string, i int) Op {
	where := func(p *Params) []pick {
		q, k, a := p.Dim("Q"), p.Dim("K"), p.Dim("A")
		return []pick{{0, q, a}, {q, k, a}, {q + k, k, a}}
	}
	return Op{Name: name,
		Forward: func(t *formats.Tensor, p *Params) *formats.Tensor {
			k := where(p)[i]
			if len(t.Shape) == 1 {
				return cut(t, k.skip, k.take)
			}
			return picked(t, k, []int{k.take, t.Cols()})
		},
		Join: func(parts []*formats.Tensor, p *Params) *formats.Tensor {
			if len(parts[0].Shape) == 1 {
				return spliced(parts, []int{p.Dim("A")})
			}
			return joined(parts, where(p), []int{p.Dim("A"), parts[0].Cols()})
		},
	}
}

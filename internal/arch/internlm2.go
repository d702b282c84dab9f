package arch

import (
	"slices"

	"quern/formats"
)

// InternLM2 is the family of InternLM 2 and 2.5: llama whose queries, keys and values are one matrix, the heads that share keys and values
// side by side.
var InternLM2 = register(Arch{
	Name: "internlm2",
	Variants: []Variant{{
		Type:     "internlm2",
		HF:       []string{"InternLM2ForCausalLM"},
		Defaults: map[string]any{"max_position_embeddings": 2048, "rms_norm_eps": 1e-6, "rope_theta": 10000.0},
	}},
	Keys: decoderKeys(ownHead),
	Tensors: renamed(slices.Concat(without(decoder, RoleQ, RoleK, RoleV), []Rule{
		{GGUF: "blk.{}.attn_q.weight", HF: "model.layers.{}.attention.wqkv.weight", Role: RoleQ, Shape: "Q E", From: "A E", Do: GroupQ},
		{GGUF: "blk.{}.attn_k.weight", HF: "model.layers.{}.attention.wqkv.weight", Role: RoleK, Shape: "K E", From: "A E", Do: GroupK},
		{GGUF: "blk.{}.attn_v.weight", HF: "model.layers.{}.attention.wqkv.weight", Role: RoleV, Shape: "K E", From: "A E", Do: GroupV},
	}), map[Role]string{
		RoleEmbed: "model.tok_embeddings.weight", RoleAttnNorm: "model.layers.{}.attention_norm.weight", RoleO: "model.layers.{}.attention.wo.weight",
		RoleFFNNorm: "model.layers.{}.ffn_norm.weight", RoleGate: "model.layers.{}.feed_forward.w1.weight", RoleUp: "model.layers.{}.feed_forward.w3.weight",
		RoleDown: "model.layers.{}.feed_forward.w2.weight", RoleOutput: "output.weight",
	}),
	Drop:   []string{"*.rotary_emb.inv_freq"},
	Refuse: append(slices.Clone(plainRefuses), Refusal{HF: "bias", Unless: []string{"false"}, Why: "projections with biases"}),
})

// renamed is rules with other names in the checkpoint.
func renamed(rules []Rule, names map[Role]string) (out []Rule) {
	for _, r := range rules {
		if name, ok := names[r.Role]; ok {
			r.HF = name
		}
		out = append(out, r)
	}
	return out
}

// GroupQ, GroupK and GroupV take the queries, the keys and the values of a matrix that has them for each group of heads that share keys and
// values, queries and keys in pairs.
var (
	GroupQ = group("queries of groups", 0)
	GroupK = group("keys of groups", 1)
	GroupV = group("values of groups", 2)
)

// groups are where those are.
func groups(p *Params) []pick {
	d, share := p.HeadDim, p.Heads/p.KVHeads
	per := (share + 2) * d
	return []pick{{0, share * d, per}, {share * d, d, per}, {(share + 1) * d, d, per}}
}

func group(name string, i int) Op {
	return Op{Name: name,
		Forward: func(t *formats.Tensor, p *Params) *formats.Tensor {
			heads := p.KVHeads
			if i == 0 {
				heads = p.Heads
			}
			t = picked(t, groups(p)[i], []int{heads * p.HeadDim, t.Cols()})
			if i < 2 {
				t = permuted(t, permutation{p.HeadDim, false}.from)
			}
			return t
		},
		Join: func(parts []*formats.Tensor, p *Params) *formats.Tensor {
			return joined(unpaired(parts, p), groups(p), []int{p.Dim("A"), parts[0].Cols()})
		},
	}
}

// unpaired are queries, keys and values, the first two brought back from pairs to halves.
func unpaired(parts []*formats.Tensor, p *Params) []*formats.Tensor {
	back := permutation{p.HeadDim, true}.from
	return append([]*formats.Tensor{permuted(parts[0], back), permuted(parts[1], back)}, parts[2:]...)
}

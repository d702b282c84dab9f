package arch

import (
	"slices"

	"quern/formats"
)

// GLM4 is the family of GLM-4 as of 2025 (GLM-4-0414, GLM-Z1): norms of what a layer's parts are given and of what they add, gate and up in
// one matrix, heads half of which is rotated in pairs. It is the language model of GLM-4.1V and GLM-OCR, too: where time, height and width each rotate a part of a head,
// runtimes want halves.
var GLM4 = register(Arch{
	Name: "glm4",
	Variants: []Variant{{
		Type: "glm4",
		HF:   []string{"Glm4ForCausalLM", "Glm4Model"},
		Bare: []string{"Glm4Model"},
		Defaults: map[string]any{
			"max_position_embeddings": 131072, "rms_norm_eps": 1.5625e-07, "rope_theta": 10000.0, "num_key_value_heads": 2, "head_dim": 128,
			"partial_rotary_factor": 0.5,
		},
	}, {
		Type:     "glm4v_text",
		Defaults: with(glm4Sees, map[string]any{"max_position_embeddings": 32768, "num_key_value_heads": 2}),
	}, {
		Type:     "glm_ocr_text",
		Defaults: with(glm4Sees, map[string]any{"max_position_embeddings": 131072, "num_key_value_heads": 8, "head_dim": 64, "attention_bias": false}),
	}},
	Keys: slices.Concat(maySection(shapeKeys), headKeys(always), []Key{{GGUF: "general.file_type"}}, partKeys, sizeKeys(never)[:1]),
	Tensors: slices.Concat(halvedWhere(without(decoder, RoleFFNNorm, RoleGate, RoleUp)), halvedWhere(flaggedBiases), []Rule{
		{GGUF: "blk.{}.post_attention_norm.weight", HF: "model.layers.{}.post_self_attn_layernorm.weight", Role: RoleAttnPost, Shape: "E"},
		{GGUF: "blk.{}.ffn_norm.weight", HF: "model.layers.{}.post_attention_layernorm.weight", Role: RoleFFNNorm, Shape: "E"},
		{GGUF: "blk.{}.ffn_up.weight", HF: "model.layers.{}.mlp.gate_up_proj.weight", Role: RoleGate, And: []Role{RoleUp}, Shape: "G E"},
		{GGUF: "blk.{}.post_ffw_norm.weight", HF: "model.layers.{}.post_mlp_layernorm.weight", Role: RoleFFNPost, Shape: "E"},
	}),
	Drop: []string{"*.rotary_emb.inv_freq", "model.layers.{+}.*", "blk.{+}.*"}, // layers that guess further tokens
	Refuse: []Refusal{
		siluOnly,
	},
	Layer:  Layer{RopePart: true, SectionNeox: true},
	Finish: maybeSections,
})

// glm4Sees is what the library assumes of the language models of those that see.
var glm4Sees = map[string]any{"rms_norm_eps": 1e-5, "rope_theta": 10000.0, "partial_rotary_factor": 1.0, "attention_bias": true}

// maySection is keys with that of the parts of a head that time, height and width rotate, where there are such parts.
func maySection(keys []Key) []Key {
	keys = sectioned(keys)
	for i, k := range keys {
		if k.GGUF == "{a}.rope.dimension_sections" {
			keys[i].Default, keys[i].When = nothing, func(p *Params) bool { return len(p.Sections) > 0 }
		}
	}
	return keys
}

func maybeSections(c *Config, p *Params) error {
	if len(p.Sections) == 0 {
		return nil
	}
	return finishSections(c, p)
}

// halvedWhere is rules in which queries and keys are brought from pairs to halves where a head has parts.
func halvedWhere(rules []Rule) []Rule {
	rules = slices.Clone(rules)
	for i, r := range rules {
		if r.Role == RoleQ || r.Role == RoleK {
			rules[i].Do = HalvePairs
		}
	}
	return rules
}

// HalvePairs moves the rotated rows of each head from pairs to halves, in models whose heads have parts.
var HalvePairs = Op{Name: "halve pairs",
	Forward: func(t *formats.Tensor, p *Params) *formats.Tensor {
		return halved(t, p, func(k, half int) int { return k%half*2 + k/half })
	},
	Inverse: func(t *formats.Tensor, p *Params) *formats.Tensor {
		return halved(t, p, func(k, half int) int { return k%2*half + k/2 })
	},
}

func halved(t *formats.Tensor, p *Params, from func(k, half int) int) *formats.Tensor {
	if len(p.Sections) == 0 {
		return t
	}
	return turnedWithin(t, p, from)
}

// PairHalves moves the rotated rows of each head from halves to pairs; the others stay where they are.
var PairHalves = Op{Name: "pair halves",
	Forward: func(t *formats.Tensor, p *Params) *formats.Tensor {
		return turnedWithin(t, p, func(k, half int) int { return k%2*half + k/2 })
	},
	Inverse: func(t *formats.Tensor, p *Params) *formats.Tensor {
		return turnedWithin(t, p, func(k, half int) int { return k%half*2 + k/half })
	},
}

func turnedWithin(t *formats.Tensor, p *Params, from func(k, half int) int) *formats.Tensor {
	size, turned := p.HeadDim, p.RopeDim
	return permuted(t, func(i int) int {
		if k := i % size; k < turned {
			return i - k + from(k, turned/2)
		}
		return i
	})
}

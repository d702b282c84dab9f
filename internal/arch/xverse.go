package arch

import "slices"

// Xverse is the family of that name: llama under another name.
var Xverse = register(Arch{
	Name: "xverse",
	Variants: []Variant{{
		Type:     "xverse",
		HF:       []string{"XverseForCausalLM"},
		Defaults: map[string]any{"rms_norm_eps": 1e-6, "rope_theta": 10000.0},
	}},
	Keys:    slices.Concat(shapeKeys, headKeys(ownHead), []Key{{GGUF: "general.file_type"}, dataLayout}, sizeKeys(always)[1:], sizeKeys(never)[:1]),
	Tensors: slices.Concat(without(attention, RoleQ, RoleK), permutedQK, feedForward),
	Drop:    []string{"*.rotary_emb.inv_freq"},
	Refuse:  plainRefuses,
})

package arch

import "slices"

// PanguEmbedded is the family of openPangu-Embedded: llama with biases of queries, keys, values and what attention gives, and heads rotated in halves.
var PanguEmbedded = register(Arch{
	Name: "pangu-embedded",
	Variants: []Variant{{
		Type:     "PanguEmbedded",
		HF:       []string{"PanguEmbeddedForCausalLM"},
		Defaults: map[string]any{"max_position_embeddings": 32768, "rms_norm_eps": 1e-5, "rope_theta": 1.6e7, "bias": true},
	}},
	Keys: slices.Concat(shapeKeys, []Key{{GGUF: "general.file_type"}}, sizeKeys(always)[:1], []Key{
		{GGUF: "{a}.rope.dimension_count", Field: func(p *Params) any { return &p.RopeDim }, Default: func(p *Params) {
			if p.HeadDim == 0 {
				headDim(p)
			}
			p.RopeDim = p.HeadDim
		}},
	}, headKeys(always)),
	Tensors: slices.Concat(without(decoder, RoleQ, RoleK, RoleV, RoleO), biased(only(decoder, RoleQ, RoleK, RoleV, RoleO)...)),
	Drop:    []string{"*.rotary_emb.inv_freq"},
	Refuse: []Refusal{
		siluOnly,
		{HF: "bias", Unless: []string{"true"}, Why: "projections without biases"},
		{HF: "rope_scaling", Why: "stretched positions"},
	},
	Layer: Layer{RopeNeox: true},
})

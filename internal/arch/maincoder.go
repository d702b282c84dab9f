package arch

import "slices"

// Maincoder is the family of that name: llama whose heads are rotated in pairs, as they are stored, and normed afterwards.
var Maincoder = register(Arch{
	Name: "maincoder",
	Variants: []Variant{{
		Type:     "maincoder",
		HF:       []string{"MaincoderForCausalLM"},
		Defaults: map[string]any{"max_position_embeddings": 2048, "rms_norm_eps": 1e-5, "rope_theta": 1e6, "tie_word_embeddings": true},
	}},
	Keys:    slices.Concat(shapeKeys, headKeys(always), []Key{{GGUF: "general.file_type"}}, sizeKeys(always)[1:], sizeKeys(never)[:1]),
	Tensors: slices.Concat(decoder, headNorms),
	Drop:    []string{"*.rotary_emb.inv_freq"},
	Refuse: slices.Concat(plainRefuses, []Refusal{
		{HF: "use_qk_norm", Unless: []string{"true"}, Why: "queries and keys without norms"},
	}),
	Layer: Layer{LateNorm: true},
})

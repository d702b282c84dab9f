package arch

import "slices"

// LlamaEmbed is Llama whose queries see all positions, as embeddings are made with it (Llama-Embed-Nemotron).
var LlamaEmbed = register(Arch{
	Name:  "llama-embed",
	Strip: []string{"model."},
	Variants: []Variant{{
		Type:     "llama_bidirec",
		HF:       []string{"LlamaBidirectionalModel"},
		Defaults: Llama.Variants[0].Defaults,
	}},
	Keys:    slices.Concat(shapeKeys, headKeys(ownHead), []Key{{GGUF: "general.file_type"}}, sizeKeys(always), quiet(encoderKeys[0]), encoderKeys[1:]),
	Tensors: bareNames(slices.Concat([]Rule{ropeFreqs}, without(decoder, RoleQ, RoleK, RoleOutput), permutedQK)),
	Drop:    []string{"*.rotary_emb.inv_freq", "lm_head.*"},
	Refuse:  slices.Concat(encoderRefuses, plainRefuses),
	Layer:   Layer{Encoder: true},
	Beside:  readPooling,
})

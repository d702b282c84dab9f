package arch

import "slices"

// Arcee is the family of AFM: llama without a gate, whose function is a squared rectifier.
var Arcee = register(Arch{
	Name: "arcee",
	Variants: []Variant{{
		Type:     "arcee",
		HF:       []string{"ArceeForCausalLM", "ArceeModel"},
		Bare:     []string{"ArceeModel"},
		Defaults: map[string]any{"max_position_embeddings": 4096, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "hidden_act": "relu2"},
	}},
	Keys:    slices.Concat(shapeKeys, headKeys(always), []Key{{GGUF: "general.file_type"}}, sizeKeys(always)),
	Tensors: slices.Concat(without(attention, RoleQ, RoleK), permutedQK, without(feedForward, RoleGate)),
	Drop:    []string{"*.rotary_emb.inv_freq"},
	Refuse:  slices.Concat([]Refusal{{HF: "hidden_act", Unless: []string{"relu2"}, Why: "its activation function is not a squared rectifier"}}, plainRefuses[1:]),
	Layer:   Layer{Ungated: true, Act: ReLU2},
})

package arch

import "slices"

// Jais2 is the second family of that name: norms that take the mean away, biases everywhere, no gate but a squared rectifier, rotated in
// halves.
var Jais2 = register(Arch{
	Name: "jais2",
	Variants: []Variant{{
		Type:     "jais2",
		HF:       []string{"Jais2ForCausalLM", "Jais2Model"},
		Bare:     []string{"Jais2Model"},
		Defaults: map[string]any{"max_position_embeddings": 8192, "layer_norm_eps": 1e-5, "rope_theta": 10000.0, "hidden_act": "relu2"},
	}},
	Keys: slices.Concat(meanKeys(shapeKeys), headKeys(always), []Key{{GGUF: "general.file_type"}}, sizeKeys(always)[1:], sizeKeys(never)[:1]),
	Tensors: slices.Concat(only(decoder, RoleEmbed),
		biased(only(decoder, RoleAttnNorm, RoleQ, RoleK, RoleV, RoleO, RoleFFNNorm, RoleUp, RoleDown, RoleOutputNorm)...), only(decoder, RoleOutput)),
	Drop: []string{"*.rotary_emb.inv_freq"},
	Refuse: []Refusal{
		{HF: "hidden_act", Unless: []string{"relu2"}, Why: "its activation function is not relu2"},
		{HF: "attention_bias", Unless: []string{"true"}, Why: "projections without biases"},
		{HF: "mlp_bias", Unless: []string{"true"}, Why: "projections without biases"},
	},
	Layer: Layer{MeanNorm: true, Ungated: true, Act: ReLU2, RopeNeox: true},
})

package arch

import "slices"

// Nemotron is the family of Nemotron-4 and Minitron: norms that take the mean away, whose weights are stored less one, no gate but a squared
// rectifier, and heads of which a part is rotated.
var Nemotron = register(Arch{
	Name: "nemotron",
	Variants: []Variant{{
		Type: "nemotron",
		HF:   []string{"NemotronForCausalLM"},
		Defaults: map[string]any{
			"max_position_embeddings": 4096, "norm_eps": 1e-5, "rope_theta": 10000.0, "partial_rotary_factor": 0.5, "hidden_act": "relu2",
		},
	}},
	Keys: slices.Concat(
		shapeKeysBut("rope.scaling.type", "rope.scaling.factor", "attention.layer_norm_rms_epsilon"), []Key{
			{GGUF: "{a}.attention.layer_norm_rms_epsilon", Field: func(p *Params) any { return &p.NormEps }, Default: nothing}, // readers look at the other
		}, headKeys(always), []Key{
			{GGUF: "general.file_type"},
			sizeKeys(always)[0],
			told("attention.layer_norm_epsilon", "norm_eps", "layer_norm_eps", "layer_norm_epsilon", "norm_epsilon"),
		}, partKeys, []Key{
			named("rope.scaling.type")[0],
			when(func(p *Params) bool { return !scaled(p) }, []Key{unscaled})[0],
			named("rope.scaling.factor")[0],
		}),
	Tensors: meanNorms(offset(without(decoder, RoleGate))),
	Drop:    []string{"*.rotary_emb.inv_freq"},
	Refuse: []Refusal{
		{HF: "hidden_act", Unless: []string{"relu2"}, Why: "its activation function is not relu2"},
		{HF: "attention_bias", Unless: []string{"false"}, Why: "projections with biases"},
		{HF: "mlp_bias", Unless: []string{"false"}, Why: "projections with biases"},
		{HF: "tie_word_embeddings", Unless: []string{"false"}, Why: "the embedding as output head"},
	},
	Layer: Layer{MeanNorm: true, Ungated: true, Act: ReLU2, RopeNeox: true, RopePart: true},
})

package arch

import "slices"

// Mistral3 is the family of Ministral 3, llama whose queries grow with the logarithm of their position beyond the context of training, and of
// Mistral Small 3.1 and later, which see (tower_pixtral.go): there it is Mistral under another name.
var Mistral3 = register(Arch{
	Name: "mistral3",
	Variants: []Variant{{
		Type: "ministral3",
		HF:   []string{"Ministral3ForCausalLM", "Ministral3Model"},
		Bare: []string{"Ministral3Model"},
		Defaults: map[string]any{
			"max_position_embeddings": 262144, "rms_norm_eps": 1e-5, "rope_theta": 1e6, "num_key_value_heads": 8, "head_dim": 128,
		},
	}, {
		Type: "mistral",
		HF:   []string{"Mistral3ForConditionalGeneration"},
		If:   func(c *Config) bool { return inside(c) != "mistral4" },
		Defaults: map[string]any{
			"max_position_embeddings": 131072, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "num_key_value_heads": 8, "sliding_window": 4096,
		},
	}},
	Keys: slices.Concat(shapeKeys, headKeys(always), []Key{{GGUF: "general.file_type"}}, sizeKeys(always), []Key{
		{GGUF: logAll.GGUF, Field: func(p *Params) any { return &p.Yarn.All }, Default: nothing, When: func(p *Params) bool { return p.Yarn.All != 0 }},
		{GGUF: "{a}.attention.temperature_scale", HF: []string{"rope_parameters.llama_4_scaling_beta", "rope_scaling.llama_4_scaling_beta"},
			Field: func(p *Params) any { return &p.Temperature }, Default: nothing, When: func(p *Params) bool { return p.Temperature != 0 }},
	}),
	Tensors: slices.Concat(without(attention, RoleQ, RoleK), permutedQK, feedForward),
	Drop:    []string{"*.rotary_emb.inv_freq"},
	Refuse: append(slices.Clone(plainRefuses),
		Refusal{HF: "sliding_window", Why: "layers see a window only, which runtimes do not know of this family"},
		Refusal{HF: "model_type", Unless: []string{"ministral3", "mistral", "mistral3"}, Why: "another language model is in it"}),
	Finish: func(_ *Config, p *Params) error {
		p.Yarn.All, p.Yarn.LogAll = float32(p.Yarn.LogAll), 0 // cosines and sines do not grow, and scores do not either
		return nil
	},
})

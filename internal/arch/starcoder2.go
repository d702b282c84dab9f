package arch

import "slices"

// StarCoder2 is the family of StarCoder2: llama's attention with a window and biases, norms that take the mean away, and no gate.
var StarCoder2 = register(Arch{
	Name: "starcoder2",
	Variants: []Variant{{
		Type: "starcoder2",
		HF:   []string{"Starcoder2ForCausalLM", "Starcoder2Model"},
		Bare: []string{"Starcoder2Model"},
		Defaults: map[string]any{
			"max_position_embeddings": 4096, "norm_epsilon": 1e-5, "rope_theta": 10000.0, "num_key_value_heads": 2, "hidden_act": "gelu_pytorch_tanh",
			"tie_word_embeddings": true,
		},
	}},
	Keys: slices.Concat(meanKeys(decoderKeys(ownHead)), []Key{
		{GGUF: "{a}.attention.sliding_window", HF: []string{"sliding_window"}, // as Mistral's: not in the reference's files
			Field: func(p *Params) any { return &p.Window }, Default: nothing, When: func(p *Params) bool { return p.Window > 0 }},
		geluKey("hidden_act", "gelu_pytorch_tanh"),
	}),
	Tensors: slices.Concat(
		only(decoder, RoleEmbed), biased(only(decoder, RoleAttnNorm, RoleQ, RoleK, RoleV, RoleO, RoleFFNNorm)...), biased(
			Rule{GGUF: "blk.{}.ffn_up.weight", HF: "model.layers.{}.mlp.c_fc.weight", Role: RoleUp, Shape: "F E"},
			Rule{GGUF: "blk.{}.ffn_down.weight", HF: "model.layers.{}.mlp.c_proj.weight", Role: RoleDown, Shape: "E F"},
		), biased(only(decoder, RoleOutputNorm)...), only(decoder, RoleOutput)),
	Drop: []string{"*.rotary_emb.inv_freq"},
	Refuse: []Refusal{
		geluOnly("hidden_act"),
		{HF: "use_bias", Unless: []string{"true"}, Why: "projections without biases"},
		{HF: "mlp_type", Unless: []string{"default"}, Why: "a feed-forward network with a gate"},
		{HF: "norm_type", Unless: []string{"layer_norm"}, Why: "norms that leave the mean"},
	},
	Layer: Layer{MeanNorm: true, Ungated: true, Act: GELUTanh, RopeNeox: true, RunsFull: true},
})

package arch

import "slices"

// OLMo2 is the family of OLMo 2 and 3: llama with norms of what a layer's parts add instead of what they are given, and of all queries and
// all keys of a token at once, before they are rotated in halves. OLMo 3 has a window in some layers, whose positions are never scaled.
var OLMo2 = register(Arch{
	Name: "olmo2",
	Variants: []Variant{
		{Type: "olmo2", HF: []string{"Olmo2ForCausalLM", "Olmo2Model"}, Bare: []string{"Olmo2Model"}, Ignore: []string{"sliding_window"},
			Defaults: map[string]any{"max_position_embeddings": 2048, "rms_norm_eps": 1e-5, "rope_theta": 10000.0}},
		{Type: "olmo3", HF: []string{"Olmo3ForCausalLM", "Olmo3Model"}, Bare: []string{"Olmo3Model"},
			Defaults: map[string]any{"max_position_embeddings": 2048, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "sliding_window": 4096}},
	},
	Keys:    slices.Concat(decoderKeys(never), windowKeys, []Key{nearUnscaled}),
	Tensors: slices.Concat(without(decoder, RoleAttnNorm, RoleFFNNorm), wholeNorms, normsAfter),
	Drop:    []string{"*.rotary_emb.inv_freq"},
	Refuse: slices.Concat(plainRefuses, []Refusal{
		{HF: "clip_qkv", Why: "queries, keys and values are cut off"},
		{HF: "rope_parameters.sliding_attention.rope_type", Unless: []string{"default"}, Why: "positions within windows are scaled"},
	}),
	Layer:  Layer{RopeNeox: true, WholeNorm: true, Bare: true},
	Finish: windowed,
})

// normsAfter are norms of what a layer's parts add.
var normsAfter = []Rule{
	{GGUF: "blk.{}.post_attention_norm.weight", HF: "model.layers.{}.post_attention_layernorm.weight", Role: RoleAttnPost, Shape: "E"},
	{GGUF: "blk.{}.post_ffw_norm.weight", HF: "model.layers.{}.post_feedforward_layernorm.weight", Role: RoleFFNPost, Shape: "E"},
}

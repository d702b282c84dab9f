package arch

import "slices"

// OLMo is the first family of that name: llama with norms that take the mean away and have no weights, whose queries, keys and values may be
// cut off.
var OLMo = register(Arch{
	Name: "olmo",
	Variants: []Variant{{
		Type:     "olmo",
		HF:       []string{"OlmoForCausalLM", "OlmoModel"},
		Bare:     []string{"OlmoModel"},
		Defaults: map[string]any{"max_position_embeddings": 2048, "rope_theta": 10000.0, "clip_qkv": nil},
	}},
	Keys: slices.Concat(shapeKeysBut("attention.layer_norm_rms_epsilon"), headKeys(ownHead), []Key{
		{GGUF: "general.file_type"},
		{GGUF: "{a}.attention.layer_norm_epsilon", Field: func(p *Params) any { return &p.NormEps }, Default: func(p *Params) { p.NormEps = 1e-5 }},
		clampKey("clip_qkv"),
	}, sizeKeys(never)),
	Tensors: slices.Concat(only(decoder, RoleEmbed), permutedQK, only(decoder, RoleV, RoleO, RoleGate, RoleUp, RoleDown, RoleOutput)),
	Drop:    []string{"*.rotary_emb.inv_freq"},
	Refuse:  plainRefuses,
	Layer:   Layer{MeanNorm: true, BareNorm: true},
})

// clampKey is where queries, keys and values are cut off.
func clampKey(hf string) Key {
	return Key{GGUF: "{a}.attention.clamp_kqv", HF: []string{hf}, Field: func(p *Params) any { return &p.Clamp }, Default: nothing,
		When: func(p *Params) bool { return p.Clamp > 0 }}
}

package arch

import "slices"

// Qwen2 is the family of Qwen 1.5, 2 and 2.5 and of what is trained from them: llama with biases of queries, keys and
// values, and heads that are rotated in halves.
var Qwen2 = register(Arch{
	Name: "qwen2",
	Variants: []Variant{{
		Type: "qwen2",
		HF:   []string{"Qwen2ForCausalLM", "Qwen2Model"},
		Bare: []string{"Qwen2Model"},
		Defaults: map[string]any{
			"max_position_embeddings": 32768, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "num_key_value_heads": 32,
		},
	}},
	Keys:    decoderKeys(ownHead),
	Tensors: slices.Concat(decoder, qwenBiases),
	Drop:    []string{"*.rotary_emb.inv_freq"},
	Refuse:  qwenRefuses,
	Layer:   Layer{RopeNeox: true},
})

// qwenBiases are those of queries, keys and values.
var qwenBiases = []Rule{
	{GGUF: "blk.{}.attn_q.bias", HF: "model.layers.{}.self_attn.q_proj.bias", Role: RoleQ, Shape: "Q"},
	{GGUF: "blk.{}.attn_k.bias", HF: "model.layers.{}.self_attn.k_proj.bias", Role: RoleK, Shape: "K"},
	{GGUF: "blk.{}.attn_v.bias", HF: "model.layers.{}.self_attn.v_proj.bias", Role: RoleV, Shape: "K"},
}

// qwenRefuses are settings of Qwen's config.json. Windows in some of the layers are off in every published dense model.
var qwenRefuses = []Refusal{
	siluOnly,
	{HF: "use_sliding_window", Unless: []string{"false"}, Why: "some layers see a window only"},
	{GGUF: "{a}.attention.sliding_window", Unless: []string{"0"}, Why: "some layers see a window only"},
	{GGUF: "{a}.expert_count", Unless: []string{"0"}, Why: "a mixture of experts"},
}

package arch

import (
	"slices"

	"quern/formats"
)

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
	}, {
		Type:     "kormo",
		HF:       []string{"KORMoForCausalLM"},
		Defaults: map[string]any{"max_position_embeddings": 2048, "rms_norm_eps": 1e-6, "rope_theta": 10000.0},
	}, {
		Type:   "mimo", // Qwen 2 with layers that guess further tokens
		HF:     []string{"MiMoForCausalLM"},
		Ignore: []string{"attention_bias"}, // it has Qwen's, whatever this says
		Defaults: map[string]any{
			"max_position_embeddings": 32768, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "num_key_value_heads": 32,
		},
	}},
	Keys: decoderKeys(ownHead),
	Tensors: slices.Concat(decoder, whenBiased(qwenBiases), []Rule{ // KORMo's names
		{GGUF: "blk.{}.attn_norm.weight", HF: "model.layers.{}.pre_attention_layernorm.weight", Role: RoleAttnNorm, Shape: "E"},
		{GGUF: "blk.{}.ffn_norm.weight", HF: "model.layers.{}.pre_mlp_layernorm.weight", Role: RoleFFNNorm, Shape: "E"},
	}),
	Drop: []string{"*.rotary_emb.inv_freq", "model.mtp_layers.*"},
	Refuse: slices.Concat(qwenRefuses, []Refusal{
		{HF: "attention_bias", Unless: []string{"false"}, Why: "biases behind attention"}, // KORMo's
		{HF: "mlp_bias", Unless: []string{"false"}, Why: "projections with biases"},
	}),
	Layer: Layer{RopeNeox: true},
	Finish: func(c *Config, p *Params) error {
		kind, err := c.String("model_type")
		p.NoBiases = kind == "kormo"
		return err
	},
	Look: func(src *formats.Source, p *Params) { p.NoBiases = src.Tensor("blk.0.attn_q.bias") == nil },
})

// whenBiased is rules of tensors that a model has unless its queries, keys and values have no biases.
func whenBiased(rules []Rule) []Rule {
	out := slices.Clone(rules)
	for i := range out {
		out[i].When = func(p *Params, _ int) bool { return !p.NoBiases }
	}
	return out
}

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

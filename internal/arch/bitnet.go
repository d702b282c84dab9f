package arch

import (
	"fmt"
	"slices"

	"quern/formats"
)

// BitNet is the family of BitNet b1.58: llama whose output matrices of attention and of the feed-forward network are given what a norm makes, and whose matrices
// are ternary. Activations are left as they are, as runtimes do; the code that was published with the models rounds them to 8 bits.
var BitNet = register(Arch{
	Name: "bitnet",
	Variants: []Variant{
		{
			Type: "bitnet",
			HF:   []string{"BitNetForCausalLM"},
			Defaults: map[string]any{
				"max_position_embeddings": 2048, "rms_norm_eps": 1e-5, "rope_theta": 500000.0, "num_key_value_heads": 5, "hidden_act": "relu2", "tie_word_embeddings": false,
			},
		},
		{
			Type: "bitnet_llama", // what was published first calls itself llama
			HF:   []string{"BitnetForCausalLM"},
			Defaults: map[string]any{
				"max_position_embeddings": 2048, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "hidden_act": "silu", "tie_word_embeddings": false,
			},
		},
	},
	Keys: slices.Concat(named("block_count", "context_length", "embedding_length", "feed_forward_length", "attention.head_count", "attention.head_count_kv", "rope.freq_base",
		"attention.layer_norm_rms_epsilon"), when(always, slices.Clone(impliedHead)), []Key{
		{GGUF: "general.file_type"},
		{GGUF: "{a}.rope.scaling.type", Field: func(p *Params) any { return &p.RopeType }, Default: func(p *Params) { p.RopeType = "linear" }},
		{GGUF: "{a}.rope.scaling.factor", Field: func(p *Params) any { return &p.RopeScale }, Default: func(p *Params) { p.RopeScale = 1 }},
		// Not in the reference's files: runtimes take SiLU.
		{GGUF: "{a}.hidden_activation", HF: []string{"hidden_act"}, Field: func(p *Params) any { return &p.Act }, Default: func(p *Params) { p.Act = "silu" },
			When: func(p *Params) bool { return p.Act != "silu" }},
	}, sizeKeys(never)),
	Tensors: slices.Concat(ternary(without(decoder, RoleOutput)), []Rule{
		{GGUF: "blk.{}.attn_sub_norm.weight", HF: "model.layers.{}.self_attn.attn_sub_norm.weight", Role: RoleAttnSub, Shape: "Q"},
		{GGUF: "blk.{}.attn_sub_norm.weight", HF: "model.layers.{}.self_attn.inner_attn_ln.weight", Role: RoleAttnSub, Shape: "Q"}, // the first ones' names
		{GGUF: "blk.{}.ffn_sub_norm.weight", HF: "model.layers.{}.mlp.ffn_sub_norm.weight", Role: RoleFFNSub, Shape: "F"},
		{GGUF: "blk.{}.ffn_sub_norm.weight", HF: "model.layers.{}.mlp.ffn_layernorm.weight", Role: RoleFFNSub, Shape: "F"},
	}),
	Drop: []string{"*.rotary_emb.inv_freq", "lm_head.weight"},
	Refuse: []Refusal{
		{HF: "hidden_act", Unless: []string{"relu2", "silu"}, Why: "its activation function is neither SiLU nor a squared rectifier"},
		{HF: "tie_word_embeddings", Unless: []string{"true"}, Why: "an output head of its own"},
		{HF: "attention_bias", Unless: []string{"false"}, Why: "projections with biases"},
		{HF: "quantization_config.use_rms_norm", Unless: []string{"false"}, Why: "a norm of the inputs of every matrix"},
	},
	Layer: Layer{RopeNeox: true, RunsSiLU: true},
	Finish: func(c *Config, p *Params) error {
		p.Ternary = c.RoundsWeights()
		if bits, err := c.Float("weight_bits", 1); err != nil || p.Ternary && bits != 1 {
			return c.fail("weight_bits", formats.Unsupported("is %v: weights that are not ternary", bits), "")
		}
		if p.KVHeads < 1 || p.HeadDim*p.Heads != p.Embd {
			return c.fail("head_dim", formats.Unsupported("%d heads of %d in a model of width %d: runtimes take them to be of one size", p.Heads, p.HeadDim, p.Embd), "")
		}
		return nil
	},
	Mistaken: func(b *Bound) string {
		if b.Params.Act == "silu" {
			return ""
		}
		return fmt.Sprintf("llama.cpp takes SiLU for what the gates of this model go through (%s): it computes another model", b.Params.Act)
	},
})

// ternary is rules of which matrices that multiply inside of layers may be stored before they are rounded.
func ternary(rules []Rule) (out []Rule) {
	for _, r := range rules {
		if slices.Contains([]Role{RoleQ, RoleK, RoleV, RoleO, RoleGate, RoleUp, RoleDown}, r.Role) {
			r.Do = RoundTernary
		}
		out = append(out, r)
	}
	return out
}

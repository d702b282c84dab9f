package arch

import (
	"slices"

	"quern/formats"
)

// Jais is the first family of that name: GPT-2 with a gate, with distances instead of positions and scores that are divided by the size of a head; what embeddings and
// logits are multiplied by is in their matrices.
var Jais = register(Arch{
	Name:   "jais",
	Prefix: "transformer.", Loose: true,
	Variants: []Variant{{
		Type: "jais",
		HF:   []string{"JAISLMHeadModel"},
		Defaults: map[string]any{
			"n_positions": 1024, "n_embd": 768, "n_layer": 12, "n_head": 12, "layer_norm_epsilon": 1e-5, "activation_function": "gelu_new", "position_embedding_type": "learned",
		},
	}},
	Keys: slices.Concat([]Key{
		told("block_count", "n_layer"),
		told("context_length", "n_positions"),
		told("embedding_length", "n_embd"),
		fourfold(told("feed_forward_length", "n_inner")),
		told("attention.head_count", "n_head"),
		told("attention.layer_norm_epsilon", "layer_norm_epsilon"),
		{GGUF: "general.file_type"},
		{GGUF: "{a}.attention.max_alibi_bias", Field: func(p *Params) any { return &p.Alibi }, Default: func(p *Params) { p.Alibi = 8 }},
		{HF: []string{"mup_embeddings_scale", "embeddings_scale"}, Field: func(p *Params) any { return &p.Times.Embed }, When: never, Default: nothing},
		{Field: func(p *Params) any { return &p.Scales.Attention }, When: never, Default: func(p *Params) {
			if p.Heads > 0 {
				p.Scales.Attention = 1 / float32(p.Embd/p.Heads)
			}
		}},
	}, quiet(told("attention.head_count_kv")), stillKeys),
	Tensors: slices.Concat([]Rule{
		{GGUF: "token_embd.weight", HF: "transformer.wte.weight", Role: RoleEmbed, Shape: "V E", Do: TimesEmbed},
	}, biased(
		Rule{GGUF: "blk.{}.attn_norm.weight", HF: "transformer.h.{}.ln_1.weight", Role: RoleAttnNorm, Shape: "E"},
		Rule{GGUF: "blk.{}.attn_qkv.weight", HF: "transformer.h.{}.attn.c_attn.weight", Role: RoleQ, And: keysValues, Shape: "A E", From: "E A", Do: TurnMatrix},
		Rule{GGUF: "blk.{}.attn_output.weight", HF: "transformer.h.{}.attn.c_proj.weight", Role: RoleO, Shape: "E Q", From: "Q E", Do: TurnMatrix},
		Rule{GGUF: "blk.{}.ffn_norm.weight", HF: "transformer.h.{}.ln_2.weight", Role: RoleFFNNorm, Shape: "E"},
		Rule{GGUF: "blk.{}.ffn_up.weight", HF: "transformer.h.{}.mlp.c_fc.weight", Role: RoleUp, Shape: "F E", From: "E F", Do: TurnMatrix},
		Rule{GGUF: "blk.{}.ffn_gate.weight", HF: "transformer.h.{}.mlp.c_fc2.weight", Role: RoleGate, Shape: "F E", From: "E F", Do: TurnMatrix},
		Rule{GGUF: "blk.{}.ffn_down.weight", HF: "transformer.h.{}.mlp.c_proj.weight", Role: RoleDown, Shape: "E F", From: "F E", Do: TurnMatrix},
		Rule{GGUF: "output_norm.weight", HF: "transformer.ln_f.weight", Role: RoleOutputNorm, Shape: "E"},
	), []Rule{
		{GGUF: "output.weight", HF: "lm_head.weight", Role: RoleOutput, Shape: "V E", Do: TimesHead},
	}),
	Drop: []string{"transformer.h.*.attn.bias", "transformer.h.*.attn.masked_bias", "transformer.relative_pe.slopes"}, // what follows from the number of heads
	Refuse: []Refusal{
		{HF: "activation_function", Unless: []string{"swiglu"}, Why: "its activation function is not swiglu"},
		{HF: "position_embedding_type", Unless: []string{"alibi"}, Why: "positions are not told by distances"},
		{HF: "scale_attn_weights", Unless: []string{"true"}, Why: "scores are not divided"},
		{HF: "scale_attn_by_inverse_layer_idx", Unless: []string{"false"}, Why: "scores are divided by the number of the layer"},
		{HF: "add_cross_attention", Unless: []string{"false"}, Why: "attention to another model"},
		{HF: "alibi_scaling", Why: "distances that are scaled"},
	},
	Layer: Layer{MeanNorm: true, StillEvery: 1},
	Finish: func(c *Config, p *Params) error {
		if key, v, ok := c.Find("mup_scale_qk_dot_by_d", "scale_qk_dot_by_d"); !ok || v != true {
			return c.fail(key, formats.Unsupported("is %v: scores are not divided by the size of a head, as runtimes take them to be", v), "")
		}
		p.Times.Head = 1
		keys := []string{"width_scale"}
		if _, _, ok := c.Find("mup_output_alpha"); ok {
			keys = []string{"mup_output_alpha", "mup_width_scale"}
		}
		for _, key := range keys {
			by, err := c.Float(key, 1)
			if err != nil || !positive(float32(by)) {
				return c.fail(key, formats.Corrupt("must be positive"), "")
			}
			p.Times.Head = float32(float64(p.Times.Head) * by)
		}
		return nil
	},
})

// tellJais is the way back.
func tellJais(p *Params) map[string]any {
	return map[string]any{"scale_qk_dot_by_d": true, "embeddings_scale": 1.0, "width_scale": 1.0, "mup_embeddings_scale": unsaid, "tie_word_embeddings": false}
}

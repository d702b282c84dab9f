package arch

import (
	"fmt"
	"slices"

	"quern/formats"
)

// MuseGlimmer is the family of Muse Glimmer's language model: embeddings that are normed without weights; norms of what a layer's parts are given and, with an epsilon of
// their own, of what they add; heads that are normed without weights, those of queries multiplied by a number, which files hold as weights of norms; a gate of what attention
// gives; windows in most layers, the only ones to rotate heads; and logits that are multiplied, and kept within bounds.
var MuseGlimmer = register(Arch{
	Name: "muse-glimmer",
	Variants: []Variant{{
		Type: "muse_glimmer_text",
		HF:   []string{"MuseGlimmerForConditionalGeneration"},
		Defaults: map[string]any{
			"max_position_embeddings": 131072, "rms_norm_eps": 1e-5, "num_key_value_heads": 2, "head_dim": 128, "sliding_window": 2048, "final_logit_softcapping": 20.0,
			"qk_scale_factor": 3.87, "output_multiplier": 0.19611613513818404, "post_norm_eps": 1e-8, "tie_word_embeddings": false,
		},
	}},
	Keys: slices.Concat(shapeKeys, headKeys(always), []Key{
		{GGUF: "general.file_type"},
		{GGUF: "{a}.final_logit_softcapping", HF: []string{"final_logit_softcapping"}, Field: func(p *Params) any { return &p.Caps.Logits }, Default: nothing},
		{GGUF: "{a}.logit_scale", HF: []string{"output_multiplier"}, Field: func(p *Params) any { return &p.Scales.Times }},
	}, windowKeys, []Key{
		{HF: []string{"qk_scale_factor"}, Field: func(p *Params) any { return &p.QueryScale }, When: never, Default: nothing},
	}, sizeKeys(never)),
	Tensors: slices.Concat([]Rule{
		{GGUF: "blk.{}.attn_q_norm.weight", Role: RoleQNorm, Shape: "D", Do: constant("make query scales", func(p *Params) float32 { return p.QueryScale })},
		{GGUF: "blk.{}.attn_k_norm.weight", Role: RoleKNorm, Shape: "D", Do: constant("make key scales", func(*Params) float32 { return 1 })},
	}, offset(slices.Concat(without(decoder, RoleQ, RoleK, RoleFFNNorm, RoleOutputNorm, RoleOutput), postNorms)), permutedQK, only(decoder, RoleOutputNorm), []Rule{
		{GGUF: "blk.{}.attn_gate.weight", HF: "model.layers.{}.self_attn.gate_proj.weight", Role: RoleAttnGate, Shape: "Q E"},
		{GGUF: "output.weight", HF: "lm_head.weight", Role: RoleOutput, Shape: "V E"},
	}),
	Drop: []string{"*.rotary_emb.inv_freq"},
	Refuse: []Refusal{
		{HF: "hidden_activation", Unless: []string{"silu"}, Why: "its activation function is not silu"},
		{HF: "attention_bias", Unless: []string{"false"}, Why: "projections with biases"},
		{HF: "post_norm_eps", Unless: []string{"1e-08"}, Why: "norms with another epsilon"},
		{HF: "tie_word_embeddings", Unless: []string{"false"}, Why: "the embedding as output head"},
	},
	Layer:  Layer{StillFull: true, EmbedBare: true, PostEps: 1e-8},
	Finish: finishGlimmer,
})

// constant makes a norm of each layer whose weights are one number.
func constant(name string, of func(*Params) float32) Op {
	return Op{Name: name, Make: func(p *Params) *formats.Tensor { return Floats("", slices.Repeat([]float32{of(p)}, p.HeadDim)) }}
}

// finishGlimmer reads which layers have a window, and refuses those that rotate otherwise.
func finishGlimmer(c *Config, p *Params) error {
	if p.Window == 0 {
		return c.fail("sliding_window", formats.Unsupported("missing: runtimes take layers of this family to have windows"), "")
	}
	for i := range p.WindowIn { // where config.json does not say
		p.WindowIn[i] = (p.Layers-1-i)%4 != 0
	}
	if err := windowed(c, p); err != nil {
		return err
	}
	const key = "layer_rope_theta"
	if v, _ := c.Value(key); v == nil {
		return nil
	}
	bases, err := c.perLayer(key, p.Layers)
	for i, v := range bases {
		want := float32(0)
		if p.WindowIn[i] {
			want = p.RopeBase
		}
		if f, ok := number(v); err == nil && (!ok || float32(f) != want) {
			err = c.fail(key, formats.Unsupported("is %.60s in layer %d; runtimes take it to be %v", fmt.Sprint(v), i, want), "")
		}
	}
	return err
}

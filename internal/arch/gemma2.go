package arch

import (
	"math"
	"slices"

	"quern/formats"
)

// Gemma2 is the second family of that name: Gemma with norms of what a layer's parts add, a window in every other layer, and caps of
// scores and logits.
var Gemma2 = register(Arch{
	Name: "gemma2",
	Variants: []Variant{{
		Type: "gemma2",
		HF:   []string{"Gemma2ForCausalLM"},
		Defaults: map[string]any{
			"max_position_embeddings": 8192, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "num_key_value_heads": 4, "head_dim": 256,
			"tie_word_embeddings": true, "sliding_window": 4096, "attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0,
		},
	}},
	Keys: slices.Concat(Gemma.Keys, []Key{ // absent keys mean what runtimes take them to mean
		{GGUF: "{a}.attn_logit_softcapping", HF: []string{"attn_logit_softcapping"},
			Field: func(p *Params) any { return &p.Caps.Scores }, Default: func(p *Params) { p.Caps.Scores = 50 }},
		{GGUF: "{a}.final_logit_softcapping", HF: []string{"final_logit_softcapping"},
			Field: func(p *Params) any { return &p.Caps.Logits }, Default: func(p *Params) { p.Caps.Logits = 30 }},
		{GGUF: "{a}.attention.sliding_window", HF: []string{"sliding_window"},
			Field: func(p *Params) any { return &p.Window }, Default: func(p *Params) { p.Window = 4096 }},
		guessedScale(46),
	}),
	Tensors: offset(slices.Concat(without(decoder, RoleOutput, RoleFFNNorm), postNorms)),
	Drop:    Gemma.Drop,
	Refuse:  Gemma.Refuse,
	Layer:   Layer{RopeNeox: true, Act: GELUTanh, ScaleEmbed: true, FullEvery: 2},
	Finish: func(c *Config, p *Params) error {
		for _, key := range []string{"attn_logit_softcapping", "final_logit_softcapping", "sliding_window"} {
			v, ok := c.Value(key)
			if x, _ := number(v); ok && x == 0 {
				return c.fail(key, formats.Unsupported("is not set; runtimes take it to be that of the published models"), "")
			}
		}
		if err := windows(c, p, Layer{FullEvery: 2}); err != nil {
			return err
		}
		return scaleGuessed(c, p)
	},
})

// guessedScale is what scores are multiplied by in Gemma 2 and 3. Files do not tell it: runtimes know the largest model of a family by
// its number of layers, and take 1/√D for all others.
func guessedScale(largest int) Key {
	return Key{Field: func(p *Params) any { return &p.Scales.Attention }, When: never, Default: func(p *Params) {
		if p.Layers == largest && p.Heads > 0 {
			p.Scales.Attention = float32(1 / math.Sqrt(float64(p.Embd/p.Heads)))
		}
	}}
}

// scaleGuessed refuses a model that scores otherwise than runtimes guess.
func scaleGuessed(c *Config, p *Params) error {
	const key = "query_pre_attn_scalar"
	says, err := c.Float(key, 256)
	if err != nil {
		return err
	}
	guess := float64(p.HeadDim)
	if s := float64(p.Scales.Attention); s != 0 {
		guess = float64(p.Embd / p.Heads)
	}
	if says != guess {
		return c.fail(key, formats.Unsupported("is %v; runtimes take it to be %v in a model of %d layers, and files do not tell it", says, guess, p.Layers),
			"compare with the config.json of the model that it was made from: if that has the other number, so should this one")
	}
	return nil
}

// postNorms are the norms of the feed-forward network where what a layer's parts add is normed, too.
var postNorms = []Rule{
	{GGUF: "blk.{}.post_attention_norm.weight", HF: "model.layers.{}.post_attention_layernorm.weight", Role: RoleAttnPost, Shape: "E"},
	{GGUF: "blk.{}.ffn_norm.weight", HF: "model.layers.{}.pre_feedforward_layernorm.weight", Role: RoleFFNNorm, Shape: "E"},
	{GGUF: "blk.{}.post_ffw_norm.weight", HF: "model.layers.{}.post_feedforward_layernorm.weight", Role: RoleFFNPost, Shape: "E"},
}

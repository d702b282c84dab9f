package arch

import "slices"

// GemmaEmbedding is the family of EmbeddingGemma: the layers of Gemma 3, whose queries see what follows, too, within windows half of it behind.
var GemmaEmbedding = register(Arch{
	Name:  "gemma-embedding",
	Strip: []string{"model."},
	Variants: []Variant{{
		Type:     "gemma3_text",
		HF:       []string{"Gemma3TextModel"},
		Defaults: gemma3Defaults,
	}},
	Keys: slices.Concat(gemma3Rope(), headKeys(always), []Key{
		{GGUF: "general.file_type"},
		logitCap,
		{GGUF: "{a}.attention.sliding_window", HF: []string{"sliding_window"}, Field: func(p *Params) any { return &p.Window }, Default: nothing},
		quiet(encoderKeys[0])[0],
		encoderKeys[1],
	}, sizeKeys(never)),
	Tensors: offset(bareNames(slices.Concat(without(decoder, RoleFFNNorm, RoleOutput), postNorms, headNorms))),
	Drop:    []string{"*.rotary_emb.inv_freq"},
	Refuse: slices.Concat(slices.DeleteFunc(slices.Clone(Gemma3.Refuse), func(r Refusal) bool { return r.HF == "use_bidirectional_attention" }), []Refusal{
		{HF: "use_bidirectional_attention", Unless: []string{"true"}, Why: "queries see only what stands before them"},
	}),
	Layer: Layer{RopeNeox: true, Act: GELUTanh, ScaleEmbed: true, FullEvery: 6, Encoder: true},
	Finish: func(c *Config, p *Params) error {
		if err := windows(c, p, Layer{FullEvery: 6}); err != nil {
			return err
		}
		return scaleGuessed(c, p)
	},
	Beside: readPooling,
})

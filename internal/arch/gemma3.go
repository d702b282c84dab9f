package arch

import "slices"

// Gemma3 is the language model of Gemma 3: Gemma 2 without caps, with normed heads, and five layers with a window, whose positions are
// rotated faster, before each without.
var Gemma3 = register(Arch{
	Name: "gemma3",
	Variants: []Variant{{
		Type:     "gemma3_text",
		HF:       []string{"Gemma3ForCausalLM", "Gemma3ForConditionalGeneration"},
		Defaults: gemma3Defaults,
	}},
	Keys: slices.Concat(gemma3Rope(), headKeys(always), []Key{
		{GGUF: "general.file_type"},
		logitCap,
		{GGUF: "{a}.attention.sliding_window", HF: []string{"sliding_window"}, Field: func(p *Params) any { return &p.Window }, Default: nothing,
			When: func(p *Params) bool { return p.Window > 0 }},
		guessedScale(62),
	}, sizeKeys(never)),
	Tensors: offset(slices.Concat(without(decoder, RoleFFNNorm), postNorms, headNorms)),
	Drop:    []string{"*.rotary_emb.inv_freq"},
	Refuse: []Refusal{
		{HF: "hidden_activation", Unless: []string{"gelu_pytorch_tanh"}, Why: "its activation function is not gelu"},
		{HF: "attention_bias", Unless: []string{"false"}, Why: "projections with biases"},
		{HF: "attn_logit_softcapping", Why: "scores are capped"},
		{HF: "use_bidirectional_attention", Unless: []string{"false"}, Why: "tokens see what follows"},
		{HF: "rope_parameters.sliding_attention.rope_type", Unless: []string{"default"}, Why: "positions within windows are scaled"},
		{HF: "sliding_window_pattern", Unless: []string{"1", "6"}, Why: "another number of layers has windows"},
		{HF: "_sliding_window_pattern", Unless: []string{"1", "6"}, Why: "another number of layers has windows"},
		{GGUF: "{a}.attention.sliding_window_pattern", Unless: []string{"6"}, Why: "another number of layers has windows"},
	},
	Layer: Layer{RopeNeox: true, Act: GELUTanh, ScaleEmbed: true, FullEvery: 6},
	Finish: func(c *Config, p *Params) error {
		if _, every, _ := c.Find("sliding_window_pattern", "_sliding_window_pattern"); every != nil {
			if n, _ := number(every); n == 1 {
				p.Window = 0
			}
		}
		if err := windows(c, p, Layer{FullEvery: 6}); err != nil {
			return err
		}
		return scaleGuessed(c, p)
	},
})

// gemma3Defaults is what the library assumes.
var gemma3Defaults = map[string]any{
	"hidden_size": 2304, "intermediate_size": 9216, "num_hidden_layers": 26, "num_attention_heads": 8, "vocab_size": 262208,
	"max_position_embeddings": 131072, "rms_norm_eps": 1e-6, "rope_theta": 1e6, "rope_local_base_freq": 10000.0,
	"num_key_value_heads": 4, "head_dim": 256, "tie_word_embeddings": true, "sliding_window": 4096, "use_bidirectional_attention": false,
}

// gemma3Rope are the keys before the sizes of heads: each kind of layers has its base.
func gemma3Rope() []Key {
	keys := slices.Clone(shapeKeys)
	i := slices.IndexFunc(keys, func(k Key) bool { return k.GGUF == "{a}.rope.freq_base" })
	return slices.Insert(keys, i+1, Key{GGUF: "{a}.rope.freq_base_swa", HF: []string{"rope_parameters.sliding_attention.rope_theta", "rope_local_base_freq"},
		Field: func(p *Params) any { return &p.NearBase }, Default: func(p *Params) { p.NearBase = 10000 }})
}

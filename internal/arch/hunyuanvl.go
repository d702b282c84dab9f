package arch

import (
	"slices"

	"quern/formats"
)

// HunyuanVL is the language model of HunyuanOCR: dense Hunyuan, of whose heads four parts are rotated by positions of their own. In a text these are one number.
var HunyuanVL = register(Arch{
	Name: "hunyuan_vl",
	Variants: []Variant{
		{Type: "hunyuan_vl", HF: []string{"HunYuanVLForConditionalGeneration"}, Defaults: hunyuanVL},
		{Type: "hunyuan_vl_text", Defaults: hunyuanVL},
	},
	Keys:    sectioned(decoderKeys(ownHead)),
	Tensors: slices.Concat(decoder, lateNorms),
	Drop:    []string{"*.rotary_emb.inv_freq"},
	Refuse:  Hunyuan.Refuse,
	Layer:   Layer{RopeNeox: true, LateNorm: true},
	Finish: func(c *Config, p *Params) error {
		if err := largerBase(c, p); err != nil {
			return err
		}
		return finishSections(c, p)
	},
	Look: func(src *formats.Source, p *Params) { // files of the reference tell both, and leave the rest to runtimes
		if p.HeadDim == 0 {
			headDim(p)
		}
		if alpha, ok := src.Meta.Float("hunyuan_vl.rope.scaling.alpha"); ok && alpha >= 1 && alpha <= 1<<20 && p.HeadDim >= 4 {
			p.enlarge(alpha)
		}
	},
})

var hunyuanVL = map[string]any{"max_position_embeddings": 2048, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "tie_word_embeddings": true}

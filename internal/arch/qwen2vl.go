package arch

import "slices"

// Qwen2VL is the language model of Qwen2-VL and Qwen2.5-VL (their towers: tower_qwen.go): qwen2, of whose heads a part each is
// rotated by time, height and width. In a text these are one number, and the rotation is qwen2's.
var Qwen2VL = register(Arch{
	Name: "qwen2vl",
	Variants: []Variant{
		{Type: "qwen2_vl", HF: []string{"Qwen2VLForConditionalGeneration", "Qwen2VLModel"}, Bare: []string{"Qwen2VLModel"}, Defaults: qwen2VL},
		{Type: "qwen2_vl_text", Defaults: qwen2VL},
		{Type: "qwen2_5_vl", HF: []string{"Qwen2_5_VLForConditionalGeneration"}, Defaults: qwen2VL},
		{Type: "qwen2_5_vl_text", Defaults: qwen2VL},
		{Type: "qwen2_5_omni_text", Defaults: with(qwen2VL, map[string]any{"rms_norm_eps": 1e-6, "num_key_value_heads": 4})},
	},
	Loose:   true, // as of the class without a head
	Keys:    sectioned(decoderKeys(ownHead)),
	Tensors: slices.Concat(decoder, qwenBiases),
	Drop:    []string{"*.rotary_emb.inv_freq"},
	Refuse:  qwenRefuses,
	Layer:   Layer{RopeNeox: true},
	Finish:  finishSections,
})

// qwen2VL are what transformers assumes for keys that config.json leaves out.
var qwen2VL = map[string]any{
	"max_position_embeddings": 32768, "rms_norm_eps": 1e-5, "rope_theta": 1000000.0, "num_key_value_heads": 8,
}

// finishSections fills up the four parts that runtimes expect.
func finishSections(c *Config, p *Params) error {
	pairs := int32(0)
	for _, n := range p.Sections {
		if n < 0 || n > 1<<12 {
			return c.wrong("mrope_section", p.Sections, "a list of sizes")
		}
		pairs += n
	}
	if len(p.Sections) > 4 || int(pairs) != p.RopeDim/2 {
		return c.wrong("mrope_section", p.Sections, "the pairs of a head in at most four parts")
	}
	for len(p.Sections) < 4 {
		p.Sections = append(p.Sections, 0)
	}
	return nil
}

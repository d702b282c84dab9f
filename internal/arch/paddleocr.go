package arch

// PaddleOCR is the language model of PaddleOCR-VL: ERNIE 4.5 with heads rotated in halves, a part each by time, height and width. In a text these are one number.
var PaddleOCR = register(Arch{
	Name: "paddleocr",
	Variants: []Variant{
		{Type: "paddleocr_vl", HF: []string{"PaddleOCRVLForConditionalGeneration"}, Defaults: paddleOCR},
		{Type: "paddleocr_vl_text", Defaults: paddleOCR},
	},
	Keys:    sectioned(decoderKeys(always)),
	Tensors: decoder,
	Drop:    []string{"*.rotary_emb.inv_freq"},
	Refuse:  ernieRefuses,
	Layer:   Layer{RopeNeox: true},
	Finish:  finishSections,
})

var paddleOCR = map[string]any{
	"max_position_embeddings": 131072, "rms_norm_eps": 1e-5, "rope_theta": 500000.0, "num_key_value_heads": 2, "head_dim": 128, "tie_word_embeddings": true,
}

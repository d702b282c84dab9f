package arch

import (
	"slices"

	"quern/formats"
)

// Lfm2Tower is the tower of LFM2-VL: SigLIP 2, which takes patches pixel by pixel and stretches its places to the image; patches joined in squares, normed in
// some models, and projected by two matrices.
var Lfm2Tower = registerTower(Arch{
	Projector: "lfm2",
	Variants: []Variant{{
		Type: "lfm2_vl", HF: []string{"Lfm2VlForConditionalGeneration"}, Inner: tiedInside("lfm2"),
		Defaults: with(halfColours, map[string]any{
			"vision_config.hidden_size": 768, "vision_config.intermediate_size": 3072, "vision_config.num_hidden_layers": 12, "vision_config.num_attention_heads": 12,
			"vision_config.patch_size": 16, "vision_config.num_patches": 256, "vision_config.hidden_act": "gelu_pytorch_tanh", "vision_config.layer_norm_eps": 1e-6,
			"downsample_factor": 2, "projector_hidden_size": 2560, "projector_bias": true, "projector_use_layernorm": true, "projector_hidden_act": "gelu",
		}),
	}},
	Own: []string{"vision_tower.*", "multi_modal_projector.*"},
	Keys: slices.Concat(replaceKey(visionKeys, ofAnySize(256)), []Key{
		{HF: []string{"vision_config.num_patches"}, Field: func(p *Params) any { return &p.Vision.Places }, Default: nothing, When: never},
		{HF: []string{"projector_hidden_size"}, Field: func(p *Params) any { return &p.Vision.Middle }, Default: nothing, When: never},
		projector("lfm2"), towerEps("vision_config.layer_norm_eps"), squareScale("downsample_factor"),
	}, towerAct),
	Tensors: slices.Concat(siglip2Ends, encoder(clipAt+"encoder"), affine("v.post_ln", clipAt+"post_layernorm", "E"),
		flagged("projector_use_layernorm", affine("mm.input_norm", "multi_modal_projector.layer_norm", "scaled")),
		affine("mm.1", "multi_modal_projector.linear_1", "middle scaled"), affine("mm.2", "multi_modal_projector.linear_2", "text middle")),
	Drop: []string{clipAt + "head.*"},
	Refuse: []Refusal{
		{HF: "vision_feature_layer", Unless: []string{"-1"}, Why: "features are taken before the last layer"},
		{HF: "projector_hidden_act", Unless: []string{"gelu"}, Why: "the projector's activation function is not gelu"},
		{HF: "projector_bias", Unless: []string{"true"}, Why: "a projector without biases"},
		{HF: "vision_config.model_type", Unless: []string{"siglip2_vision_model"}, Why: "the tower is not SigLIP 2's"},
		{HF: "vision_config.num_channels", Unless: []string{"3"}, Why: "images without three colours"},
	},
	Look: func(src *formats.Source, p *Params) {
		p.Vision.Places, p.Vision.Middle = heightOf(src, "v.position_embd.weight"), heightOf(src, "mm.1.weight")
	},
})

// ofAnySize is the key of an image's size where images have any; the reference writes a number all the same.
func ofAnySize(n int) Key {
	return Key{GGUF: "clip.vision.image_size", Field: func(p *Params) any { return &p.Vision.Image }, Default: func(p *Params) { p.Vision.Image = n }}
}

// heightOf is how many rows a tensor has that is a matrix; 0 if it is not there.
func heightOf(src *formats.Source, name string) int {
	if t := src.Tensor(name); t != nil && len(t.Shape) == 2 {
		return t.Shape[0]
	}
	return 0
}

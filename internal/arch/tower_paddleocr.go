package arch

import (
	"math"
	"slices"

	"quern/formats"
)

// PaddleTower is the tower of PaddleOCR-VL: SigLIP whose places are stretched to the image and whose heads are rotated by row and by column; patches normed one
// by one, joined in squares, and projected by two matrices.
var PaddleTower = registerTower(Arch{
	Projector: "paddleocr",
	Variants: []Variant{{
		Type: "paddleocr_vl", HF: []string{"PaddleOCRVLForConditionalGeneration"}, Language: "PaddleOCRVLForConditionalGeneration",
		Defaults: with(halfColours, map[string]any{
			"vision_config.hidden_size": 1152, "vision_config.intermediate_size": 4304, "vision_config.num_hidden_layers": 27, "vision_config.num_attention_heads": 16,
			"vision_config.image_size": 384, "vision_config.patch_size": 14, "vision_config.hidden_act": "gelu_pytorch_tanh", "vision_config.layer_norm_eps": 1e-6,
			"vision_config.spatial_merge_size": 2, "hidden_size": 1024,
		}),
	}},
	Own:  []string{"visual.*", "mlp_AR.*", "model.projector.*"},
	Keys: slices.Concat(visionKeys, []Key{projector("paddleocr"), maxPixels, minPixels}, towerAct, []Key{towerEps("vision_config.layer_norm_eps")}),
	Tensors: slices.Concat([]Rule{
		{GGUF: "v.patch_embd.weight", HF: paddleAt + "embeddings.patch_embedding.weight", Role: RoleTower, Shape: "E rgb patch patch", Store: StoreConv},
		{GGUF: "v.patch_embd.bias", HF: paddleAt + "embeddings.patch_embedding.bias", Role: RoleTower, Shape: "E"},
		{GGUF: "v.position_embd.weight", HF: paddleAt + "embeddings.position_embedding.weight", Role: RoleTower, Shape: "table E", Store: "F32"},
	}, encoder(paddleAt+"encoder"), affine("v.post_ln", paddleAt+"post_layernorm", "E"), paddleProjector("mlp_AR."), paddleProjector("model.projector.")),
	Drop: []string{"*.position_ids", paddleAt + "head.*", paddleAt + "embeddings.packing_position_embedding.*"},
	Refuse: []Refusal{
		{HF: "vision_config.spatial_merge_size", Unless: []string{"2"}, Why: "squares of other than four patches are joined"},
		{HF: "vision_config.temporal_patch_size", Unless: []string{"1", "2"}, Why: "patches that are several images deep"},
		{HF: "vision_config.num_channels", Unless: []string{"3"}, Why: "images without three colours"},
	},
	Finish: func(c *Config, p *Params) error {
		v := &p.Vision
		v.Places = v.patches()
		if v.Image = int(math.Sqrt(float64(max(0, v.MaxPixels)))); v.Image > 1<<14 { // of the largest square: images have any size
			return c.fail("max_pixels", formats.Corrupt("images of %d pixels", v.MaxPixels), "")
		}
		return nil
	},
	Look: func(src *formats.Source, p *Params) { p.Vision.Places = heightOf(src, "v.position_embd.weight") },
})

const paddleAt = "visual.vision_model."

// paddleProjector are the projector's rules, which the authors and transformers call otherwise.
func paddleProjector(at string) []Rule {
	return slices.Concat(affine("mm.input_norm", at+"pre_norm", "E"), affine("mm.1", at+"linear_1", "4E 4E"), affine("mm.2", at+"linear_2", "text 4E"))
}

package arch

import (
	"math"
	"slices"

	"quern/formats"
)

// SiglipTower is the tower of Gemma 3: SigLIP, whose patches are averaged in squares, normed, and projected by one matrix that is stored
// the way runtimes want it.
var SiglipTower = registerTower(Arch{
	Projector: "gemma3",
	Variants: []Variant{{
		Type: "gemma3", HF: []string{"Gemma3ForConditionalGeneration"},
		Defaults: map[string]any{
			"vision_config.hidden_size": 768, "vision_config.intermediate_size": 3072, "vision_config.num_hidden_layers": 12,
			"vision_config.num_attention_heads": 12, "vision_config.image_size": 224, "vision_config.patch_size": 16,
			"vision_config.hidden_act": "gelu_pytorch_tanh", "vision_config.layer_norm_eps": 1e-6, "mm_tokens_per_image": 256, "hidden_size": 2304,
			"preprocessor.image_mean": []float32{0.5, 0.5, 0.5}, "preprocessor.image_std": []float32{0.5, 0.5, 0.5},
		},
	}},
	Own: []string{"vision_tower.*", "multi_modal_projector.*"},
	Keys: slices.Concat(visionKeys, []Key{projector("gemma3"), towerEps("vision_config.layer_norm_eps")}, towerAct, []Key{
		{GGUF: "clip.vision.projector.scale_factor", Field: func(p *Params) any { return &p.Vision.Scale }, Default: func(p *Params) { p.Vision.Scale = 4 },
			When: func(p *Params) bool { return p.Vision.Scale != 4 }}, // runtimes assume 4
	}),
	Tensors: slices.Concat([]Rule{
		{GGUF: "v.patch_embd.weight", HF: clipAt + "embeddings.patch_embedding.weight", Role: RoleTower, Shape: "E rgb patch patch", Store: "F32"},
		{GGUF: "v.patch_embd.bias", HF: clipAt + "embeddings.patch_embedding.bias", Role: RoleTower, Shape: "E"},
		{GGUF: "v.position_embd.weight", HF: clipAt + "embeddings.position_embedding.weight", Role: RoleTower, Shape: "patches E", Store: "F32"},
	}, encoder(clipAt+"encoder"), affine("v.post_ln", clipAt+"post_layernorm", "E"), []Rule{
		{GGUF: "mm.input_projection.weight", HF: "multi_modal_projector.mm_input_projection_weight", Role: RoleTower, Shape: "E text", Store: "F16"},
		{GGUF: "mm.soft_emb_norm.weight", HF: "multi_modal_projector.mm_soft_emb_norm.weight", Role: RoleTower, Shape: "E", Do: PlusOne},
	}),
	Drop: []string{"*.position_ids", clipAt + "head.*"},
	Refuse: []Refusal{
		{HF: "vision_config.num_channels", Unless: []string{"3"}, Why: "images without three colours"},
		{HF: "vision_config.model_type", Unless: []string{"siglip_vision_model"}, Why: "the tower is not SigLIP's"},
	},
	Finish: finishSiglip,
})

// finishSiglip finds how many patches along each side are averaged.
func finishSiglip(c *Config, p *Params) error {
	tokens, err := c.Float("mm_tokens_per_image", 256)
	if err != nil {
		return err
	}
	v := &p.Vision
	side, patches := int(math.Sqrt(math.Max(0, math.Min(tokens, 1<<20)))), v.Image/max(1, v.Patch)
	if side < 1 || float64(side*side) != tokens || patches%side != 0 {
		return c.fail("mm_tokens_per_image", formats.Unsupported("%v embeddings of an image of %d×%d patches", tokens, patches, patches), "")
	}
	v.Scale = patches / side
	return nil
}

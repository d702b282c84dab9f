package arch

import (
	"math"
	"slices"

	"quern/formats"
)

// Phi4Tower is the tower of Phi-4 vision: SigLIP 2, which takes patches pixel by pixel and stretches its places to the image, up to the layer before its last; each
// patch is projected by two matrices.
var Phi4Tower = registerTower(Arch{
	Projector: "phi4",
	Variants: []Variant{{
		Type: "phi4-siglip", HF: []string{"Phi4ForCausalLMV"}, Language: "Phi3ForCausalLM",
		Defaults: with(halfColours, map[string]any{
			"vision_config.hidden_size": 768, "vision_config.intermediate_size": 3072, "vision_config.num_hidden_layers": 12, "vision_config.num_attention_heads": 12,
			"vision_config.patch_size": 16, "vision_config.num_patches": 256, "vision_config.hidden_act": "gelu_pytorch_tanh", "vision_config.layer_norm_eps": 1e-6,
			"min_num_patches": 256, "max_num_patches": 3600,
		}),
	}},
	Own: []string{"vision_tower.*", "multi_modal_projector.*", "mm_projector.*"},
	Keys: slices.Concat(replaceKey(visionKeys, ofAnySize(0)), []Key{
		{HF: []string{"vision_config.num_patches"}, Field: func(p *Params) any { return &p.Vision.Places }, Default: nothing, When: never},
		projector("phi4"), ofPatches(minPixels, "min_num_patches"), ofPatches(maxPixels, "max_num_patches"),
	}, towerAct, []Key{towerEps("vision_config.layer_norm_eps")}),
	Tensors: slices.Concat(siglip2Ends, encoder(clipAt+"encoder"),
		affine("mm.0", "multi_modal_projector.mm_projector.0", "text E"), affine("mm.2", "multi_modal_projector.mm_projector.2", "text text"),
		affine("mm.0", "mm_projector.0", "text E"), affine("mm.2", "mm_projector.2", "text text")),
	Drop: []string{clipAt + "head.*", clipAt + "post_layernorm.*", clipAt + "encoder.layers.{+}.*"},
	Refuse: []Refusal{
		{HF: "mm_projector_type", Unless: []string{"mlp2x_gelu"}, Why: "the projector is not two matrices with gelu between them"},
		{HF: "vision_config.model_type", Unless: []string{"siglip2_vision_model"}, Why: "the tower is not SigLIP 2's"},
		{HF: "vision_config.num_channels", Unless: []string{"3"}, Why: "images without three colours"},
	},
	Finish: finishPhi4,
	Look:   func(src *formats.Source, p *Params) { p.Vision.Places = heightOf(src, "v.position_embd.weight") },
})

// siglip2Ends are the rules of SigLIP 2 before its first layer.
var siglip2Ends = []Rule{
	{GGUF: "v.patch_embd.weight", HF: clipAt + "embeddings.patch_embedding.weight", Role: RoleTower, Shape: "E rgb patch patch", From: "E pixels", Do: coloursFirst, Store: StoreConv},
	{GGUF: "v.patch_embd.bias", HF: clipAt + "embeddings.patch_embedding.bias", Role: RoleTower, Shape: "E"},
	{GGUF: "v.position_embd.weight", HF: clipAt + "embeddings.position_embedding.weight", Role: RoleTower, Shape: "table E", Store: "F32"},
}

// ofPatches is a key of so many pixels, which configurations count in patches: in those of the processor or of the model.
func ofPatches(k Key, name string) Key {
	k.HF = []string{"preprocessor." + name, name}
	return k
}

func finishPhi4(c *Config, p *Params) error {
	v := &p.Vision
	side := int(math.Sqrt(float64(max(0, v.Places))))
	patch, err := c.Float("preprocessor.patch_size", float64(v.Patch))
	switch {
	case err != nil:
		return err
	case patch != float64(v.Patch):
		return c.fail("vision_config.patch_size", formats.Corrupt("is %d, and %v in preprocessor_config.json", v.Patch, patch), "")
	case p.Layers < 2:
		return c.fail("vision_config.num_hidden_layers", formats.Unsupported("is %d: features are those before the last layer", p.Layers), "")
	case side*side != v.Places:
		return c.fail("vision_config.num_patches", formats.Unsupported("is %d, which no square has", v.Places), "")
	case v.Patch > 1<<10 || v.MinPixels < 1 || v.MaxPixels < v.MinPixels || v.MaxPixels > 1<<20:
		return c.fail("max_num_patches", formats.Corrupt("images of %d to %d patches", v.MinPixels, v.MaxPixels), "")
	}
	p.Layers--
	v.Image = side * v.Patch
	v.MinPixels *= v.Patch * v.Patch
	v.MaxPixels *= v.Patch * v.Patch
	return nil
}

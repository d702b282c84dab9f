package arch

import (
	"slices"

	"quern/formats"
)

// YoutuTower is the tower of Youtu-VL: SigLIP 2's layers without learned places, whose heads are rotated by row and by column, and most of which see windows only; squares of four
// patches are normed and projected as one.
var YoutuTower = registerTower(Arch{
	Projector: "youtuvl",
	Variants: []Variant{{
		Type: "youtu_vl", HF: []string{"YoutuVLForConditionalGeneration"}, Language: "YoutuForCausalLM",
		Defaults: map[string]any{
			"vision_config.hidden_act": "gelu_pytorch_tanh", "vision_config.layer_norm_eps": 1e-6, "vision_config.image_size": 560, "vision_config.spatial_merge_size": 2,
			"preprocessor.image_mean": []float32{0.5, 0.5, 0.5}, "preprocessor.image_std": []float32{0.5, 0.5, 0.5},
		},
	}},
	Own: []string{"siglip2.*", "merger.*"},
	Keys: slices.Concat(visionKeys, []Key{projector("youtuvl"), towerEps("vision_config.layer_norm_eps")}, towerAct, []Key{
		{GGUF: "clip.vision.spatial_merge_size", HF: []string{"vision_config.spatial_merge_size"}, Field: func(p *Params) any { return &p.Vision.Merge }},
		{GGUF: "clip.vision.window_size", HF: []string{"vision_config.window_size"}, Field: func(p *Params) any { return &p.Vision.Window }},
		{GGUF: "clip.vision.wa_layer_indexes", HF: []string{"vision_config.fullatt_block_indexes"}, Field: func(p *Params) any { return &p.Vision.At }},
	}),
	Tensors: slices.Concat([]Rule{
		{GGUF: "v.patch_embd.weight", HF: youtuAt + "embeddings.patch_embedding.weight", Role: RoleTower, Shape: "E pixels", Store: StoreConv},
		{GGUF: "v.patch_embd.bias", HF: youtuAt + "embeddings.patch_embedding.bias", Role: RoleTower, Shape: "E"},
	}, encoder(youtuAt+"encoder"), affine("v.post_ln", youtuAt+"post_layernorm", "E"), []Rule{
		{GGUF: "mm.input_norm.weight", HF: "merger.ln_q.weight", Role: RoleTower, Shape: "E"},
	}, affine("mm.0", "merger.mlp.0", "merged merged"), affine("mm.2", "merger.mlp.2", "text merged")),
	Drop: []string{youtuAt + "head.*"},
	Refuse: []Refusal{
		{HF: "vision_config.spatial_merge_size", Unless: []string{"2"}, Why: "squares of other than four patches are joined"},
		{HF: "vision_config.num_channels", Unless: []string{"3"}, Why: "images without three colours"},
		{HF: "vision_config.hidden_act", Unless: []string{"gelu_pytorch_tanh", "silu"}, Why: "runtimes have gelu in its approximation by tanh"},
	},
	Finish: func(c *Config, p *Params) error {
		v := &p.Vision
		if v.Window < 2*v.Patch || v.Window > 1<<14 {
			return c.fail("vision_config.window_size", formats.Unsupported("windows of %d pixels, of which a square of four patches has %d along a side", v.Window, 2*v.Patch), "")
		}
		if len(v.At) == 0 || slices.Min(v.At) < 0 || int(slices.Max(v.At)) >= p.Layers {
			return c.fail("vision_config.fullatt_block_indexes", formats.Unsupported("layers %v of %d see the whole image; runtimes ask for one at least", v.At, p.Layers), "")
		}
		if d := p.Embd / max(1, p.Heads); d%4 != 0 {
			return c.fail("vision_config.num_attention_heads", formats.Unsupported("heads of %d dimensions, which are not halves of pairs", d), "")
		}
		return nil
	},
})

const youtuAt = "siglip2.vision_model."

package arch

import "slices"

// LingTower is the tower of Ling 3 VL: Qwen3-VL's, without biases of patches and projectors of layers; what is behind the norm is joined in squares of four, and the projector has a
// name of its own.
var LingTower = registerTower(Arch{
	Projector: "ling3vl",
	Variants: []Variant{
		{Type: "bailing_moe_v3_vl", HF: []string{"BailingMoeV3VLForConditionalGeneration"}, Language: "BailingMoeV3ForCausalLM", Defaults: qwen35Tower},
	},
	Own: []string{"visual.*", "linear_proj.*"},
	Keys: slices.Concat(replaceKey(visionKeys, Key{
		GGUF: "clip.vision.image_size", HF: []string{"vision_config.image_size"}, Field: func(p *Params) any { return &p.Vision.Image }, Default: nothing,
	}), []Key{
		{HF: []string{"vision_config.num_position_embeddings"}, Field: func(p *Params) any { return &p.Vision.Places }, Default: nothing, When: never},
		projector("ling3vl"),
	}, towerAct, []Key{
		{GGUF: "clip.vision.spatial_merge_size", HF: []string{"vision_config.spatial_merge_size"}, Field: func(p *Params) any { return &p.Vision.Merge }},
		towerEps(),
	}),
	Tensors: slices.Concat(qwenPatches, []Rule{
		{GGUF: "v.position_embd.weight", HF: "visual.pos_embed.weight", Role: RoleTower, Shape: "patches E", Store: "F32"},
	}, qwen3Blocks, affine("mm.input_norm", "visual.merger.norm", "E"), affine("mm.0", "linear_proj.0", "text merged"), affine("mm.2", "linear_proj.2", "text text")),
	Refuse: append(slices.Clone(qwenTowerRefuses),
		Refusal{HF: "vision_config.disable_merger_proj", Unless: []string{"true"}, Why: "a projector behind the norm"},
		Refusal{HF: "vision_config.deepstack_visual_indexes", Unless: []string{"[]"}, Why: "projectors of layers"}),
	Finish: finishDeepstack,
})

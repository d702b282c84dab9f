package arch

import (
	"slices"

	"quern/formats"
)

// InternTower is the tower of InternVL: a ViT whose layers scale what they add, patches joined in squares, and a projector of a norm and two
// matrices. It comes in the layout of its authors, with queries, keys and values in one, and in transformers'. The large one has RMS norms.
var InternTower = registerTower(Arch{
	Projector: "internvl",
	Variants: []Variant{
		{Type: "internvl_chat", HF: []string{"InternVLChatModel"}, Defaults: with(internDefaults, map[string]any{
			"vision_config.hidden_size": 3200, "vision_config.intermediate_size": 12800, "vision_config.num_hidden_layers": 48, "vision_config.num_attention_heads": 25,
			"vision_config.image_size": 224, "vision_config.qk_normalization": true, "ps_version": "v1",
		})},
		{Type: "internvl", HF: []string{"InternVLForConditionalGeneration"}, Defaults: internDefaults, Inner: tiedInside("qwen2")},
	},
	Own: []string{"vision_model.*", "mlp1.*", "vision_tower.*", "multi_modal_projector.*"},
	Keys: slices.Concat(visionKeys, []Key{projector("internvl"), towerEps("vision_config.layer_norm_eps")}, towerAct, []Key{squareScale(), // from downsample_ratio
		{GGUF: "clip.vision.preproc_min_tiles", HF: []string{"min_dynamic_patch"}, Field: func(p *Params) any { return &p.Vision.MinTiles }, Default: nothing,
			When: func(p *Params) bool { return p.Vision.MinTiles > 0 }},
		{GGUF: "clip.vision.preproc_max_tiles", HF: []string{"max_dynamic_patch"}, Field: func(p *Params) any { return &p.Vision.MaxTiles }, Default: nothing,
			When: func(p *Params) bool { return p.Vision.MaxTiles > 0 }},
	}),
	Tensors: slices.Concat(
		intern(internAt+"embeddings.", map[string]string{
			"v.class_embd": "class_embedding", "v.patch_embd": "patch_embedding", "v.position_embd.weight": "position_embedding"}),
		intern(clipAt+"embeddings.", map[string]string{
			"v.class_embd": "cls_token", "v.patch_embd": "patch_embeddings.projection", "v.position_embd.weight": "position_embeddings"}),
		internLayers, internLayersHF,
		affine("mm.model.mlp.0", "mlp1.0", "scaled"), affine("mm.model.mlp.1", "mlp1.1", "text scaled"), affine("mm.model.mlp.3", "mlp1.3", "text text"),
		affine("mm.model.mlp.0", "multi_modal_projector.layer_norm", "scaled"), affine("mm.model.mlp.1", "multi_modal_projector.linear_1", "text scaled"),
		affine("mm.model.mlp.3", "multi_modal_projector.linear_2", "text text")),
	Refuse: []Refusal{
		{HF: "ps_version", Unless: []string{"v2"}, Why: "patches are joined in another order"},
		{HF: "select_layer", Unless: []string{"-1"}, Why: "features are taken before the last layer"},
		{HF: "vision_feature_layer", Unless: []string{"-1"}, Why: "features are taken before the last layer"},
		{HF: "vision_feature_select_strategy", Unless: []string{"default"}, Why: "the language model is given the embedding of the whole image, too"},
		{HF: "projector_hidden_act", Unless: []string{"gelu"}, Why: "the projector's activation function is not gelu"},
		{HF: "vision_config.use_mean_pooling", Unless: []string{"true"}, Why: "a norm behind the last layer"},
		{HF: "vision_config.use_absolute_position_embeddings", Unless: []string{"true"}, Why: "places are not learned"},
		{HF: "vision_config.use_mask_token", Unless: []string{"false"}, Why: "an embedding of masked patches"},
		{HF: "vision_config.num_channels", Unless: []string{"3"}, Why: "images without three colours"},
	},
	Finish: finishIntern,
})

const (
	internAt    = "vision_model."
	internLayer = internAt + "encoder.layers.{}."
	internHF    = clipAt + "encoder.layer.{}."
)

var internDefaults = map[string]any{
	"vision_config.hidden_size": 1024, "vision_config.intermediate_size": 4096, "vision_config.num_hidden_layers": 24, "vision_config.num_attention_heads": 16,
	"vision_config.image_size": 448, "vision_config.patch_size": 14, "vision_config.hidden_act": "gelu", "vision_config.layer_norm_eps": 1e-6,
	"preprocessor.image_mean": []float32{0.485, 0.456, 0.406}, "preprocessor.image_std": []float32{0.229, 0.224, 0.225}, // ImageNet's
}

// intern are the rules of what comes before the first layer.
func intern(at string, names map[string]string) []Rule {
	return []Rule{
		{GGUF: "v.class_embd", HF: at + names["v.class_embd"], Role: RoleTower, Shape: "1 1 E"},
		{GGUF: "v.patch_embd.weight", HF: at + names["v.patch_embd"] + ".weight", Role: RoleTower, Shape: "E rgb patch patch", Store: StoreConv},
		{GGUF: "v.patch_embd.bias", HF: at + names["v.patch_embd"] + ".bias", Role: RoleTower, Shape: "E"},
		{GGUF: "v.position_embd.weight", HF: at + names["v.position_embd.weight"], Role: RoleTower, Shape: "1 places E", Store: "F32"},
	}
}

var internLayers = slices.Concat(internNorms(internLayer+"norm1", internLayer+"norm2"), thirds("v.blk.{}.attn_", internLayer+"attn.qkv", "vision_config.qkv_bias"), []Rule{
	{GGUF: "v.blk.{}.attn_q_norm.weight", HF: internLayer + "attn.q_norm.weight", Role: RoleTower, Shape: "E", Optional: true, Flag: "vision_config.qk_normalization"},
	{GGUF: "v.blk.{}.attn_k_norm.weight", HF: internLayer + "attn.k_norm.weight", Role: RoleTower, Shape: "E", Optional: true, Flag: "vision_config.qk_normalization"},
	{GGUF: "v.blk.{}.ls1.weight", HF: internLayer + "ls1", Role: RoleTower, Shape: "E"},
	{GGUF: "v.blk.{}.ls2.weight", HF: internLayer + "ls2", Role: RoleTower, Shape: "E"},
}, affine("v.blk.{}.attn_out", internLayer+"attn.proj", "E E"), affine("v.blk.{}.ffn_up", internLayer+"mlp.fc1", "F E"), affine("v.blk.{}.ffn_down", internLayer+"mlp.fc2", "E F"))

var internLayersHF = func() []Rule {
	rules := internNorms(internHF+"layernorm_before", internHF+"layernorm_after")
	for _, x := range []string{"q", "k", "v"} {
		rules = append(rules, withBiases("vision_config.attention_bias", affine("v.blk.{}.attn_"+x, internHF+"attention."+x+"_proj", "E E"))...)
	}
	return slices.Concat(rules, []Rule{
		{GGUF: "v.blk.{}.attn_q_norm.weight", HF: internHF + "attention.q_norm.weight", Role: RoleTower, Shape: "E", Optional: true, Flag: "vision_config.use_qk_norm"},
		{GGUF: "v.blk.{}.attn_k_norm.weight", HF: internHF + "attention.k_norm.weight", Role: RoleTower, Shape: "E", Optional: true, Flag: "vision_config.use_qk_norm"},
		{GGUF: "v.blk.{}.ls1.weight", HF: internHF + "lambda_1", Role: RoleTower, Shape: "E"},
		{GGUF: "v.blk.{}.ls2.weight", HF: internHF + "lambda_2", Role: RoleTower, Shape: "E"},
	}, affine("v.blk.{}.attn_out", internHF+"attention.projection_layer", "E E"), affine("v.blk.{}.ffn_up", internHF+"mlp.fc1", "F E"),
		affine("v.blk.{}.ffn_down", internHF+"mlp.fc2", "E F"))
}()

// internNorms have biases unless they are RMS norms.
func internNorms(first, second string) []Rule {
	rules := slices.Concat(affine("v.blk.{}.ln1", first, "E"), affine("v.blk.{}.ln2", second, "E"))
	for _, i := range []int{1, 3} {
		rules[i].When = func(p *Params, _ int) bool { return !internRMS(p) }
	}
	return rules
}

// internRMS says of a tower that its norms are RMS norms. Runtimes know by its size which one that is.
func internRMS(p *Params) bool { return p.Embd == 3200 && p.Layers == 45 }

func finishIntern(c *Config, p *Params) error {
	if norm, err := c.String("vision_config.norm_type"); err != nil {
		return err
	} else if rms := norm == "rms_norm"; norm != "" && rms != internRMS(p) {
		return c.fail("vision_config.norm_type", formats.Unsupported("is %.40q in a tower of %d layers of width %d, of which runtimes know otherwise", norm, p.Layers, p.Embd), "")
	}
	return c.squaresOf("downsample_ratio", 0.5, p)
}

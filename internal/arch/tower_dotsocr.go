package arch

import "slices"

// DotsTower is the tower of dots.ocr: RMS norms before attention, a gated network and the projector, and heads rotated by row and by column; patches normed one
// by one, joined in squares, and projected by two matrices.
var DotsTower = registerTower(Arch{
	Projector: "dots_ocr",
	Variants: []Variant{{
		Type: "dots_ocr", HF: []string{"DotsOCRForCausalLM"}, Language: "Qwen2ForCausalLM",
		Defaults: with(clipColours, map[string]any{
			"vision_config.hidden_size": 1536, "vision_config.embed_dim": 1536, "vision_config.intermediate_size": 4224, "vision_config.num_hidden_layers": 42,
			"vision_config.num_attention_heads": 12, "vision_config.patch_size": 14, "vision_config.rms_norm_eps": 1e-5, "vision_config.spatial_merge_size": 2,
			"vision_config.post_norm": true, "vision_config.use_bias": false,
		}),
	}},
	Own: []string{"vision_tower.*"},
	Keys: slices.Concat(replaceKey(visionKeys, ofAnySize(0)), []Key{projector("dots_ocr"), minPixels, maxPixels, towerEps("vision_config.rms_norm_eps"),
		squareScale("vision_config.spatial_merge_size"), alwaysSiLU}),
	Tensors: slices.Concat([]Rule{
		{GGUF: "v.patch_embd.weight", HF: clipAt + "patch_embed.patchifier.proj.weight", Role: RoleTower, Shape: "E rgb patch patch", Store: StoreConv},
		{GGUF: "v.patch_embd.bias", HF: clipAt + "patch_embed.patchifier.proj.bias", Role: RoleTower, Shape: "E"},
		{GGUF: "v.pre_ln.weight", HF: clipAt + "patch_embed.patchifier.norm.weight", Role: RoleTower, Shape: "E"},
		{GGUF: "v.blk.{}.ln1.weight", HF: dotsLayer + "norm1.weight", Role: RoleTower, Shape: "E"},
		{GGUF: "v.blk.{}.ln2.weight", HF: dotsLayer + "norm2.weight", Role: RoleTower, Shape: "E"},
		{GGUF: "mm.post_norm.weight", HF: clipAt + "post_trunk_norm.weight", Role: RoleTower, Shape: "E"},
	}, withBiases("vision_config.use_bias", affine("v.blk.{}.attn_qkv", dotsLayer+"attn.qkv", "3E E"), affine("v.blk.{}.attn_out", dotsLayer+"attn.proj", "E E"),
		affine("v.blk.{}.ffn_gate", dotsLayer+"mlp.fc1", "F E"), affine("v.blk.{}.ffn_up", dotsLayer+"mlp.fc3", "F E"), affine("v.blk.{}.ffn_down", dotsLayer+"mlp.fc2", "E F")),
		affine("mm.input_norm", clipAt+"merger.ln_q", "E"), affine("mm.0", clipAt+"merger.mlp.0", "scaled scaled"), affine("mm.2", clipAt+"merger.mlp.2", "text scaled")),
	Refuse: []Refusal{
		{HF: "vision_config.post_norm", Unless: []string{"true"}, Why: "no norm behind the last layer"},
		{HF: "vision_config.temporal_patch_size", Unless: []string{"1"}, Why: "patches that are more than one image deep"},
		{HF: "vision_config.is_causal", Unless: []string{"false"}, Why: "patches that see only those before"},
		{HF: "vision_config.num_channels", Unless: []string{"3"}, Why: "images without three colours"},
	},
})

const dotsLayer = clipAt + "blocks.{}."

var (
	alwaysSiLU = Key{GGUF: "clip.use_silu", Field: func(p *Params) any { return &p.Vision.SiLU }, Default: func(p *Params) { p.Vision.SiLU = true }}
	minPixels  = Key{GGUF: "clip.vision.image_min_pixels", HF: []string{"preprocessor.min_pixels", "preprocessor.size.shortest_edge"}, Field: func(p *Params) any { return &p.Vision.MinPixels }}
	maxPixels  = Key{GGUF: "clip.vision.image_max_pixels", HF: []string{"preprocessor.max_pixels", "preprocessor.size.longest_edge"}, Field: func(p *Params) any { return &p.Vision.MaxPixels }}
)

package arch

import (
	"slices"

	"quern/formats"
)

// The towers of Kimi-VL and Kimi K2.5, which GLM-5.2 Vision has, too, are MoonViT (arXiv:2504.07491): learned places, stretched to the image, and heads rotated by column and by row;
// patches joined in squares, normed one by one, and projected by two matrices. Pairs of a head belong to column and row by turns, runtimes have the
// columns' first.
var (
	KimiTower = registerTower(Arch{
		Projector: "kimivl",
		Variants: []Variant{{
			Type: "kimi_vl", HF: []string{"KimiVLForConditionalGeneration"}, Language: "DeepseekV3ForCausalLM",
			Defaults: with(kimiDefaults, map[string]any{"vision_config.hidden_size": 1152, "vision_config.intermediate_size": 4304, "vision_config.num_hidden_layers": 27,
				"vision_config.num_attention_heads": 16, "vision_config.layer_norm_eps": 1e-5}),
		}},
		Own: []string{"vision_tower.*", "multi_modal_projector.*"},
		Keys: slices.Concat(replaceKey(visionKeys, kimiImage), []Key{kimiSide, projector("kimivl"), alwaysGELU, squareScale("vision_config.merge_kernel_size"),
			towerEps("vision_config.layer_norm_eps")}),
		Tensors: slices.Concat(kimiEnds, []Rule{
			{GGUF: "v.position_embd.weight", HF: clipAt + "patch_embed.pos_emb.weight", Role: RoleTower, Shape: "patches E", From: "side side E", Do: flatSquare, Store: "F32"},
		}, turnedThirds("v.blk.{}.attn_", kimiLayer+"wqkv"),
			affine("mm.input_norm", "multi_modal_projector.pre_norm", "E"), affine("mm.1", "multi_modal_projector.linear_1", "scaled scaled"),
			affine("mm.2", "multi_modal_projector.linear_2", "text scaled")),
		Refuse: kimiRefuses,
		Finish: finishKimi,
	})

	KimiK25Tower = registerTower(Arch{
		Projector: "kimik25",
		Variants: []Variant{
			{Type: "kimi_k25", HF: []string{"KimiK25ForConditionalGeneration"}, Defaults: kimiK25Defaults},
			{Type: "glm5v", HF: []string{"Glm5vForConditionalGeneration"}, Defaults: kimiK25Defaults},
		},
		Own: []string{"vision_tower.*", "mm_projector.*", "multi_modal_projector.*"},
		Keys: slices.Concat(replaceKeys(visionKeys, kimiImage,
			Key{GGUF: "clip.vision.embedding_length", HF: []string{"vision_config.vt_hidden_size", "vision_config.hidden_size"}, Field: func(p *Params) any { return &p.Embd }},
			Key{GGUF: "clip.vision.feed_forward_length", HF: []string{"vision_config.vt_intermediate_size", "vision_config.intermediate_size"}, Field: func(p *Params) any { return &p.FF }},
			Key{GGUF: "clip.vision.block_count", HF: []string{"vision_config.vt_num_hidden_layers", "vision_config.num_hidden_layers"}, Field: func(p *Params) any { return &p.Layers }},
			Key{GGUF: "clip.vision.attention.head_count", HF: []string{"vision_config.vt_num_attention_heads", "vision_config.num_attention_heads"}, Field: func(p *Params) any { return &p.Heads }},
		), []Key{projector("kimik25"),
			{GGUF: "vision.pos_emb_height", HF: []string{"vision_config.init_pos_emb_height", "vision_config.pos_emb_height"}, Field: func(p *Params) any { return &p.Vision.Side }},
			{GGUF: "vision.pos_emb_width", HF: []string{"vision_config.init_pos_emb_width", "vision_config.pos_emb_width"}, Field: func(p *Params) any { return &p.Vision.Width }},
			{GGUF: "vision.pos_emb_time", HF: []string{"vision_config.init_pos_emb_time", "vision_config.pos_emb_time"}, Field: func(p *Params) any { return &p.Vision.Instants }},
			alwaysGELU, towerEps("vision_config.projector_ln_eps"), squareScale("vision_config.merge_kernel_size"),
			{HF: []string{"preprocessor.in_patch_limit"}, Field: func(p *Params) any { return &p.Vision.Places }, When: never, Default: nothing},
			{GGUF: "clip.vision.image_min_pixels", Field: func(p *Params) any { return &p.Vision.MinPixels }, Default: nothing},
			{GGUF: "clip.vision.image_max_pixels", Field: func(p *Params) any { return &p.Vision.MaxPixels }, Default: nothing},
		}),
		Tensors: slices.Concat(kimiEnds, []Rule{
			{GGUF: "v.position_embd.weight", HF: clipAt + "patch_embed.pos_emb.weight", Role: RoleTower, Shape: "side side E", Store: "F32"},
			{GGUF: "v.blk.{}.attn_qkv.weight", HF: kimiLayer + "wqkv.weight", Role: RoleTower, Shape: "3E E", Do: columnsFirst},
			{GGUF: "v.blk.{}.attn_qkv.bias", HF: kimiLayer + "wqkv.bias", Role: RoleTower, Shape: "3E", Do: columnsFirst},
		}, affine("mm.input_norm", "mm_projector.pre_norm", "E"), affine("mm.1", "mm_projector.proj.0", "scaled scaled"), affine("mm.2", "mm_projector.proj.2", "text scaled"),
			affine("mm.1", "mm_projector.linear_1", "scaled scaled"), affine("mm.2", "mm_projector.linear_2", "text scaled")),
		Refuse: kimiRefuses,
		Finish: finishKimi,
	})
)

const kimiLayer = clipAt + "encoder.blocks.{}."

var kimiDefaults = with(halfColours, map[string]any{
	"vision_config.patch_size": 14, "vision_config.init_pos_emb_height": 64, "vision_config.init_pos_emb_width": 64, "vision_config.merge_kernel_size": 2,
	"hidden_size": 7168,
})

var kimiK25Defaults = with(kimiDefaults, map[string]any{"vision_config.vt_hidden_size": 1152, "vision_config.vt_intermediate_size": 4304,
	"vision_config.vt_num_hidden_layers": 27, "vision_config.vt_num_attention_heads": 16, "vision_config.init_pos_emb_time": 4,
	"vision_config.projector_ln_eps": 1e-5, "preprocessor.in_patch_limit": 16384})

var kimiRefuses = []Refusal{
	{HF: "vision_config.projector_hidden_act", Unless: []string{"gelu"}, Why: "the projector's activation function is not gelu"},
	{HF: "vision_config.mm_projector_type", Unless: []string{"patchmerger"}, Why: "another projector"},
	{HF: "vision_config.pos_emb_type", Unless: []string{"divided_fixed"}, Why: "places of another kind"},
}

var (
	kimiImage  = Key{GGUF: "clip.vision.image_size", Field: func(p *Params) any { return &p.Vision.Image }, Default: nothing} // of as many patches as there are places
	kimiSide   = Key{HF: []string{"vision_config.init_pos_emb_height", "vision_config.pos_emb_height"}, Field: func(p *Params) any { return &p.Vision.Side }, Default: nothing, When: never}
	alwaysGELU = Key{GGUF: "clip.use_gelu", Field: func(p *Params) any { return &p.Vision.GELU }, Default: func(p *Params) { p.Vision.GELU = true }}
)

// kimiEnds are the rules of both towers but for places, and queries, keys and values.
var kimiEnds = slices.Concat(
	[]Rule{
		{GGUF: "v.patch_embd.weight", HF: clipAt + "patch_embed.proj.weight", Role: RoleTower, Shape: "E rgb patch patch", Store: StoreConv},
		{GGUF: "v.patch_embd.bias", HF: clipAt + "patch_embed.proj.bias", Role: RoleTower, Shape: "E"},
	}, affine("v.post_ln", clipAt+"encoder.final_layernorm", "E"), affine("v.blk.{}.ln1", kimiLayer+"norm0", "E"), affine("v.blk.{}.ln2", kimiLayer+"norm1", "E"),
	affine("v.blk.{}.attn_out", kimiLayer+"wo", "E E"), affine("v.blk.{}.ffn_up", kimiLayer+"mlp.fc0", "F E"), affine("v.blk.{}.ffn_down", kimiLayer+"mlp.fc1", "E F"))

func finishKimi(c *Config, p *Params) error {
	v := &p.Vision
	width, err := c.Float("vision_config.init_pos_emb_width", 64)
	switch {
	case err != nil:
		return err
	case float64(v.Side) != width || v.Side > 1<<10 || v.Patch > 1<<10:
		return c.fail("vision_config.init_pos_emb_width", formats.Unsupported("places of %d×%v patches, which is no square that runtimes stretch", v.Side, width), "")
	case p.Heads > 0 && (p.Embd/p.Heads)%4 != 0:
		return c.fail("vision_config", formats.Unsupported("a head of %d cannot be rotated in two halves", p.Embd/p.Heads), "")
	case v.Places > 1<<20:
		return c.fail("in_patch_limit", formats.Corrupt("images of %d patches", v.Places), "")
	}
	v.Image = v.Side * v.Patch
	v.MinPixels, v.MaxPixels, v.Places = 8*v.Patch*v.Patch, v.Places*v.Patch*v.Patch, 0 // eight as the reference
	return nil
}

// replaceKeys is replaceKey for several.
func replaceKeys(keys []Key, with ...Key) []Key {
	for _, k := range with {
		keys = replaceKey(keys, k)
	}
	return keys
}

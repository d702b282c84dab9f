package arch

import (
	"slices"

	"quern/formats"
)

// DeepSeek4Tower is the tower of DeepSeek-V4-Flash-Vision: a ViT with RMS norms and gated networks whose heads are rotated by row and by column; patches joined in squares of nine, and projected by two
// matrices. What begins, ends and fills an image, and ends its rows, are embeddings of its own.
var DeepSeek4Tower = registerTower(Arch{
	Projector: "deepseek4v",
	Variants: []Variant{{
		Type: "deepseek_v4", HF: []string{"DeepseekV4ForCausalLM"}, Language: "DeepseekV4ForCausalLM", If: v4Sees, Defaults: halfColours,
	}},
	Own: []string{"vision.*", "aligner.*", "image_start", "image_end", "image_newline", "image_pad"},
	Keys: slices.Concat(replaceKeys(visionKeys,
		Key{GGUF: "clip.vision.image_size", Field: func(p *Params) any { return &p.Vision.Image }, Default: nothing}, // images have any; runtimes want a number
		Key{GGUF: "clip.vision.patch_size", HF: []string{"vision_patch_size"}, Field: func(p *Params) any { return &p.Vision.Patch }},
		Key{GGUF: "clip.vision.embedding_length", HF: []string{"vision_dim"}, Field: func(p *Params) any { return &p.Embd }},
		Key{GGUF: "clip.vision.feed_forward_length", HF: []string{"vision_inter_dim"}, Field: func(p *Params) any { return &p.FF }},
		Key{GGUF: "clip.vision.block_count", HF: []string{"vision_n_layers"}, Field: func(p *Params) any { return &p.Layers }},
		Key{GGUF: "clip.vision.attention.head_count", HF: []string{"vision_n_heads"}, Field: func(p *Params) any { return &p.Heads }},
	), []Key{projector("deepseek4v"), towerEps(), alwaysSiLU,
		{GGUF: squareScale().GGUF, HF: []string{"vision_downsample_ratio"}, Field: squareScale().Field},
		{GGUF: minPixels.GGUF, HF: []string{"vision_min_pixels"}, Field: minPixels.Field},
	}),
	Tensors: slices.Concat([]Rule{
		{GGUF: "v.patch_embd.weight", HF: "vision.patch_embed.proj.weight", Role: RoleTower, Shape: "E rgb patch patch", From: "E pixels", Do: patchByColour, Store: StoreConv},
		{GGUF: "v.patch_embd.bias", HF: "vision.patch_embed.proj.bias", Role: RoleTower, Shape: "E"},
		{GGUF: "v.post_ln.weight", HF: "vision.norm.weight", Role: RoleTower, Shape: "E"},
		{GGUF: "v.blk.{}.ln1.weight", HF: v4Sight + "norm1.weight", Role: RoleTower, Shape: "E"},
		{GGUF: "v.blk.{}.ln2.weight", HF: v4Sight + "norm2.weight", Role: RoleTower, Shape: "E"},
		{GGUF: "v.blk.{}.ffn_gate.weight", HF: v4Sight + "mlp.w1.weight", Role: RoleTower, Shape: "F E", From: "G E", Do: FirstHalf},
		{GGUF: "v.blk.{}.ffn_up.weight", HF: v4Sight + "mlp.w1.weight", Role: RoleTower, Shape: "F E", From: "G E", Do: SecondHalf},
		{GGUF: "v.blk.{}.ffn_down.weight", HF: v4Sight + "mlp.w2.weight", Role: RoleTower, Shape: "E F"},
		{GGUF: "v.token_embd.img_start", HF: "image_start", Role: RoleTower, Shape: "text"},
		{GGUF: "v.token_embd.img_end", HF: "image_end", Role: RoleTower, Shape: "text"},
		{GGUF: "v.token_embd.img_pad", HF: "image_pad", Role: RoleTower, Shape: "text"},
		{GGUF: "v.image_newline", HF: "image_newline", Role: RoleTower, Shape: "text"},
	}, affine("v.blk.{}.attn_qkv", v4Sight+"attn.wqkv", "3E E"), affine("v.blk.{}.attn_out", v4Sight+"attn.wo", "E E"),
		affine("mm.1", "aligner.w1", "text scaled"), affine("mm.2", "aligner.w2", "text text")),
	Refuse: []Refusal{
		{HF: "vision_rope_theta", Unless: []string{"10000"}, Why: "rotations of another base"},
		{HF: "vision_max_n_token", Unless: []string{"384"}, Why: "images of other than 384 embeddings at most"},
		{HF: "vision_max_wh_ratio", Unless: []string{"8"}, Why: "images that may be other than eight times as wide as high"},
	},
	Finish: func(c *Config, p *Params) error {
		v := &p.Vision
		if p.Heads > 0 && (p.Embd/p.Heads)%4 != 0 {
			return c.fail("vision_n_heads", formats.Unsupported("a head of %d cannot be rotated in two halves", p.Embd/p.Heads), "")
		}
		if v.Patch < 1<<10 && v.Scale < 1<<6 {
			v.Image = v.Patch * v.Scale * 16 // as the reference has it
		}
		return nil
	},
})

const v4Sight = "vision.blocks.{}."

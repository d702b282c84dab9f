package arch

import (
	"slices"

	"quern/formats"
)

// The towers of Qwen2-VL and Qwen2.5-VL see images of any size: patches are two images deep, their places are rotations, and squares
// of four are joined before the projector. Qwen2.5-VL has RMS norms, a gate, and windows in most layers.
var (
	Qwen2Tower = registerTower(Arch{
		Projector: "qwen2vl_merger",
		Variants: []Variant{{
			Type: "qwen2_vl", HF: []string{"Qwen2VLForConditionalGeneration", "Qwen2VLModel"},
			Defaults: with(qwenTower, map[string]any{"vision_config.embed_dim": 1280, "vision_config.hidden_size": 3584,
				"vision_config.mlp_ratio": 4.0, "vision_config.hidden_act": "quick_gelu"}),
		}},
		Own: []string{"visual.*"},
		Keys: replaceKey(slices.Concat(visionKeys, []Key{projector("qwen2vl_merger"), towerEps(), qwenMerge,
			{HF: []string{"vision_config.mlp_ratio"}, Field: func(p *Params) any { return &p.Vision.MLPRatio }, When: never},
		}, towerAct), Key{
			// The reference writes the language model's width; runtimes look at the matrices.
			GGUF: "clip.vision.feed_forward_length", HF: []string{"vision_config.hidden_size"}, Field: func(p *Params) any { return &p.Vision.SaysFF },
		}),
		Tensors: slices.Concat(qwenPatches, affine("v.blk.{}.ln1", "visual.blocks.{}.norm1", "E"), affine("v.blk.{}.ln2", "visual.blocks.{}.norm2", "E"), qwenAttention,
			affine("v.blk.{}.ffn_up", "visual.blocks.{}.mlp.fc1", "F E"), affine("v.blk.{}.ffn_down", "visual.blocks.{}.mlp.fc2", "E F"),
			affine("v.post_ln", "visual.merger.ln_q", "E"), qwenProjector),
		Refuse: qwenTowerRefuses,
		Finish: func(_ *Config, p *Params) error {
			p.FF = int(float32(p.Embd) * p.Vision.MLPRatio)
			return nil
		},
	})

	Qwen25Tower = registerTower(Arch{
		Projector: "qwen2.5vl_merger",
		Variants: []Variant{{
			Type: "qwen2_5_vl", HF: []string{"Qwen2_5_VLForConditionalGeneration"},
			Defaults: qwen25Tower,
		}},
		Own:     []string{"visual.*"},
		Keys:    slices.Concat(visionKeys, []Key{projector("qwen2.5vl_merger")}, qwen25Keys),
		Tensors: slices.Concat(qwenPatches, qwen25Blocks, qwenAttention, qwenProjector),
		Refuse:  qwen25Refuses,
		Finish:  finishWindows,
	})
)

// What Qwen2.5-VL's tower has beside Qwen2-VL's: keys of windows, and layers whose feed-forward networks have gates.
var (
	qwen25Keys = slices.Concat(towerAct, []Key{
		{HF: []string{"vision_config.fullatt_block_indexes"}, Field: func(p *Params) any { return &p.Vision.Full }, Default: nothing, When: never},
		{GGUF: "clip.vision.n_wa_pattern", Field: func(p *Params) any { return &p.Vision.Every }, Default: nothing},
		towerEps(), qwenMerge,
	})

	qwen25Blocks = slices.Concat([]Rule{
		{GGUF: "v.blk.{}.ln1.weight", HF: "visual.blocks.{}.norm1.weight", Role: RoleTower, Shape: "E"},
		{GGUF: "v.blk.{}.ln2.weight", HF: "visual.blocks.{}.norm2.weight", Role: RoleTower, Shape: "E"},
		{GGUF: "v.post_ln.weight", HF: "visual.merger.ln_q.weight", Role: RoleTower, Shape: "E"},
	}, affine("v.blk.{}.ffn_gate", "visual.blocks.{}.mlp.gate_proj", "F E"),
		affine("v.blk.{}.ffn_up", "visual.blocks.{}.mlp.up_proj", "F E"), affine("v.blk.{}.ffn_down", "visual.blocks.{}.mlp.down_proj", "E F"))

	qwen25Refuses = append(slices.Clone(qwenTowerRefuses), Refusal{HF: "vision_config.window_size", Unless: []string{"112"}, Why: "windows that are not 112 pixels wide"})
)

// qwenTower are what transformers assumes for both. No file tells the size of an image: there is none, and the reference's number is kept.
var qwenTower = with(clipColours, map[string]any{
	"vision_config.depth": 32, "vision_config.num_heads": 16, "vision_config.patch_size": 14, "vision_config.image_size": 560,
	"vision_config.spatial_merge_size": 2, "hidden_size": 8192,
})

var qwen25Tower = with(qwenTower, map[string]any{"vision_config.hidden_size": 3584, "vision_config.intermediate_size": 3420,
	"vision_config.fullatt_block_indexes": []any{7, 15, 23, 31}, "vision_config.hidden_act": "silu", "vision_config.window_size": 112})

var qwenMerge = Key{GGUF: "clip.vision.spatial_merge_size", HF: []string{"vision_config.spatial_merge_size"}, Field: func(p *Params) any { return &p.Vision.Merge },
	Default: func(p *Params) { p.Vision.Merge = 2 }, When: never} // runtimes assume 2; another is refused

var qwenTowerRefuses = []Refusal{
	{HF: "vision_config.spatial_merge_size", Unless: []string{"2"}, Why: "squares of other than four patches are joined"},
	{HF: "vision_config.temporal_patch_size", Unless: []string{"2"}, Why: "patches that are not two images deep"},
	{HF: "vision_config.in_channels", Unless: []string{"3"}, Why: "images without three colours"},
	{HF: "vision_config.in_chans", Unless: []string{"3"}, Why: "images without three colours"},
}

var qwenPatches = []Rule{
	{GGUF: "v.patch_embd.weight", HF: "visual.patch_embed.proj.weight", Role: RoleTower, Shape: "E rgb patch patch", From: "E rgb two patch patch",
		Do: FirstInstant, Store: StoreConv},
	{GGUF: "v.patch_embd.weight.1", HF: "visual.patch_embed.proj.weight", Role: RoleTower, Shape: "E rgb patch patch", From: "E rgb two patch patch",
		Do: SecondInstant, Store: StoreConv},
}

var qwenAttention = append(thirds("v.blk.{}.attn_", "visual.blocks.{}.attn.qkv", ""), affine("v.blk.{}.attn_out", "visual.blocks.{}.attn.proj", "E E")...)

// thirds are the rules of queries, keys and values that a checkpoint holds in one. A flag says whether there are biases.
func thirds(gguf, hf, flag string) (rules []Rule) {
	for i, name := range []string{"q", "k", "v"} {
		op := []Op{FirstThird, SecondThird, ThirdThird}[i]
		rules = append(rules,
			Rule{GGUF: gguf + name + ".weight", HF: hf + ".weight", Role: RoleTower, Shape: "E E", From: "3E E", Do: op},
			Rule{GGUF: gguf + name + ".bias", HF: hf + ".bias", Role: RoleTower, Shape: "E", From: "3E", Do: op, Optional: flag != "", Flag: flag})
	}
	return rules
}

var qwenProjector = append(affine("mm.0", "visual.merger.mlp.0", "merged merged"), affine("mm.2", "visual.merger.mlp.2", "text merged")...)

// finishWindows finds how often a layer sees the whole image: runtimes know regular patterns only.
func finishWindows(c *Config, p *Params) error {
	v := &p.Vision
	for i, l := range v.Full {
		if v.Every = int(v.Full[0]) + 1; v.Every < 1 || int(l) != (i+1)*v.Every-1 {
			return c.fail("vision_config.fullatt_block_indexes", formats.Unsupported("layers %v see the whole image, which is not one in so many", v.Full), "")
		}
	}
	if last := (p.Layers / max(1, v.Every)) * v.Every; len(v.Full) == 0 || last != int(v.Full[len(v.Full)-1])+1 {
		return c.fail("vision_config.fullatt_block_indexes", formats.Unsupported("layers %v of %d see the whole image, which is not one in so many", v.Full, p.Layers), "")
	}
	return nil
}

// replaceKey is keys with another in the place of the one of its name.
func replaceKey(keys []Key, k Key) []Key {
	keys = slices.Clone(keys)
	keys[slices.IndexFunc(keys, func(o Key) bool { return o.GGUF == k.GGUF })] = k
	return keys
}

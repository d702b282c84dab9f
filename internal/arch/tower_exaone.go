package arch

import "slices"

// ExaoneTower is the tower of EXAONE 4.5: Qwen2.5-VL's, in which heads of queries share heads of keys and values.
var ExaoneTower = registerTower(Arch{
	Projector: "exaone4_5",
	Variants: []Variant{{
		Type: "exaone4_5", HF: []string{"Exaone4_5_ForConditionalGeneration"}, Language: "Exaone4ForCausalLM",
		Defaults: with(qwenTower, map[string]any{
			"vision_config.hidden_size": 3584, "vision_config.intermediate_size": 3420, "vision_config.num_key_value_heads": 8,
			"vision_config.fullatt_block_indexes": []any{7, 15, 23, 31}, "vision_config.hidden_act": "silu", "vision_config.window_size": 112,
		}),
	}},
	Own: []string{"visual.*"},
	Keys: slices.Concat(visionKeys, []Key{projector("exaone4_5")}, towerAct, []Key{minPixels, maxPixels,
		{GGUF: "clip.vision.attention.head_count_kv", HF: []string{"vision_config.num_key_value_heads"}, Field: func(p *Params) any { return &p.KVHeads }},
		towerEps(),
		{GGUF: "clip.vision.window_size", HF: []string{"vision_config.window_size"}, Field: func(p *Params) any { return &p.Vision.Window }},
		{HF: []string{"vision_config.fullatt_block_indexes"}, Field: func(p *Params) any { return &p.Vision.Full }, Default: nothing, When: never},
		{GGUF: "clip.vision.n_wa_pattern", Field: func(p *Params) any { return &p.Vision.Every }, Default: nothing},
		qwenMerge,
	}),
	Tensors: slices.Concat(qwenPatches, []Rule{
		{GGUF: "v.blk.{}.ln1.weight", HF: "visual.blocks.{}.norm1.weight", Role: RoleTower, Shape: "E"},
		{GGUF: "v.blk.{}.ln2.weight", HF: "visual.blocks.{}.norm2.weight", Role: RoleTower, Shape: "E"},
		{GGUF: "v.post_ln.weight", HF: "visual.merger.ln_q.weight", Role: RoleTower, Shape: "E"},
	}, affine("v.blk.{}.attn_qkv", "visual.blocks.{}.attn.qkv", "shared E"), affine("v.blk.{}.attn_out", "visual.blocks.{}.attn.proj", "E E"),
		affine("v.blk.{}.ffn_gate", "visual.blocks.{}.mlp.gate_proj", "F E"), affine("v.blk.{}.ffn_up", "visual.blocks.{}.mlp.up_proj", "F E"),
		affine("v.blk.{}.ffn_down", "visual.blocks.{}.mlp.down_proj", "E F"), qwenProjector),
	Refuse: append(slices.Clone(qwenTowerRefuses), Refusal{HF: "vision_config.window_size", Unless: []string{"112"}, Why: "windows that are not 112 pixels wide"}),
	Finish: finishWindows,
})

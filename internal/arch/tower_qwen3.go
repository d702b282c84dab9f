package arch

import (
	"math"
	"slices"

	"quern/formats"
)

// Qwen3Tower is the tower of Qwen3-VL, of Qwen 3.5 and of Qwen 4: like Qwen2-VL's, with places that are learned too, and after some layers a projector of its own, whose
// outputs are added to the language model's first layers. Qwen3-Omni (arXiv:2509.17765) gives the projectors other names, and hears as Qwen3-ASR does; what speaks in it has no place in the file.
var Qwen3Tower = registerTower(Arch{
	Projector: "qwen3vl_merger",
	Variants: []Variant{
		{Type: "qwen3_vl", HF: []string{"Qwen3VLForConditionalGeneration"}, Defaults: qwen3Tower},
		{Type: "qwen3_vl_moe", HF: []string{"Qwen3VLMoeForConditionalGeneration"}, Defaults: qwen3Tower},
		{Type: "qwen3_5", HF: []string{"Qwen3_5ForConditionalGeneration"}, Defaults: qwen35Tower},
		{Type: "qwen3_5_moe", HF: []string{"Qwen3_5MoeForConditionalGeneration"}, Defaults: qwen35Tower},
		{Type: "qwen3_omni_moe", HF: []string{"Qwen3OmniMoeForConditionalGeneration", "Qwen3OmniMoeThinkerForConditionalGeneration"}, Language: "Qwen3VLMoeForConditionalGeneration",
			Defaults: with(with(qwen3Tower, qwen3Hears), map[string]any{"hidden_size": 2048})},
		{Type: "qwen4_exp", HF: []string{"Qwen4ExpForConditionalGeneration"}, Defaults: qwen35Tower},
	},
	Own:  append([]string{"visual.*", "audio_tower.*"}, speaks...),
	Drop: speaks,
	Keys: slices.Concat(replaceKey(visionKeys, Key{
		GGUF: "clip.vision.image_size", HF: []string{"vision_config.image_size"}, Field: func(p *Params) any { return &p.Vision.Image }, Default: nothing,
	}), hearingKeys("audio_config."), hearingEnds("", "audio_config.num_mel_bins"), []Key{
		qwen3Planes,
		{HF: []string{"vision_config.num_position_embeddings"}, Field: func(p *Params) any { return &p.Vision.Places }, Default: nothing, When: never},
		{HF: []string{"vision_config.deepstack_visual_indexes"}, Field: func(p *Params) any { return &p.Vision.Full }, Default: nothing, When: never},
		oneProjector("qwen3vl_merger"),
	}, towerAct, []Key{
		{GGUF: "clip.vision.spatial_merge_size", HF: []string{"vision_config.spatial_merge_size"}, Field: func(p *Params) any { return &p.Vision.Merge }},
		towerEps(),
		{GGUF: "clip.vision.is_deepstack_layers", Field: func(p *Params) any { return &p.Vision.Deep }, Default: nothing},
	}, twoProjectors("qwen3vl_merger", "qwen3a")),
	Tensors: slices.Concat(qwenPatches, []Rule{
		{GGUF: "v.patch_embd.bias", HF: "visual.patch_embed.proj.bias", Role: RoleTower, Shape: "E"},
		{GGUF: "v.position_embd.weight", HF: "visual.pos_embed.weight", Role: RoleTower, Shape: "patches E", Store: "F32"},
	}, qwen3Blocks, affine("v.post_ln", "visual.merger.norm", "E"), affine("mm.0", "visual.merger.linear_fc1", "merged merged"), affine("mm.2", "visual.merger.linear_fc2", "text merged"),
		deep(affine("v.deepstack.{}.norm", "visual.deepstack_merger_list.{n}.norm", "merged"),
			affine("v.deepstack.{}.fc1", "visual.deepstack_merger_list.{n}.linear_fc1", "merged merged"),
			affine("v.deepstack.{}.fc2", "visual.deepstack_merger_list.{n}.linear_fc2", "text merged")),
		affine("v.post_ln", "visual.merger.ln_q", "E"), qwenProjector, deep(affine("v.deepstack.{}.norm", "visual.merger_list.{n}.ln_q", "merged"),
			affine("v.deepstack.{}.fc1", "visual.merger_list.{n}.mlp.0", "merged merged"), affine("v.deepstack.{}.fc2", "visual.merger_list.{n}.mlp.2", "text merged")),
		hearing(qwen3Heard, affine("mm.a.mlp.1", "audio_tower.proj1", "heard heard"), []Rule{
			{GGUF: "mm.a.mlp.2.weight", HF: "audio_tower.proj2.weight", Role: RoleTower, Shape: "heard-stacked heard", From: "heard-text heard", Do: besideImages},
			{GGUF: "mm.a.mlp.2.bias", HF: "audio_tower.proj2.bias", Role: RoleTower, Shape: "heard-stacked", From: "heard-text", Do: besideImages},
		})),
	Refuse: append(slices.Clone(qwenTowerRefuses), qwen3HearsRefuses...),
	Finish: func(c *Config, p *Params) error {
		if v, _ := c.Value("audio_config"); v == nil {
			p.Hear = Hearing{}
		} else {
			p.Hear.Has = true
		}
		return finishDeepstack(c, p)
	},
	Look: lookQwen3Hears,
})

// besideImages adds rows of zeros, so that embeddings of sounds are as wide as those of images, behind which lies what is added in the language model's first layers: runtimes ask for one
// width of both, and sounds add nothing there.
var besideImages = Op{Name: "beside images",
	Forward: func(t *formats.Tensor, p *Params) *formats.Tensor {
		return zerosBehind(t, p.hearingDim("heard-stacked"))
	},
	Inverse: func(t *formats.Tensor, p *Params) *formats.Tensor {
		if len(t.Shape) == 1 {
			return cut(t, 0, p.Hear.Text)
		}
		return t.Part(0, p.Hear.Text)
	},
}

// qwen3Blocks are its layers.
var qwen3Blocks = slices.Concat(affine("v.blk.{}.ln1", "visual.blocks.{}.norm1", "E"), affine("v.blk.{}.ln2", "visual.blocks.{}.norm2", "E"),
	affine("v.blk.{}.attn_qkv", "visual.blocks.{}.attn.qkv", "3E E"), affine("v.blk.{}.attn_out", "visual.blocks.{}.attn.proj", "E E"),
	affine("v.blk.{}.ffn_up", "visual.blocks.{}.mlp.linear_fc1", "F E"), affine("v.blk.{}.ffn_down", "visual.blocks.{}.mlp.linear_fc2", "E F"))

var qwen3Tower = map[string]any{
	"vision_config.depth": 27, "vision_config.hidden_size": 1152, "vision_config.intermediate_size": 4304, "vision_config.num_heads": 16,
	"vision_config.patch_size": 16, "vision_config.spatial_merge_size": 2, "vision_config.num_position_embeddings": 2304,
	"vision_config.deepstack_visual_indexes": []any{8, 16, 24}, "vision_config.hidden_act": "gelu_pytorch_tanh",
	"preprocessor.image_mean": []float32{0.5, 0.5, 0.5}, "preprocessor.image_std": []float32{0.5, 0.5, 0.5},
}

// qwen35Tower is Qwen 3.5's and Qwen 4's, no layer of which has a projector of its own.
var qwen35Tower = with(qwen3Tower, map[string]any{"vision_config.deepstack_visual_indexes": []any{}})

// deep are rules of the layers after which there is a projector.
func deep(lists ...[]Rule) []Rule {
	rules := slices.Concat(lists...)
	for i := range rules {
		rules[i].When = func(p *Params, layer int) bool {
			return layer >= 0 && layer < len(p.Vision.Deep) && p.Vision.Deep[layer]
		}
	}
	return rules
}

// finishDeepstack finds the layers after which there is a projector, and the size of the square whose places are learned: images have any.
func finishDeepstack(c *Config, p *Params) error {
	v := &p.Vision
	side := int(math.Sqrt(float64(v.Places)))
	if v.Image == 0 && side*side == v.Places && side < 1<<10 && v.Patch < 1<<10 {
		v.Image = side * v.Patch
	}
	if v.patches() != v.Places {
		return c.fail("vision_config.num_position_embeddings", formats.Unsupported("%d places are not those of a square of patches", v.Places), "")
	}
	if p.Layers > 512 {
		return nil // refused for that
	}
	v.Deep = make([]bool, p.Layers)
	for i, l := range v.Full {
		if l < 0 || int(l) >= p.Layers || i > 0 && l <= v.Full[i-1] {
			return c.fail("vision_config.deepstack_visual_indexes", formats.Unsupported("%v of %d layers, in no ascending order", v.Full, p.Layers), "")
		}
		v.Deep[l] = true
	}
	return nil
}

package arch

import (
	"slices"

	"quern/formats"
)

// Gemma4UnifiedTower is what Gemma 4 Unified sees and hears with, which has no layers: patches of as many pixels as a square of Gemma 4's, normed, projected, normed, given places by
// column and by row, and normed again; sounds in frames of 640 numbers. Both are then normed without weights and projected by one matrix each.
var Gemma4UnifiedTower = registerTower(Arch{
	Projector: "gemma4uv",
	Variants: []Variant{{
		Type: "gemma4_unified", HF: []string{"Gemma4UnifiedForConditionalGeneration"}, Language: "Gemma4ForCausalLM",
		Defaults: map[string]any{
			"vision_config.mm_embed_dim": 3840, "vision_config.mm_posemb_size": 1120, "vision_config.patch_size": 16, "vision_config.pooling_kernel_size": 3,
			"vision_config.rms_norm_eps": 1e-6, "audio_config.audio_embed_dim": 640, "audio_config.input_feat_size": 128, "hidden_size": 2304,
			"preprocessor.image_mean": []float32{0, 0, 0}, "preprocessor.image_std": []float32{1, 1, 1},
		},
	}},
	Own: []string{"model.vision_embedder.*", "model.embed_vision.*", "model.embed_audio.*"},
	Keys: slices.Concat([]Key{{Field: func(p *Params) any { return &p.Vision.Flat }, Default: func(p *Params) { p.Vision.Flat, p.Hear.Flat = true, true }, When: never}},
		replaceKeys(visionKeys, ofAnySize(224),
			Key{GGUF: "clip.vision.embedding_length", HF: []string{"vision_config.mm_embed_dim"}, Field: func(p *Params) any { return &p.Embd }},
			Key{GGUF: "clip.vision.feed_forward_length", Field: func(p *Params) any { return &p.FF }, Default: nothing},
			Key{GGUF: "clip.vision.block_count", Field: func(p *Params) any { return &p.Layers }, Default: nothing},
			Key{GGUF: "clip.vision.attention.head_count", Field: func(p *Params) any { return &p.Heads }, Default: nothing}),
		replaceKeys(hearingKeys("audio_config."),
			Key{GGUF: "clip.audio.embedding_length", HF: []string{"audio_config.audio_embed_dim"}, Field: func(p *Params) any { return &p.Hear.Embd }, Default: nothing, When: hears},
			Key{GGUF: "clip.audio.feed_forward_length", Field: func(p *Params) any { return &p.Hear.FF }, Default: nothing, When: hears},
			Key{GGUF: "clip.audio.block_count", Field: func(p *Params) any { return &p.Hear.Layers }, Default: nothing, When: hears},
			Key{GGUF: "clip.audio.attention.head_count", Field: func(p *Params) any { return &p.Hear.Heads }, Default: nothing, When: hears}),
		[]Key{
			{HF: []string{"vision_config.mm_posemb_size"}, Field: func(p *Params) any { return &p.Vision.Places }, Default: nothing, When: never},
			projectorAt("clip.vision.projector_type", "gemma4uv"),
			towerEps("vision_config.rms_norm_eps"), gemma4Squares,
		}, hearingEnds("gemma4ua", "audio_config.input_feat_size")),
	Tensors: slices.Concat(unifiedPatches("model.vision_embedder."), unifiedPatches("model.embed_vision."), []Rule{
		{GGUF: "mm.input_projection.weight", HF: "model.embed_vision.embedding_projection.weight", Role: RoleTower, Shape: "text E"},
		{GGUF: "mm.input_projection.weight", HF: "model.embed_vision.multimodal_embedder.embedding_projection.weight", Role: RoleTower, Shape: "text E"},
	}, hearing([]Rule{{GGUF: "mm.a.input_projection.weight", HF: "model.embed_audio.embedding_projection.weight", Role: RoleTower, Shape: "text heard"}})),
	Refuse: []Refusal{
		{HF: "audio_config.audio_embed_dim", Unless: []string{"640"}, Why: "sounds are cut into other frames than runtimes have built in"},
		{HF: "audio_config.rms_norm_eps", Unless: []string{"1e-06"}, Why: "the norm of sounds has another epsilon"},
	},
	Finish: finishGemma4Unified,
	Look: func(src *formats.Source, p *Params) {
		if t := src.Tensor("v.position_embd.weight"); t != nil && len(t.Shape) == 3 {
			p.Vision.Places = t.Shape[1]
		}
	},
})

// unifiedPatches are the rules of what makes embeddings of patches; checkpoints and newer libraries call the whole otherwise.
func unifiedPatches(at string) []Rule {
	return slices.Concat([]Rule{
		{GGUF: "v.patch_embd.weight", HF: at + "patch_dense.weight", Role: RoleTower, Shape: "E square-pixels", Do: byColour, Store: StoreConv},
		{GGUF: "v.patch_embd.bias", HF: at + "patch_dense.bias", Role: RoleTower, Shape: "E"},
		{GGUF: "v.patch_norm.1.weight", HF: at + "patch_ln1.weight", Role: RoleTower, Shape: "square-pixels", Do: byColour},
		{GGUF: "v.patch_norm.1.bias", HF: at + "patch_ln1.bias", Role: RoleTower, Shape: "square-pixels", Do: byColour},
		{GGUF: "v.position_embd.weight", HF: at + "pos_embedding", Role: RoleTower, Shape: "two table E", From: "table two E", Do: columnsThenRows, Store: "F32"},
	}, affine("v.patch_norm.2", at+"patch_ln2", "E"), affine("v.patch_norm.3", at+"pos_norm", "E"))
}

// byColour moves the colours of pixels, which lie side by side, one behind the other.
var byColour = Op{Name: "by colour",
	Forward: func(t *formats.Tensor, p *Params) *formats.Tensor {
		return movedColumns(t, pixelRows{patch: p.Vision.Patch * p.Vision.Scale}.from)
	},
	Inverse: func(t *formats.Tensor, p *Params) *formats.Tensor {
		return movedColumns(t, pixelRows{patch: p.Vision.Patch * p.Vision.Scale, inverse: true}.from)
	},
}

// columnsThenRows makes two tables of one that has a vector for a column and for a row by turns.
var columnsThenRows = Op{Name: "columns, then rows",
	Forward: func(t *formats.Tensor, _ *Params) *formats.Tensor { return byTurns(t, t.Shape[0], 2) },
	Inverse: func(t *formats.Tensor, _ *Params) *formats.Tensor { return byTurns(t, 2, t.Shape[1]) },
}

// byTurns makes m lists of n vectors of n lists of m.
func byTurns(t *formats.Tensor, n, m int) *formats.Tensor {
	list := permuted(shapedAs(t, n*m, t.Cols()), func(i int) int { return i%n*m + i/n })
	return shapedAs(list, m, n, t.Cols())
}

// finishGemma4Unified sees whether the model hears.
func finishGemma4Unified(c *Config, p *Params) error {
	v := &p.Vision
	whole, err := c.Float("vision_config.model_patch_size", float64(v.Patch*v.Scale))
	if err != nil {
		return err
	}
	if v.Patch < 1 || v.Scale < 1 || v.Patch*v.Scale > 1<<10 || whole != float64(v.Patch*v.Scale) {
		return c.fail("vision_config.model_patch_size", formats.Corrupt("is %v, and %d patches of %d pixels are joined", whole, v.Scale, v.Patch), "")
	}
	if a, _ := c.Value("audio_config"); a == nil {
		p.Hear = Hearing{}
		return nil
	}
	p.Hear.Has, p.Hear.Eps = true, 1e-6
	return nil
}

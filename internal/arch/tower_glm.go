package arch

import (
	"slices"

	"quern/formats"
)

// GlmTower is the tower of GLM-4.1V, GLM-4.5V and GLM-OCR: patches two images deep, RMS norms, heads rotated by row and by column; squares of four patches
// are joined by a convolution, and projected through a gated network. GLM-OCR norms heads, has biases, and learns no places.
var GlmTower = registerTower(Arch{
	Projector: "glm4v",
	Variants: []Variant{
		{Type: "glm4v", HF: []string{"Glm4vForConditionalGeneration"}, Language: "Glm4ForCausalLM", Defaults: glm4vDefaults},
		{Type: "glm4v_moe", HF: []string{"Glm4vMoeForConditionalGeneration"}, Language: "Glm4MoeForCausalLM", Defaults: glm4vDefaults},
		{Type: "glm_ocr", HF: []string{"GlmOcrForConditionalGeneration"}, Language: "Glm4ForCausalLM", Defaults: with(glmDefaults, map[string]any{
			"vision_config.hidden_size": 1024, "vision_config.num_heads": 16, "vision_config.intermediate_size": 4096, "vision_config.out_hidden_size": 1536,
			"vision_config.attention_bias": true,
		})},
	},
	Own: []string{"visual.*"},
	Keys: slices.Concat(replaceKey(visionKeys, Key{
		// The reference writes what GLM-4V's projector has; runtimes look at the matrices.
		GGUF: "clip.vision.feed_forward_length", HF: []string{"vision_config.intermediate_size"}, Field: func(p *Params) any { return &p.Vision.SaysFF },
	}), []Key{projector("glm4v")}, towerAct, []Key{towerEps("vision_config.rms_norm_eps"),
		{HF: []string{"vision_config.out_hidden_size"}, Field: func(p *Params) any { return &p.Vision.Middle }, Default: nothing, When: never},
	}),
	Tensors: glmTensors,
	Refuse:  glmRefuses,
	Finish: func(c *Config, p *Params) error {
		v := &p.Vision
		if _, variant := towerOf(c); variant.Type == "glm_ocr" {
			p.FF, v.TextFF = v.SaysFF, 3*v.Middle
		} else {
			p.FF, v.TextFF = v.Middle, v.SaysFF
		}
		v.Middle = 0
		return nil
	},
})

// GlmNextTower is the tower of GLM-5.3-Flash: GLM-OCR's, whose gated networks cut their numbers off, and whose images have bounds in tokens.
var GlmNextTower = registerTower(Arch{
	Projector: "glm5v",
	Variants: []Variant{
		{Type: "glm5_next", HF: []string{"Glm5NextForConditionalGeneration"}, Language: "Glm5NextForConditionalGeneration", Defaults: with(glmDefaults, map[string]any{
			"vision_config.hidden_size": 1024, "vision_config.num_heads": 16, "vision_config.intermediate_size": 4096, "vision_config.out_hidden_size": 1536,
			"vision_config.attention_bias": true, "vision_config.projection_intermediate_size": 10240, "vision_config.swiglu_limit": 10.0, "vision_config.spatial_merge_size": 2,
			"preprocessor.min_image_tokens": 16, "preprocessor.max_image_tokens": 8000,
		})},
	},
	Own: []string{"visual.*"},
	Keys: slices.Concat(visionKeys, []Key{projector("glm5v")}, towerAct, []Key{towerEps("vision_config.rms_norm_eps"),
		{GGUF: "clip.vision.spatial_merge_size", HF: []string{"vision_config.spatial_merge_size"}, Field: func(p *Params) any { return &p.Vision.Merge }},
		{GGUF: "clip.vision.swiglu_clamp", HF: []string{"vision_config.swiglu_limit"}, Field: func(p *Params) any { return &p.Vision.Clamp }},
		{GGUF: "clip.vision.image_min_pixels", HF: []string{"preprocessor.min_image_tokens"}, Field: func(p *Params) any { return &p.Vision.MinPixels }},
		{GGUF: "clip.vision.image_max_pixels", HF: []string{"preprocessor.max_image_tokens"}, Field: func(p *Params) any { return &p.Vision.MaxPixels }},
		{HF: []string{"vision_config.projection_intermediate_size"}, Field: func(p *Params) any { return &p.Vision.TextFF }, Default: nothing, When: never},
	}),
	Tensors: glmTensors,
	Refuse: append(slices.Clone(glmRefuses),
		Refusal{HF: "vision_config.hidden_act", Unless: []string{"silu"}, Why: "the activation function of the tower is not silu, with which alone runtimes cut numbers off"},
		Refusal{HF: "preprocessor.merge_size", Unless: []string{"2"}, Why: "squares of other than four patches are joined"},
		Refusal{HF: "preprocessor.patch_expand_factor", Unless: []string{"1"}, Why: "images are cut to larger squares"}),
	Finish: func(c *Config, p *Params) error {
		v := &p.Vision
		if !positive(v.Clamp) {
			return c.fail("vision_config.swiglu_limit", formats.Unsupported("is %v: runtimes then cut nothing off", v.Clamp), "")
		}
		pixels := v.Merge * v.Merge * v.Patch * v.Patch // of a token
		v.MinPixels, v.MaxPixels = v.MinPixels*pixels, v.MaxPixels*pixels
		return nil
	},
})

// glmTensors are those of all of them.
var glmTensors = slices.Concat(qwenPatches, []Rule{
	{GGUF: "v.patch_embd.bias", HF: "visual.patch_embed.proj.bias", Role: RoleTower, Shape: "E"},
	{GGUF: "v.norm_embd.weight", HF: "visual.post_conv_layernorm.weight", Role: RoleTower, Shape: "E", Optional: true, Flag: glmPlaces},
	{GGUF: "v.position_embd.weight", HF: "visual.embeddings.position_embedding.weight", Role: RoleTower, Shape: "patches E", Store: "F32", Optional: true, Flag: glmPlaces},
	{GGUF: "v.blk.{}.ln1.weight", HF: "visual.blocks.{}.norm1.weight", Role: RoleTower, Shape: "E"},
	{GGUF: "v.blk.{}.ln2.weight", HF: "visual.blocks.{}.norm2.weight", Role: RoleTower, Shape: "E"},
	{GGUF: "v.blk.{}.attn_q_norm.weight", HF: "visual.blocks.{}.attn.q_norm.weight", Role: RoleTower, Shape: "head", Optional: true, Flag: glmBias},
	{GGUF: "v.blk.{}.attn_k_norm.weight", HF: "visual.blocks.{}.attn.k_norm.weight", Role: RoleTower, Shape: "head", Optional: true, Flag: glmBias},
}, withBiases(glmBias, affine("v.blk.{}.attn_qkv", "visual.blocks.{}.attn.qkv", "3E E"), affine("v.blk.{}.attn_out", "visual.blocks.{}.attn.proj", "E E"),
	affine("v.blk.{}.ffn_gate", "visual.blocks.{}.mlp.gate_proj", "F E"), affine("v.blk.{}.ffn_up", "visual.blocks.{}.mlp.up_proj", "F E"),
	affine("v.blk.{}.ffn_down", "visual.blocks.{}.mlp.down_proj", "E F")), []Rule{
	{GGUF: "v.post_ln.weight", HF: "visual.post_layernorm.weight", Role: RoleTower, Shape: "E"},
	{GGUF: "mm.patch_merger.weight", HF: "visual.downsample.weight", Role: RoleTower, Shape: "text E two two", Store: StoreConv},
	{GGUF: "mm.patch_merger.bias", HF: "visual.downsample.bias", Role: RoleTower, Shape: "text"},
	{GGUF: "mm.model.fc.weight", HF: "visual.merger.proj.weight", Role: RoleTower, Shape: "text text"},
	{GGUF: "mm.gate.weight", HF: "visual.merger.gate_proj.weight", Role: RoleTower, Shape: "text-ff text"},
	{GGUF: "mm.up.weight", HF: "visual.merger.up_proj.weight", Role: RoleTower, Shape: "text-ff text"},
	{GGUF: "mm.down.weight", HF: "visual.merger.down_proj.weight", Role: RoleTower, Shape: "text text-ff"},
}, affine("mm.post_norm", "visual.merger.post_projection_norm", "text"))

var glmRefuses = append(slices.Clone(qwenTowerRefuses),
	Refusal{HF: "vision_config.rope_theta", Unless: []string{"10000"}, Why: "places are rotated with another base"},
	Refusal{HF: "vision_config.rope_parameters.rope_theta", Unless: []string{"10000"}, Why: "places are rotated with another base"})

// glmBias and glmPlaces say which tensors a tower has; of the second the class decides, and no config.json tells it.
const (
	glmBias   = "vision_config.attention_bias"
	glmPlaces = "vision_config.learned_places"
)

var glmDefaults = with(clipColours, map[string]any{
	"vision_config.depth": 24, "vision_config.image_size": 336, "vision_config.patch_size": 14, "vision_config.rms_norm_eps": 1e-5, "vision_config.hidden_act": "silu",
	"hidden_size": 4096,
})

var glm4vDefaults = with(glmDefaults, map[string]any{
	"vision_config.hidden_size": 1536, "vision_config.num_heads": 12, "vision_config.intermediate_size": 13696, "vision_config.out_hidden_size": 4096, glmPlaces: true,
})

// withBiases are rules whose biases are there where config.json says so.
func withBiases(flag string, lists ...[]Rule) []Rule {
	rules := slices.Concat(lists...)
	for i := range rules {
		if len(rules[i].Shape) > 0 && rules[i].Shape == firstWord(rules[i].Shape) {
			rules[i].Optional, rules[i].Flag = true, flag
		}
	}
	return rules
}

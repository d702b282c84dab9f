package arch

import (
	"slices"
	"strings"

	"quern/formats"
)

// ClipTower is the tower of LLaVA 1.5 and 1.6: CLIP up to a layer before its last, and two matrices with GELU between them. It comes
// in transformers' layout and in the one of the authors, which lacks a configuration of the tower.
var ClipTower = registerTower(Arch{
	Projector: "mlp",
	Variants: []Variant{
		{
			Type: "llava", HF: []string{"LlavaForConditionalGeneration"},
			Defaults: clipDefaults, Inner: llavaInner,
		},
		{
			Type: "llava_next", HF: []string{"LlavaNextForConditionalGeneration"},
			Defaults: with(clipDefaults, map[string]any{"image_grid_pinpoints": llavaPinpoints, "mm_patch_merge_type": "spatial_unpad"}), Inner: llavaInner,
		},
		{Type: "llava_llama", HF: []string{"LlavaLlamaForCausalLM"}, Language: "LlamaForCausalLM", Defaults: clipLarge},
		{Type: "llava_mistral", HF: []string{"LlavaMistralForCausalLM"}, Language: "MistralForCausalLM", Defaults: clipLarge},
	},
	Own: []string{"vision_tower.*", "multi_modal_projector.*", "image_newline"},
	Keys: slices.Concat(visionKeys, []Key{
		projector("mlp"),
		towerEps("vision_config.layer_norm_eps"),
		{GGUF: "clip.vision.feature_layer", HF: []string{"vision_feature_layer", "mm_vision_select_layer"}, Field: func(p *Params) any { return &p.Vision.Features },
			Default: func(p *Params) { p.Vision.Features = []int32{int32(p.Layers)} }},
		{GGUF: "clip.vision.image_grid_pinpoints", HF: []string{"image_grid_pinpoints"}, Field: func(p *Params) any { return &p.Vision.Pinpoints },
			Default: nothing, When: func(p *Params) bool { return len(p.Vision.Pinpoints) > 0 }},
		{GGUF: "clip.vision.mm_patch_merge_type", HF: []string{"mm_patch_merge_type"}, Field: func(p *Params) any { return &p.Vision.Unpad },
			Default: nothing, When: func(p *Params) bool { return p.Vision.Unpad != "" && p.Vision.Unpad != "flat" }},
	}, towerAct),
	Tensors: slices.Concat([]Rule{
		{GGUF: "v.class_embd", HF: clipAt + "embeddings.class_embedding", Role: RoleTower, Shape: "E"},
		{GGUF: "v.patch_embd.weight", HF: clipAt + "embeddings.patch_embedding.weight", Role: RoleTower, Shape: "E rgb patch patch", Store: StoreConv},
		{GGUF: "v.position_embd.weight", HF: clipAt + "embeddings.position_embedding.weight", Role: RoleTower, Shape: "places E", Store: "F32"},
	}, affine("v.pre_ln", clipAt+"pre_layrnorm", "E"), encoder(clipAt+"encoder"),
		affine("mm.0", "multi_modal_projector.linear_1", "text features"), affine("mm.2", "multi_modal_projector.linear_2", "text text"),
		affine("mm.0", "multi_modal_projector.mm_projector.0", "text features"), affine("mm.2", "multi_modal_projector.mm_projector.2", "text text"),
		[]Rule{{GGUF: "v.image_newline", HF: "image_newline", Role: RoleTower, Shape: "text", Optional: true}}),
	Drop: []string{"*.position_ids", clipAt + "post_layernorm.*", clipAt + "encoder.layers.{+}.*"},
	Refuse: []Refusal{
		{HF: "projector_hidden_act", Unless: []string{"gelu"}, Why: "the projector's activation function is not gelu"},
		{HF: "mm_projector_type", Unless: []string{"mlp2x_gelu"}, Why: "the projector is not two matrices with gelu between them"},
		{HF: "multimodal_projector_bias", Unless: []string{"true"}, Why: "a projector without biases"},
		{HF: "vision_feature_select_strategy", Unless: []string{"default"}, Why: "the language model is given the embedding of the whole image, too"},
		{HF: "mm_vision_select_feature", Unless: []string{"patch"}, Why: "the language model is given the embedding of the whole image, too"},
		{HF: "vision_config.model_type", Unless: []string{"clip_vision_model"}, Why: "the tower is not CLIP's"},
		{HF: "vision_config.num_channels", Unless: []string{"3"}, Why: "images without three colours"},
	},
	Finish: finishClip,
})

const clipAt = "vision_tower.vision_model."

// clipColours are the mean and the deviation of the colours in CLIP's training images.
var clipColours = map[string]any{
	"preprocessor.image_mean": []float32{0.48145466, 0.4578275, 0.40821073}, "preprocessor.image_std": []float32{0.26862954, 0.26130258, 0.27577711},
}

// clipDefaults are what transformers assumes for CLIP's configuration and LLaVA's.
var clipDefaults = with(clipColours, map[string]any{
	"vision_config.hidden_size": 768, "vision_config.intermediate_size": 3072, "vision_config.num_hidden_layers": 12,
	"vision_config.num_attention_heads": 12, "vision_config.image_size": 224, "vision_config.patch_size": 32,
	"vision_config.hidden_act": "quick_gelu", "vision_config.layer_norm_eps": 1e-5, "vision_feature_layer": -2, "hidden_size": 4096,
})

// clipLarge is CLIP-ViT-L/14, which the models of the authors name instead of describing it; the name has the size of images.
var clipLarge = with(clipColours, map[string]any{
	"vision_config.hidden_size": 1024, "vision_config.intermediate_size": 4096, "vision_config.num_hidden_layers": 24,
	"vision_config.num_attention_heads": 16, "vision_config.image_size": 0, "vision_config.patch_size": 14,
	"vision_config.hidden_act": "quick_gelu", "vision_config.layer_norm_eps": 1e-5, "vision_feature_layer": -2,
})

// llavaPinpoints are the sizes of LLaVA 1.6's tiles where config.json lists none.
var llavaPinpoints = []any{336, 672, 672, 336, 672, 672, 1008, 336, 336, 1008}

// llavaInner are the sizes of a 7B model, which the configurations of LLaVA leave out where they equal the library's.
var llavaInner = map[string]map[string]any{
	"llama": {"hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32, "num_attention_heads": 32, "vocab_size": 32000},
	"mistral": {"hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8,
		"vocab_size": 32000},
}

// finishClip counts layers of features from the first, and leaves out those after the last that is used.
func finishClip(c *Config, p *Params) error {
	v := &p.Vision
	for i, f := range v.Features {
		if f < 0 {
			f += int32(p.Layers) + 1
		}
		if f < 1 || int(f) > p.Layers {
			return c.fail("vision_feature_layer", formats.Corrupt("layer %d of a tower of %d", v.Features[i], p.Layers), "")
		}
		v.Features[i] = f
	}
	if !slices.IsSorted(v.Features) {
		return c.fail("vision_feature_layer", formats.Unsupported("layers %v are not in ascending order, in which runtimes join them", v.Features), "")
	}
	if len(v.Features) > 0 {
		p.Layers = int(slices.Max(v.Features))
	}
	if len(v.Pinpoints)%2 != 0 {
		return c.fail("image_grid_pinpoints", formats.Corrupt("not pairs of sizes: %v", v.Pinpoints), "")
	}
	if v.Image > 0 {
		return nil
	}
	name, err := c.String("mm_vision_tower")
	switch {
	case err != nil:
		return err
	case strings.HasSuffix(name, "clip-vit-large-patch14-336"):
		v.Image = 336
	case strings.HasSuffix(name, "clip-vit-large-patch14"):
		v.Image = 224
	default:
		return c.fail("mm_vision_tower", formats.Unsupported("%.80q is a tower whose sizes are not known", name),
			"known are clip-vit-large-patch14 and clip-vit-large-patch14-336; a vision_config in config.json describes any")
	}
	return nil
}

// with is the entries of two maps; those of the second count.
func with(a, b map[string]any) map[string]any {
	all := map[string]any{}
	for _, m := range []map[string]any{a, b} {
		for k, v := range m {
			all[k] = v
		}
	}
	return all
}

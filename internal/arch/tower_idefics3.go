package arch

import "slices"

// Idefics3Tower is the tower of Idefics3 and SmolVLM: SigLIP, whose patches are joined in squares and projected by one matrix.
var Idefics3Tower = registerTower(Arch{
	Projector: "idefics3",
	Variants: []Variant{
		{Type: "idefics3", HF: []string{"Idefics3ForConditionalGeneration"}, Defaults: idefics3Defaults, Inner: firstLlama},
		{Type: "smolvlm", HF: []string{"SmolVLMForConditionalGeneration"}, Defaults: idefics3Defaults, Inner: firstLlama},
	},
	Own: []string{"model.vision_model.*", "model.connector.*"},
	Keys: slices.Concat(visionKeys, []Key{projector("idefics3"), towerEps("vision_config.layer_norm_eps"), squareScale("scale_factor")}, towerAct, []Key{
		{GGUF: "clip.vision.preproc_image_size", HF: []string{"preprocessor.size.longest_edge"}, Field: func(p *Params) any { return &p.Vision.Longest },
			Default: func(p *Params) { p.Vision.Longest = p.Vision.Image }}, // of an image before it is cut into tiles
	}),
	Tensors: slices.Concat([]Rule{
		{GGUF: "v.patch_embd.weight", HF: idefics3At + "embeddings.patch_embedding.weight", Role: RoleTower, Shape: "E rgb patch patch", Store: "F32"},
		{GGUF: "v.patch_embd.bias", HF: idefics3At + "embeddings.patch_embedding.bias", Role: RoleTower, Shape: "E"},
		{GGUF: "v.position_embd.weight", HF: idefics3At + "embeddings.position_embedding.weight", Role: RoleTower, Shape: "patches E", Store: "F32"},
	}, encoder(idefics3At+"encoder"), affine("v.post_ln", idefics3At+"post_layernorm", "E"), []Rule{
		{GGUF: "mm.model.fc.weight", HF: "model.connector.modality_projection.proj.weight", Role: RoleTower, Shape: "text scaled"},
	}),
	Refuse: []Refusal{{HF: "vision_config.num_channels", Unless: []string{"3"}, Why: "images without three colours"}},
})

const idefics3At = "model.vision_model."

// idefics3Defaults are what transformers assumes.
var idefics3Defaults = with(halfColours, map[string]any{
	"vision_config.hidden_size": 1152, "vision_config.intermediate_size": 3072, "vision_config.num_hidden_layers": 12, "vision_config.num_attention_heads": 16,
	"vision_config.image_size": 224, "vision_config.patch_size": 32, "vision_config.hidden_act": "gelu_pytorch_tanh", "vision_config.layer_norm_eps": 1e-6,
	"scale_factor": 2, "hidden_size": 4096,
})

// halfColours map colours from -1 to 1.
var halfColours = map[string]any{"preprocessor.image_mean": []float32{0.5, 0.5, 0.5}, "preprocessor.image_std": []float32{0.5, 0.5, 0.5}}

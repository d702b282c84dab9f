package arch

import (
	"math"
	"slices"
)

// JanusTower is the tower with which Janus Pro sees: SigLIP and two matrices. What it paints images with is left out: no runtime has it.
var JanusTower = registerTower(Arch{
	Projector: "janus_pro",
	Variants: []Variant{{
		Type: "janus", HF: []string{"JanusForConditionalGeneration"}, Inner: firstLlama,
		Defaults: with(halfColours, map[string]any{
			"vision_config.hidden_size": 1024, "vision_config.num_hidden_layers": 24, "vision_config.num_attention_heads": 16, "vision_config.image_size": 384,
			"vision_config.patch_size": 16, "vision_config.hidden_act": "gelu", "vision_config.layer_norm_eps": 1e-6, "vision_config.mlp_ratio": 4.0, "hidden_size": 4096,
		}),
	}},
	Own: slices.Concat([]string{"model.vision_model.*", "model.aligner.*"}, janusPaints),
	Keys: replaceKey(slices.Concat(visionKeys, []Key{projector("janus_pro"), towerEps("vision_config.layer_norm_eps"),
		{HF: []string{"vision_config.mlp_ratio"}, Field: func(p *Params) any { return &p.Vision.MLPRatio }, Default: nothing, When: never},
	}, towerAct), Key{
		GGUF: "clip.vision.feed_forward_length", HF: []string{"vision_config.intermediate_size"}, Field: func(p *Params) any { return &p.FF }, Default: nothing,
	}),
	Tensors: slices.Concat([]Rule{
		{GGUF: "v.patch_embd.weight", HF: janusAt + "embeddings.patch_embedding.weight", Role: RoleTower, Shape: "E rgb patch patch", Store: StoreConv},
		{GGUF: "v.patch_embd.bias", HF: janusAt + "embeddings.patch_embedding.bias", Role: RoleTower, Shape: "E"},
		{GGUF: "v.position_embd.weight", HF: janusAt + "embeddings.position_embedding.weight", Role: RoleTower, Shape: "patches E", Store: "F32"},
	}, janusLayers, affine("v.post_ln", janusAt+"post_layernorm", "E"),
		affine("mm.0", "model.aligner.fc1", "text E"), affine("mm.1", "model.aligner.hidden_layers.0", "text text")),
	Drop: janusPaints,
	Refuse: []Refusal{
		{HF: "vision_config.depth", Unless: []string{"2"}, Why: "the projector is not two matrices"},
		{HF: "vision_config.use_qk_norm", Unless: []string{"false"}, Why: "queries and keys are normed"},
		{HF: "vision_config.attention_bias", Unless: []string{"true"}, Why: "projections without biases"},
		{HF: "vision_config.num_channels", Unless: []string{"3"}, Why: "images without three colours"},
	},
	Finish: func(_ *Config, p *Params) error {
		if p.FF == 0 {
			p.FF = int(math.RoundToEven(float64(p.Embd) * float64(p.Vision.MLPRatio)))
		}
		return nil
	},
})

const janusAt = "model.vision_model."

// janusPaints are the tensors that make images instead of seeing them.
var janusPaints = []string{"model.vqmodel.*", "model.generation_embeddings.*", "model.generation_aligner.*", "model.generation_head.*"}

// janusLayers are encoder's, with another name of one matrix.
var janusLayers = func() []Rule {
	rules := encoder(janusAt + "encoder")
	for i := range rules {
		switch rules[i].HF {
		case janusAt + "encoder.layers.{}.self_attn.out_proj.weight":
			rules[i].HF = janusAt + "encoder.layers.{}.self_attn.projection_layer.weight"
		case janusAt + "encoder.layers.{}.self_attn.out_proj.bias":
			rules[i].HF = janusAt + "encoder.layers.{}.self_attn.projection_layer.bias"
		}
	}
	return rules
}()

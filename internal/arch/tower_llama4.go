package arch

import "slices"

// Llama4Tower is Llama 4's: a ViT whose heads are rotated by row and by column, patches joined in squares, and three matrices.
var Llama4Tower = registerTower(Arch{
	Projector: "llama4",
	Variants: []Variant{{
		Type: "llama4", HF: []string{"Llama4ForConditionalGeneration"}, Language: "Llama4ForConditionalGeneration",
		Defaults: with(halfColours, map[string]any{
			"vision_config.hidden_size": 768, "vision_config.intermediate_size": 5632, "vision_config.num_hidden_layers": 34, "vision_config.num_attention_heads": 16,
			"vision_config.image_size": 448, "vision_config.patch_size": 14, "vision_config.hidden_act": "gelu", "vision_config.norm_eps": 1e-5,
			"vision_config.projector_output_dim": 4096, "hidden_size": 5120,
		}),
	}},
	Own: []string{"vision_model.*", "multi_modal_projector.*"},
	Keys: slices.Concat(visionKeys, []Key{projector("llama4"), towerEps("vision_config.norm_eps"), squareScale(), // from pixel_shuffle_ratio
		{HF: []string{"vision_config.projector_output_dim"}, Field: func(p *Params) any { return &p.Vision.Middle }, When: never},
	}, towerAct),
	Tensors: slices.Concat([]Rule{
		{GGUF: "v.class_embd", HF: "vision_model.class_embedding", Role: RoleTower, Shape: "E"},
		{GGUF: "v.patch_embd.weight", HF: "vision_model.patch_embedding.linear.weight", Role: RoleTower, Shape: "E pixels", Store: StoreConv},
		{GGUF: "v.position_embd.weight", HF: "vision_model.positional_embedding_vlm", Role: RoleTower, Shape: "places E", Store: "F32"},
	}, affine("v.pre_ln", "vision_model.layernorm_pre", "E"), affine("v.post_ln", "vision_model.layernorm_post", "E"),
		affine("v.blk.{}.ln1", llama4Layer+"input_layernorm", "E"), affine("v.blk.{}.ln2", llama4Layer+"post_attention_layernorm", "E"),
		affine("v.blk.{}.attn_q", llama4Layer+"self_attn.q_proj", "E E"), affine("v.blk.{}.attn_k", llama4Layer+"self_attn.k_proj", "E E"),
		affine("v.blk.{}.attn_v", llama4Layer+"self_attn.v_proj", "E E"), affine("v.blk.{}.attn_out", llama4Layer+"self_attn.o_proj", "E E"),
		affine("v.blk.{}.ffn_up", llama4Layer+"mlp.fc1", "F E"), affine("v.blk.{}.ffn_down", llama4Layer+"mlp.fc2", "E F"), []Rule{
			{GGUF: "mm.model.mlp.1.weight", HF: "vision_model.vision_adapter.mlp.fc1.weight", Role: RoleTower, Shape: "middle scaled"},
			{GGUF: "mm.model.mlp.2.weight", HF: "vision_model.vision_adapter.mlp.fc2.weight", Role: RoleTower, Shape: "middle middle"},
			{GGUF: "mm.model.fc.weight", HF: "multi_modal_projector.linear_1.weight", Role: RoleTower, Shape: "text middle"},
		}),
	Refuse: []Refusal{
		{HF: "vision_config.hidden_act", Unless: []string{"gelu"}, Why: "the tower's activation function is not gelu"},
		{HF: "vision_config.rope_theta", Unless: []string{"10000"}, Why: "places are rotated with another base"},
		{HF: "vision_config.rope_parameters.rope_theta", Unless: []string{"10000"}, Why: "places are rotated with another base"},
		{HF: "vision_config.vision_feature_select_strategy", Unless: []string{"default"}, Why: "the language model is given the embedding of the whole image, too"},
		{HF: "vision_config.multi_modal_projector_bias", Unless: []string{"false"}, Why: "a projector with biases"},
		{HF: "vision_config.num_channels", Unless: []string{"3"}, Why: "images without three colours"},
	},
	Finish: func(c *Config, p *Params) error { return c.squaresOf("vision_config.pixel_shuffle_ratio", 0.5, p) },
})

const llama4Layer = "vision_model.model.layers.{}."

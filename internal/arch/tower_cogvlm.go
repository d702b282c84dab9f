package arch

import "slices"

// CogTower is CogVLM's: EVA-CLIP with norms behind attention and feed-forward network, and a projector with a gate. Two more embeddings
// stand before and behind an image.
var CogTower = registerTower(Arch{
	Projector: "cogvlm",
	Variants: []Variant{{
		Type: "cogvlm", HF: []string{"CogVLMForCausalLM"},
		Defaults: with(clipColours, map[string]any{"vision_config.layer_norm_eps": 1e-6}),
	}},
	Own: []string{"model.vision.*"},
	Keys: slices.Concat(visionKeys, []Key{towerEps("vision_config.layer_norm_eps"), projector("cogvlm"),
		{HF: []string{"intermediate_size"}, Field: func(p *Params) any { return &p.Vision.TextFF }, When: never},
	}, towerAct),
	Tensors: slices.Concat([]Rule{
		{GGUF: "v.class_embd", HF: "model.vision.patch_embedding.cls_embedding", Role: RoleTower, Shape: "1 E"},
		{GGUF: "v.position_embd.weight", HF: "model.vision.patch_embedding.position_embedding.weight", Role: RoleTower, Shape: "places E", Store: "F32"},
		{GGUF: "v.patch_embd.weight", HF: "model.vision.patch_embedding.proj.weight", Role: RoleTower, Shape: "E rgb patch patch", Store: StoreConv},
		{GGUF: "v.patch_embd.bias", HF: "model.vision.patch_embedding.proj.bias", Role: RoleTower, Shape: "E"},
		{GGUF: "v.boi", HF: "model.vision.boi", Role: RoleTower, Shape: "1 1 text"},
		{GGUF: "v.eoi", HF: "model.vision.eoi", Role: RoleTower, Shape: "1 1 text"},
	}, affine("v.blk.{}.ln1", cogLayer+"input_layernorm", "E"), affine("v.blk.{}.ln2", cogLayer+"post_attention_layernorm", "E"),
		affine("v.blk.{}.attn_qkv", cogLayer+"attention.query_key_value", "3E E"), affine("v.blk.{}.attn_out", cogLayer+"attention.dense", "E E"),
		affine("v.blk.{}.ffn_up", cogLayer+"mlp.fc1", "F E"), affine("v.blk.{}.ffn_down", cogLayer+"mlp.fc2", "E F"),
		affine("mm.post_fc_norm", "model.vision.linear_proj.norm1", "text"), []Rule{
			{GGUF: "mm.model.fc.weight", HF: "model.vision.linear_proj.linear_proj.weight", Role: RoleTower, Shape: "text E"},
			{GGUF: "mm.gate.weight", HF: "model.vision.linear_proj.gate_proj.weight", Role: RoleTower, Shape: "text-ff text"},
			{GGUF: "mm.up.weight", HF: "model.vision.linear_proj.dense_h_to_4h.weight", Role: RoleTower, Shape: "text-ff text"},
			{GGUF: "mm.down.weight", HF: "model.vision.linear_proj.dense_4h_to_h.weight", Role: RoleTower, Shape: "text text-ff"},
		}),
	Refuse: []Refusal{{HF: "vision_config.in_channels", Unless: []string{"3"}, Why: "images without three colours"}},
})

const cogLayer = "model.vision.transformer.layers.{}."

package arch

import "slices"

// The towers of DeepSeek-OCR (arXiv:2510.18234) and its successors have SAM's encoder first. In the first model, whose layout Unlimited-OCR has, what it makes of 16 patches each goes through
// CLIP's layers, and both lie side by side before the projector. An embedding ends each row, another one the image.
var DeepSeekOCRTower = registerTower(Arch{
	Projector: "deepseekocr",
	Variants: []Variant{
		{Type: "DeepseekOCR", HF: []string{"DeepseekOCRForCausalLM"}, Language: "DeepseekOCRForCausalLM", Defaults: with(ocrDefaults, map[string]any{"preprocessor.max_patches": 9})},
		{Type: "unlimited_ocr", HF: []string{"UnlimitedOcrForConditionalGeneration"}, Language: "DeepseekOCRForCausalLM", Defaults: with(ocrDefaults, map[string]any{"preprocessor.max_patches": 32}),
			Inner: map[string]map[string]any{"unlimited_ocr_text": {"vocab_size": 129280, "hidden_size": 1280, "intermediate_size": 6848, "num_hidden_layers": 12, "num_attention_heads": 10,
				"max_position_embeddings": 32768, "num_experts_per_tok": 6, "moe_intermediate_size": 896, "first_k_dense_replace": 1}}},
		{Type: "unlimited-ocr", HF: []string{"UnlimitedOCRForCausalLM"}, Language: "DeepseekOCRForCausalLM", Defaults: with(ocrDefaults, map[string]any{"preprocessor.max_patches": 32})},
	},
	Own: slices.Concat(ocrOwn, []string{"model.vision_model.*"}),
	Keys: slices.Concat(replaceKeys(visionKeys, ocrText,
		Key{GGUF: "clip.vision.image_size", HF: []string{ocrConfig + "image_size", ocrStored + "image_size"}, Field: func(p *Params) any { return &p.Vision.Image }},
		Key{GGUF: "clip.vision.patch_size", HF: []string{ocrConfig + "patch_size", ocrStored + "patch_size"}, Field: func(p *Params) any { return &p.Vision.Patch }},
		Key{GGUF: "clip.vision.embedding_length", HF: []string{ocrConfig + "width", ocrStored + "hidden_size"}, Field: func(p *Params) any { return &p.Embd }},
		Key{GGUF: "clip.vision.feed_forward_length", Field: func(p *Params) any { return &p.Vision.SaysFF }, Default: nothing},
		Key{GGUF: "clip.vision.block_count", HF: []string{ocrConfig + "layers", ocrStored + "num_hidden_layers"}, Field: func(p *Params) any { return &p.Layers }},
		Key{GGUF: "clip.vision.attention.head_count", HF: []string{ocrConfig + "heads", ocrStored + "num_attention_heads"}, Field: func(p *Params) any { return &p.Heads }},
	), []Key{projector("deepseekocr"), towerEps(), alwaysGELU, ocrScale}, samKeys, samNumbers),
	Tensors: slices.Concat(sam, ocrEnds("text 2E"), []Rule{
		{GGUF: "v.image_newline", HF: "image_newline", Role: RoleTower, Shape: "text"},
		{GGUF: "v.class_embd", HF: ocrAt + "embeddings.class_embedding", Role: RoleTower, Shape: "E"},
		{GGUF: "v.patch_embd.weight", HF: ocrAt + "embeddings.patch_embedding.weight", Role: RoleTower, Shape: "E rgb patch patch", Store: "F32", Optional: true}, // nobody reads it: SAM has its own
		{GGUF: "v.position_embd.weight", HF: ocrAt + "embeddings.position_embedding.weight", Role: RoleTower, Shape: "places E", Store: "F32"},
	}, affine("v.pre_ln", ocrAt+"pre_layrnorm", "E"), affine("v.blk.{}.ln1", ocrLayer+"layer_norm1", "E"), affine("v.blk.{}.ln2", ocrLayer+"layer_norm2", "E"),
		affine("v.blk.{}.attn_qkv", ocrLayer+"self_attn.qkv_proj", "3E E"), affine("v.blk.{}.attn_out", ocrLayer+"self_attn.out_proj", "E E"), affine("v.blk.{}.ffn_up", ocrLayer+"mlp.fc1", "4E E"),
		affine("v.blk.{}.ffn_down", ocrLayer+"mlp.fc2", "E 4E")),
	Drop: []string{"*.position_ids"},
	Refuse: append(slices.Clone(samRefuses), Refusal{HF: "preprocessor.tile_size", Unless: []string{"640"}, Why: "tiles that are not 640 pixels wide"},
		Refusal{HF: ocrStored + "hidden_act", Unless: []string{"quick_gelu"}, Why: "the second tower's activation function is not quick_gelu"}),
	Finish: func(c *Config, p *Params) error {
		p.Vision.SaysFF, p.FF = 4*p.Heads, 4*p.Embd // the first as the reference; nobody reads it
		return finishOCR(c, p)
	},
	Look: lookSam,
})

// DeepSeekOCR2Tower is the tower of DeepSeek-OCR 2: SAM's encoder, and behind it a Qwen 2 whose last queries, as many as there are embeddings of the image, see it all and those before them. What they are is learned,
// of an image and of its tiles.
var DeepSeekOCR2Tower = registerTower(Arch{
	Projector: "deepseekocr2",
	Variants: []Variant{
		{Type: "DeepseekOCR2", HF: []string{"DeepseekOCR2ForCausalLM"}, Language: "DeepseekOCRForCausalLM", Defaults: with(ocr2Defaults, map[string]any{
			"vision_config.width.qwen2-0-5b.dim": 896, "vision_config.layers": 24, "vision_config.num_attention_heads": 14, "vision_config.intermediate_size": 4864, ocrStored + "num_key_value_heads": 2,
		})},
		{Type: "deepseek_ocr2", HF: []string{"DeepseekOcr2ForConditionalGeneration"}, Language: "DeepseekOCRForCausalLM", Defaults: with(ocr2Defaults, map[string]any{
			ocrStored + "hidden_size": 4096, ocrStored + "num_hidden_layers": 32, ocrStored + "num_attention_heads": 32, ocrStored + "num_key_value_heads": 32, ocrStored + "intermediate_size": 22016,
		}), Inner: map[string]map[string]any{"deepseek_ocr2_text": {"vocab_size": 102400, "hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32, "num_attention_heads": 32}}},
	},
	Own: slices.Concat(ocrOwn, []string{"model.qwen2_model.*"}),
	Keys: slices.Concat(replaceKeys(visionKeys, ocrText,
		Key{GGUF: "clip.vision.embedding_length", HF: []string{"vision_config.width.qwen2-0-5b.dim", ocrStored + "hidden_size"}, Field: func(p *Params) any { return &p.Embd }},
		Key{GGUF: "clip.vision.block_count", HF: []string{"vision_config.layers", ocrStored + "num_hidden_layers"}, Field: func(p *Params) any { return &p.Layers }},
		Key{GGUF: "clip.vision.feed_forward_length", HF: []string{"vision_config.intermediate_size", ocrStored + "intermediate_size"}, Field: func(p *Params) any { return &p.FF }},
		Key{GGUF: "clip.vision.attention.head_count", HF: []string{"vision_config.num_attention_heads", ocrStored + "num_attention_heads"}, Field: func(p *Params) any { return &p.Heads }},
	), []Key{projector("deepseekocr2"), towerEps(ocrStored + "rms_norm_eps"), alwaysGELU, ocrScale}, samKeys, samNumbers, []Key{
		{GGUF: "clip.vision.attention.head_count_kv", HF: []string{ocrStored + "num_key_value_heads"}, Field: func(p *Params) any { return &p.KVHeads }},
	}),
	Tensors: slices.Concat(sam, ocrEnds("text E"), []Rule{
		{GGUF: "v.image_newline", HF: "image_newline", Role: RoleTower, Shape: "text", Optional: true},
		{GGUF: "v.resample_query_768.weight", HF: "model.qwen2_model.query_768.weight", Role: RoleTower, Shape: "queries-768 E"},
		{GGUF: "v.resample_query_1024.weight", HF: "model.qwen2_model.query_1024.weight", Role: RoleTower, Shape: "queries-1024 E"},
		{GGUF: "v.post_ln.weight", HF: ocr2At + "norm.weight", Role: RoleTower, Shape: "E"},
		{GGUF: "v.blk.{}.ln1.weight", HF: ocr2Layer + "input_layernorm.weight", Role: RoleTower, Shape: "E"},
		{GGUF: "v.blk.{}.ln2.weight", HF: ocr2Layer + "post_attention_layernorm.weight", Role: RoleTower, Shape: "E"},
		{GGUF: "v.blk.{}.attn_out.weight", HF: ocr2Layer + "self_attn.o_proj.weight", Role: RoleTower, Shape: "E E"},
		{GGUF: "v.blk.{}.ffn_gate.weight", HF: ocr2Layer + "mlp.gate_proj.weight", Role: RoleTower, Shape: "F E"},
		{GGUF: "v.blk.{}.ffn_up.weight", HF: ocr2Layer + "mlp.up_proj.weight", Role: RoleTower, Shape: "F E"},
		{GGUF: "v.blk.{}.ffn_down.weight", HF: ocr2Layer + "mlp.down_proj.weight", Role: RoleTower, Shape: "E F"},
	}, affine("v.blk.{}.attn_q", ocr2Layer+"self_attn.q_proj", "E E"), affine("v.blk.{}.attn_k", ocr2Layer+"self_attn.k_proj", "tower-keys E"), affine("v.blk.{}.attn_v", ocr2Layer+"self_attn.v_proj", "tower-keys E")),
	Refuse: append(slices.Clone(samRefuses), Refusal{HF: "vision_config.patch_size", Unless: []string{"16"}, Why: "patches that are not 16 pixels wide"},
		Refusal{HF: "preprocessor.tile_size", Unless: []string{"768"}, Why: "tiles that are not 768 pixels wide"},
		Refusal{HF: ocrStored + "hidden_act", Unless: []string{"silu"}, Why: "the second tower's activation function is not silu"},
		Refusal{HF: ocrStored + "use_sliding_window", Unless: []string{"false"}, Why: "windows in the second tower"}),
	Finish: finishOCR,
	Look:   lookSam,
})

const (
	ocrConfig = "vision_config.width.clip-l-14-224."
	ocrStored = "vision_config.encoder_config." // as the library stores it
	ocrAt     = "model.vision_model."
	ocrLayer  = ocrAt + "transformer.layers.{}."
	ocr2At    = "model.qwen2_model.model.model."
	ocr2Layer = ocr2At + "layers.{}."
)

var (
	ocrOwn       = []string{"model.sam_model.*", "model.projector.*", "image_newline", "model.view_seperator"}
	ocrDefaults  = with(samDefaults, map[string]any{ocrConfig + "image_size": 224, ocrConfig + "patch_size": 14, ocrConfig + "width": 1024, ocrConfig + "layers": 24, ocrConfig + "heads": 16})
	ocr2Defaults = with(samDefaults, map[string]any{"preprocessor.max_patches": 6, "vision_config.image_size": samImage, "vision_config.patch_size": samPatch})
	ocrText      = Key{GGUF: "clip.vision.projection_dim", HF: []string{"language_config.hidden_size", "text_config.hidden_size", "hidden_size"}, Field: func(p *Params) any { return &p.Vision.Text }}
	ocrScale     = Key{GGUF: squareScale().GGUF, Field: squareScale().Field, Default: nothing, When: func(p *Params) bool { return p.Vision.Scale > 0 }}
)

// ocrEnds are the projector and what ends an image.
func ocrEnds(shape string) []Rule {
	return append(affine("mm.model.fc", "model.projector.layers", shape), Rule{GGUF: "v.view_seperator", HF: "model.view_seperator", Role: RoleTower, Shape: "1 text", From: "text",
		Do: reshaped("as a row", func(p *Params) []int { return []int{1, p.Vision.Text} })})
}

// finishOCR finds of how many patches along each side an embedding is made, which files tell where it is not four.
func finishOCR(c *Config, p *Params) error {
	if p.Vision.Scale = p.Vision.side() / 16; p.Vision.Scale == 4 {
		p.Vision.Scale = 0
	}
	return finishSam(c, p)
}

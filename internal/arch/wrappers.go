package arch

// Wrappers are models that see or hear around a language model of a family here, of which that is all that is converted: their towers have no rules, and
// what the towers' tensors are is known, so that they are named instead of refused.
var _ = registerTower(Arch{
	Variants: []Variant{
		{Type: "llava_stablelm_epoch", HF: []string{"LlavaStableLMEpochForCausalLM"}, Language: "StableLMEpochForCausalLM"},
		{Type: "sarashina2_vision", HF: []string{"Sarashina2VisionForCausalLM"}, Language: "LlamaForCausalLM",
			Why: "a norm stands behind its projector, and runtimes have no place for one: what they make of an image would have another spread than the language model was trained with"},
		{Type: "glmasr", HF: []string{"GlmAsrForConditionalGeneration", "GlmasrModel"}, Language: "LlamaForCausalLM", Inner: map[string]map[string]any{"llama": {
			"vocab_size": 59264, "hidden_size": 2048, "intermediate_size": 6144, "num_hidden_layers": 28, "num_attention_heads": 16, "num_key_value_heads": 4,
			"max_position_embeddings": 8192, "rms_norm_eps": 1e-5,
		}}, Why: "it rotates half of each head and has no places, and runtimes add the places that the checkpoint still holds and rotate nothing"},
		{Type: "kimi_k3", HF: []string{"KimiK3ForConditionalGeneration"}, Language: "KimiK3ForConditionalGeneration"},
	},
	Own: []string{
		"model.vision_tower.*", "mm_projector.*", "vision_tower.*", "vision_model.*", "visual.*", "audio_tower.*", "multi_modal_projector.*", "patch_merge_mlp.*", "norm.*",
		"mlp_AR.*", "model.projector.*", "vit.*", "model.vit.*", "model.vision_model.*", "image_newline",
		"vision_encoder.*", "audio_adapter.*", "audio_encoder.*", "model.audio_encoder.*", "encoder.*", "model.encoder.*", "projector.*",
		"model.visual.*", "siglip2.*", "merger.*", "model.merger.*",
	},
})

// onlyHears says that nothing adds to layers what images would.
var onlyHears = map[string]any{"vision_config": map[string]any{"deepstack_visual_indexes": []any{}}}

// firstLlama and firstQwen2 are what the library assumes of language models whose config.json says nothing but their type.
var (
	firstLlama = map[string]map[string]any{"llama": {"vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32, "num_attention_heads": 32}}
	firstQwen2 = map[string]map[string]any{"qwen2": {"vocab_size": 151936, "hidden_size": 4096, "intermediate_size": 22016, "num_hidden_layers": 32, "num_attention_heads": 32}}
)

// tiedInside says that the output head of a language model is its embedding where config.json does not say.
func tiedInside(kind string) map[string]map[string]any {
	return map[string]map[string]any{kind: {"tie_word_embeddings": true}}
}

package arch

// Wrappers are models that see or hear around a language model of a family here, of which that is all that is converted: their towers have no rules, and
// what the towers' tensors are is known, so that they are named instead of refused.
var _ = registerTower(Arch{
	Variants: []Variant{
		{Type: "llava_stablelm_epoch", HF: []string{"LlavaStableLMEpochForCausalLM"}, Language: "StableLMEpochForCausalLM"},
		{Type: "glmasr", HF: []string{"GlmAsrForConditionalGeneration"}, Language: "LlamaForCausalLM", Inner: glmAsrText,
			Why: "it rotates half of each head and holds no embeddings of places, and runtimes need such, add them and rotate nothing; the layout of its authors, whose class is GlmasrModel, holds some"},
		{Type: "kimi_k3", HF: []string{"KimiK3ForConditionalGeneration"}, Language: "KimiK3ForConditionalGeneration"},
	},
	Own: []string{"vision_tower.*", "mm_projector.*", "audio_tower.*", "multi_modal_projector.*"},
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

package arch

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"quern/formats"
)

// In the layouts of their authors, models around a language model are that language model, and what is not its own is named as left out.
func TestWrappersInTheirAuthorsLayouts(t *testing.T) {
	text := func(kind string, more map[string]any) map[string]any {
		return with(map[string]any{"model_type": kind, "vocab_size": 10, "hidden_size": 16, "intermediate_size": 20, "num_hidden_layers": 1, "num_attention_heads": 2,
			"num_key_value_heads": 2, "rms_norm_eps": 1e-5, "max_position_embeddings": 64, "tie_word_embeddings": false}, more)
	}
	latent := map[string]any{"q_lora_rank": nil, "kv_lora_rank": 8, "qk_nope_head_dim": 4, "qk_rope_head_dim": 4, "v_head_dim": 4, "n_routed_experts": 4, "num_experts_per_tok": 2,
		"moe_intermediate_size": 8, "n_group": 1, "topk_group": 1, "first_k_dense_replace": 0}
	sections := map[string]any{"rope_scaling": map[string]any{"rope_type": "default", "mrope_section": []int{2, 1, 1}}}
	for _, c := range []struct {
		class, want string
		config      map[string]any
		layout      func(name string) string
		own         string
	}{
		{"InternVLChatModel", "internlm2", map[string]any{"llm_config": text("internlm2", map[string]any{"architectures": []string{"InternLM2ForCausalLM"}})}, before("language_model."), "mlp1.0.weight"},
		{"InternVLChatModel", "qwen2", map[string]any{"llm_config": text("qwen2", map[string]any{"architectures": []string{"Qwen2ForCausalLM"}})}, before("language_model."), "vision_model.embeddings.class_embedding"},
		{"KimiVLForConditionalGeneration", "deepseek2", map[string]any{"text_config": text("deepseek_v3", latent)}, before("language_model."), "vision_tower.encoder.blocks.0.norm0.weight"},
		{"DotsOCRForCausalLM", "qwen2", text("dots_ocr", nil), before(""), "vision_tower.blocks.0.attn.qkv.weight"},
		{"LlavaStableLMEpochForCausalLM", "stablelm", text("llava_stablelm_epoch", map[string]any{"rope_pct": 0.25, "norm_eps": 1e-5, "hidden_size": 32}), before(""), "model.mm_projector.0.weight"},
		{"Qwen2VLModel", "qwen2vl", map[string]any{"tie_word_embeddings": true, "text_config": text("qwen2_vl_text", with(sections, map[string]any{"tie_word_embeddings": true}))},
			func(name string) string { return "language_model." + strings.TrimPrefix(name, "model.") }, "visual.merger.ln_q.weight"},
		{"StepVLForConditionalGeneration", "qwen3", map[string]any{"text_config": text("qwen3", map[string]any{"head_dim": 8})}, before(""), "vit_large_projector.weight"},
		{"Sarashina2VisionForCausalLM", "llama", map[string]any{"text_config": text("llama", nil)}, before("llm."), "norm.weight"},
		{"Qwen2_5OmniModel", "qwen2vl", map[string]any{"thinker_config": map[string]any{"text_config": text("qwen2_5_omni_text", sections)}}, before("thinker."), "talker.model.norm.weight"},
		{"Qwen3OmniMoeForConditionalGeneration", "qwen3vlmoe", map[string]any{"thinker_config": map[string]any{"text_config": text("qwen3_omni_moe_text", with(sections, map[string]any{"head_dim": 8,
			"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 8, "norm_topk_prob": true}))}}, before("thinker."), "code2wav.norm.weight"},
		{"DeepseekOCRForCausalLM", "deepseek2-ocr", map[string]any{"language_config": text("deepseek_v2", map[string]any{"use_mla": false, "n_routed_experts": 4, "num_experts_per_tok": 2,
			"moe_intermediate_size": 8})}, before(""), "model.sam_model.pos_embed"},
		{"PaddleOCRVLForConditionalGeneration", "paddleocr", text("paddleocr_vl", with(sections, map[string]any{"head_dim": 8})), before(""), "mlp_AR.linear_1.weight"},
		{"HunYuanVLForConditionalGeneration", "hunyuan_vl", text("hunyuan_vl", map[string]any{"rope_scaling": map[string]any{"type": "xdrope", "alpha": 1000.0, "xdrope_section": []int{1, 1, 1, 1}}}), before(""), "vit.perceive.proj.0.weight"},
		{"Step3p7ForConditionalGeneration", "step35", map[string]any{"text_config": text("step3p5", map[string]any{"num_hidden_layers": 2, "head_dim": 8, "num_attention_groups": 2, "moe_num_experts": 4, "moe_top_k": 2,
			"moe_intermediate_size": 8, "share_expert_dim": 8, "layer_types": []string{"full_attention", "sliding_attention"}, "moe_layers_enum": "1"})}, before(""), "vit_large_projector.weight"},
		{"Qwen3ASRForConditionalGeneration", "qwen3vl", map[string]any{"thinker_config": map[string]any{"text_config": text("qwen3_asr_text", with(sections, map[string]any{"head_dim": 8}))}}, before("thinker."), "audio_tower.conv2d1.bias"},
		{"GlmasrModel", "llama", map[string]any{"lm_config": text("llama", nil)}, before(""), "audio_encoder.proj.weight"},
		{"GlmAsrForConditionalGeneration", "llama", map[string]any{"text_config": text("llama", nil)}, before("language_model."), "audio_tower.norm.weight"},
		{"GraniteSpeechForConditionalGeneration", "granite", map[string]any{"text_config": text("granite", nil)}, before("language_model."), "projector.linear.weight"},
		{"Granite4VisionForConditionalGeneration", "granite", map[string]any{"text_config": text("granite", nil)}, before("language_model."), "spatial_projectors.0.query"},
		{"YoutuVLForConditionalGeneration", "deepseek2", text("youtu_vl", with(latent, map[string]any{"n_routed_experts": nil, "num_experts_per_tok": nil, "moe_intermediate_size": nil, "n_group": nil, "topk_group": nil})), before(""), "merger.ln_q.weight"},
		{"UnlimitedOCRForCausalLM", "deepseek2-ocr", map[string]any{"language_config": text("deepseek_v2", map[string]any{"use_mla": false, "n_routed_experts": 4, "num_experts_per_tok": 2,
			"moe_intermediate_size": 8})}, before(""), "model.sam_model.pos_embed"},
		{"Phi4ForCausalLMV", "phi3", text("phi4-siglip", nil), before(""), "vision_tower.vision_model.post_layernorm.weight"},
		{"MERaLiON2ForConditionalGeneration", "gemma2", map[string]any{"text_config": text("gemma2", map[string]any{"head_dim": 256, "hidden_size": 512, "num_attention_heads": 2, "tie_word_embeddings": true})}, before("text_decoder."), "speech_encoder.conv1.bias"},
		{"MiniCPMV4_6ForConditionalGeneration", "qwen35", map[string]any{"text_config": text("qwen3_5_text", map[string]any{"head_dim": 8, "linear_key_head_dim": 4, "linear_value_head_dim": 4, "linear_num_key_heads": 1,
			"linear_num_value_heads": 2, "rope_parameters": map[string]any{"rope_theta": 10000.0, "partial_rotary_factor": 0.5, "mrope_section": []int{1, 1, 0}}})}, func(name string) string { return strings.Replace(name, "model.", "model.language_model.", 1) }, "model.merger.mlp.0.linear_1.weight"},
		{"KimiK3ForConditionalGeneration", "kimi-k3", map[string]any{"text_config": text("kimi_linear", map[string]any{"hidden_act": "situ", "activation_situ_beta": 4, "activation_situ_linear_beta": 25,
			"attn_res_block_size": 1, "kv_lora_rank": 8, "qk_nope_head_dim": 4, "qk_rope_head_dim": 4, "v_head_dim": 4, "first_k_dense_replace": 1, "moe_intermediate_size": 8, "linear_attn_config": map[string]any{
				"full_attn_layers": []int{1}, "head_dim": 4, "num_heads": 2, "short_conv_kernel_size": 4, "use_full_rank_gate": true}, "mla_use_nope": true, "mla_use_output_gate": true})},
			before("language_model."), "mm_projector.linear_1.weight"},
		{"BailingMoeV3VLForConditionalGeneration", "bailingmoe3", map[string]any{"vision_config": map[string]any{"depth": 1}, "mrope_section": []int{1, 1, 0}, "text_config": text("bailing_hybrid",
			map[string]any{"first_k_dense_replace": 1, "head_dim": 8, "kv_lora_rank": 8, "qk_nope_head_dim": 4, "qk_rope_head_dim": 4, "v_head_dim": 4, "layer_group_size": 1})}, before(""), "linear_proj.0.weight"},
		{"Glm5NextForConditionalGeneration", "glm5-next", map[string]any{"text_config": text("glm5_next_text", map[string]any{"q_lora_rank": 8, "kv_lora_rank": 8, "qk_nope_head_dim": 4, "v_head_dim": 4, "n_routed_experts": 4,
			"num_experts_per_tok": 2, "moe_intermediate_size": 8, "index_topk": 4, "index_head_dim": 8, "index_n_heads": 2, "index_kpool": 2, "layer_types": []string{"full_attention"}, "hc_mult": 4,
			"linear_attn_config": map[string]any{"head_dim": 4, "num_heads": 2, "short_conv_kernel_size": 4, "gate_lower_bound": -5.0}})}, before(""), "model.visual.patch_embed.proj.weight"},
		{"Dots3NoteForConditionalGeneration", "dots3note", map[string]any{"text_config": text("dots3_note_text", map[string]any{"num_hidden_layers": 2, "q_lora_rank": 8, "kv_lora_rank": 8, "qk_nope_head_dim": 4, "qk_rope_head_dim": 4,
			"v_head_dim": 4, "swa_num_attention_heads": 1, "swa_q_lora_rank": 8, "swa_kv_lora_rank": 16, "swa_head_dim": 10, "swa_qk_nope_head_dim": 6, "swa_v_head_dim": 6, "layer_types": []string{"full_attention", "sliding_attention"},
			"n_routed_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 8, "index_topk": 4, "index_head_dim": 8, "index_n_heads": 2})}, before(""), "vision_encoder.blocks.0.mlp.fc1.weight"},
		{"AudioFlamingo3ForConditionalGeneration", "qwen2", map[string]any{"text_config": text("qwen2", nil)}, before("language_model."), "audio_tower.conv1.weight"},
	} {
		config := with(c.config, map[string]any{"architectures": []string{c.class}})
		parsed, err := ParseConfig("config.json", must(json.Marshal(config)))
		if err != nil {
			t.Fatal(err)
		}
		list, err := Expected(parsed, false)
		if err != nil {
			t.Fatalf("%s: %v", c.class, err)
		}
		made := &checkpoint{config: config, tensors: []*formats.Tensor{numbers(c.own, 3, 3)}}
		for _, x := range list {
			made.tensors = append(made.tensors, numbers(c.layout(x.Name), x.Shape...))
		}
		b, err := Bind(made.source())
		if err != nil {
			t.Fatalf("%s: %v", c.class, err)
		}
		if b.Arch.Name != c.want || !slices.Equal(b.Left, []string{c.own}) {
			t.Errorf("%s is %s, and leaves out %v", c.class, b.Arch.Name, b.Left)
		}
		if tower, _ := towerOf(parsed); tower.Tensors != nil {
			continue
		}
		if _, err := BindTower(made.source()); err == nil || !strings.Contains(err.Error(), "has no rules here") {
			t.Errorf("%s: its tower gives %v", c.class, err)
		} else if e := (*formats.Error)(nil); c.class == "GlmAsrForConditionalGeneration" && (!errors.As(err, &e) || !strings.Contains(e.Hint, "holds no embeddings of places")) {
			t.Errorf("%s: nothing says why its tower is not converted: %v", c.class, err)
		}
	}
}

func before(prefix string) func(string) string {
	return func(name string) string { return prefix + name }
}

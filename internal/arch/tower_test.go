package arch

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"quern/formats"
)

// sees are configurations of tiny models that see, one for each tower; sizes that are equal elsewhere differ here.
func sees(t testing.TB) map[string]map[string]any {
	tower := func(more map[string]any) map[string]any {
		return with(map[string]any{"hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 3, "num_attention_heads": 2, "image_size": 12, "patch_size": 4}, more)
	}
	text := map[string]any{"vocab_size": 10, "hidden_size": 16, "intermediate_size": 20, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 2,
		"rms_norm_eps": 1e-5, "max_position_embeddings": 64}
	mrope := map[string]any{"rope_scaling": map[string]any{"type": "mrope", "mrope_section": []int{1, 2, 1}}}
	latent := map[string]any{"text_config": with(text, map[string]any{"model_type": "deepseek_v3", "n_routed_experts": 2, "num_experts_per_tok": 1, "moe_intermediate_size": 4,
		"n_shared_experts": 1, "n_group": 1, "topk_group": 1, "kv_lora_rank": 4, "q_lora_rank": nil, "qk_nope_head_dim": 4, "qk_rope_head_dim": 4, "v_head_dim": 4,
		"first_k_dense_replace": 0})}
	var minimax map[string]any
	if err := json.Unmarshal(tinyFamilies(t)["minimax_m3"], &minimax); err != nil {
		t.Fatal(err)
	}
	var gemma4 map[string]any
	if err := json.Unmarshal(tinyFamilies(t)["gemma4"], &gemma4); err != nil {
		t.Fatal(err)
	}
	var gemma3n map[string]any
	if err := json.Unmarshal(tinyFamilies(t)["gemma3n"], &gemma3n); err != nil {
		t.Fatal(err)
	}
	var qwen35 map[string]any
	if err := json.Unmarshal(tinyFamilies(t)["qwen35"], &qwen35); err != nil {
		t.Fatal(err)
	}
	var glmNext map[string]any
	if err := json.Unmarshal(tinyFamilies(t)["glm5_next"], &glmNext); err != nil {
		t.Fatal(err)
	}
	glmNext = glmNext["text_config"].(map[string]any)
	var dots3 map[string]any
	if err := json.Unmarshal(tinyFamilies(t)["dots3_note"], &dots3); err != nil {
		t.Fatal(err)
	}
	var mimo map[string]any
	if err := json.Unmarshal(tinyFamilies(t)["mimo2 joined"], &mimo); err != nil {
		t.Fatal(err)
	}
	var nemotron map[string]any
	if err := json.Unmarshal(tinyFamilies(t)["nemotron_h"], &nemotron); err != nil {
		t.Fatal(err)
	}
	heard := map[string]any{"hidden_size": 12, "intermediate_size": 10, "num_hidden_layers": 2, "num_attention_heads": 3, "num_mel_bins": 8, "max_source_positions": 5}
	pixels := map[string]any{"preprocessor": map[string]any{"min_pixels": 144, "max_pixels": 2304}}
	of := func(class string, vision map[string]any, more ...map[string]any) map[string]any {
		c := with(text, map[string]any{"architectures": []string{class}, "vision_config": vision})
		for _, m := range more {
			maps.Copy(c, m)
		}
		return c
	}
	return map[string]map[string]any{
		"mlp":    of("LlavaForConditionalGeneration", tower(nil), map[string]any{"model_type": "llama", "vision_feature_layer": []int{1, -2}}),
		"gemma3": of("Gemma3ForConditionalGeneration", tower(nil), map[string]any{"mm_tokens_per_image": 9}),
		"qwen2vl_merger": of("Qwen2VLForConditionalGeneration", map[string]any{"depth": 3, "embed_dim": 8, "hidden_size": 16, "num_heads": 2, "mlp_ratio": 1.5, "patch_size": 4},
			mrope),
		"qwen2.5vl_merger": of("Qwen2_5_VLForConditionalGeneration", map[string]any{"depth": 5, "hidden_size": 8, "intermediate_size": 12, "num_heads": 2, "patch_size": 4,
			"fullatt_block_indexes": []int{1, 3}}, mrope),
		"qwen2.5o": of("Qwen2_5OmniModel", map[string]any{"depth": 4, "hidden_size": 8, "intermediate_size": 12, "num_heads": 2, "patch_size": 4,
			"fullatt_block_indexes": []int{1, 3}}, mrope, map[string]any{"audio_config": heard}),
		"ling3vl": of("BailingMoeV3VLForConditionalGeneration", map[string]any{"depth": 3, "hidden_size": 8, "intermediate_size": 12, "num_heads": 2, "patch_size": 4, "num_position_embeddings": 9,
			"disable_merger_proj": true}, map[string]any{"mrope_section": []int{1, 1, 0}, "head_dim": 8, "kv_lora_rank": 4, "qk_nope_head_dim": 4, "qk_rope_head_dim": 4, "v_head_dim": 4, "layer_group_size": 1,
			"first_k_dense_replace": 1}),
		"qwen3vl_merger": of("Qwen3VLForConditionalGeneration", map[string]any{"depth": 4, "hidden_size": 8, "intermediate_size": 12, "num_heads": 2, "patch_size": 4,
			"deepstack_visual_indexes": []int{1, 3}, "num_position_embeddings": 9, "out_hidden_size": 16}, map[string]any{"head_dim": 8,
			"rope_scaling": map[string]any{"rope_type": "default", "mrope_section": []int{1, 2, 1}}}),
		"pixtral": of("Mistral3ForConditionalGeneration", tower(map[string]any{"model_type": "pixtral", "hidden_act": "silu"}), map[string]any{"text_config": with(text, map[string]any{
			"model_type": "mistral", "sliding_window": nil, "head_dim": 8}), "multimodal_projector_bias": true}),
		"idefics3": of("Idefics3ForConditionalGeneration", tower(nil), map[string]any{"scale_factor": 3, "text_config": with(text, map[string]any{"model_type": "llama"})}),
		"internvl": of("InternVLChatModel", tower(map[string]any{"qkv_bias": true, "qk_normalization": true}), map[string]any{"ps_version": "v2", "max_dynamic_patch": 6,
			"llm_config": with(text, map[string]any{"model_type": "qwen2"})}),
		"llama4": of("Llama4ForConditionalGeneration", tower(map[string]any{"projector_output_dim": 10}), map[string]any{"text_config": with(text, map[string]any{
			"model_type": "llama4_text", "head_dim": 8, "intermediate_size_mlp": 20, "num_local_experts": 2, "num_hidden_layers": 2, "interleave_moe_layer_step": 2})}),
		"minimax_m3": of("MiniMaxM3SparseForConditionalGeneration", tower(map[string]any{"hidden_size": 12, "intermediate_size": 10}), map[string]any{"projector_hidden_size": 14,
			"text_config": with(minimax, map[string]any{"hidden_size": 16})}),
		"youtuvl": of("YoutuVLForConditionalGeneration", tower(map[string]any{"window_size": 16, "fullatt_block_indexes": []int{1}}), map[string]any{"n_routed_experts": nil, "kv_lora_rank": 4,
			"q_lora_rank": nil, "qk_nope_head_dim": 4, "qk_rope_head_dim": 4, "v_head_dim": 4}),
		"lightonocr": of("LightOnOCRForConditionalGeneration", tower(map[string]any{"model_type": "pixtral"}), map[string]any{"text_config": with(text, map[string]any{
			"model_type": "qwen3", "head_dim": 8}), "multimodal_projector_bias": true}),
		"janus_pro": of("JanusForConditionalGeneration", map[string]any{"hidden_size": 8, "mlp_ratio": 1.5, "num_hidden_layers": 3, "num_attention_heads": 2, "image_size": 12,
			"patch_size": 4}, map[string]any{"text_config": with(text, map[string]any{"model_type": "llama"})}),
		"kimivl": of("KimiVLForConditionalGeneration", map[string]any{"hidden_size": 16, "intermediate_size": 12, "num_hidden_layers": 3, "num_attention_heads": 2,
			"patch_size": 4, "init_pos_emb_height": 3, "init_pos_emb_width": 3}, latent),
		"kimik25": of("KimiK25ForConditionalGeneration", map[string]any{"vt_hidden_size": 16, "vt_intermediate_size": 12, "vt_num_hidden_layers": 3, "vt_num_attention_heads": 2,
			"patch_size": 4, "init_pos_emb_height": 3, "init_pos_emb_width": 3}, latent),
		"glm4v": of("GlmOcrForConditionalGeneration", map[string]any{"depth": 3, "hidden_size": 8, "intermediate_size": 12, "num_heads": 2, "image_size": 12, "patch_size": 4,
			"out_hidden_size": 16, "learned_places": true}, map[string]any{"text_config": with(text, map[string]any{"model_type": "glm_ocr_text", "head_dim": 8})}),
		"glm5v": of("Glm5NextForConditionalGeneration", map[string]any{"depth": 3, "hidden_size": 8, "intermediate_size": 12, "num_heads": 2, "image_size": 12, "patch_size": 4,
			"out_hidden_size": 16, "projection_intermediate_size": 10, "learned_places": true}, map[string]any{"text_config": with(glmNext, map[string]any{"hidden_size": 16})}),
		"granite4_vision": of("Granite4VisionForConditionalGeneration", tower(map[string]any{"image_size": 16}), map[string]any{"text_config": with(text, map[string]any{"model_type": "granite",
			"num_hidden_layers": 4, "tie_word_embeddings": false}), "deepstack_layer_map": []any{[]int{-3, 2}, []int{-1, 0}}, "spatial_target_layers": []int{3, 1}, "downsample_rate": "1/2",
			"qformer_config": map[string]any{"intermediate_size": 10}}),
		"dots3note_v": of("Dots3NoteForCausalLM", tower(map[string]any{"embed_dim": 8, "hidden_size": 16, "moe_intermediate_size": 10, "adapter_type": "patch_merger", "pre_pixel_shuffle": true,
			"pyramid_num_routed": []int{-1, 2, 3}}), pixels, dots3, map[string]any{"audio_config": map[string]any{"use_conv2d_stem": true, "use_rope": true, "use_rms_norm": true,
			"downsample_hidden_size": 5, "whisper_config": map[string]any{"d_model": 12, "encoder_ffn_dim": 10, "encoder_layers": 2, "encoder_attention_heads": 3, "num_mel_bins": 8,
				"activation_function": "swiglu"}}, "architectures": []string{"Dots3NoteForCausalLM"}}),
		"mimovl": of("MiMoV2ForCausalLM", map[string]any{"depth": 3, "hidden_size": 8, "intermediate_size": 12, "num_heads": 4, "num_key_value_heads": 2, "qk_channels": 6, "patch_size": 4,
			"fullatt_block_indexes": []int{1}, "vit_window_attn_types": []int{0, -1, 1}, "visual_token_window_size": 5}, pixels, mimo, map[string]any{
			"audio_config":    map[string]any{"input_local_layers": 4, "group_size": 2, "input_local_intermediate_size": 9},
			"audio_tokenizer": map[string]any{"d_model": 12, "encoder_ffn_dim": 10, "encoder_layers": 3, "encoder_attention_heads": 3, "n_mels": 8, "encoder_attn_window_size": []int{5, 0}}, "codebooks": []int{4, 7}, "rows_of_codes": 11, "rows_of_projector": 14, "architectures": []string{"MiMoV2ForCausalLM"}}),
		"gemma4v": of("Gemma4ForConditionalGeneration", map[string]any{"hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 3, "num_attention_heads": 2, "head_dim": 4,
			"patch_size": 4, "position_embedding_size": 5, "use_clipped_linears": true, "standardize": true}, map[string]any{"text_config": gemma4, "audio_config": map[string]any{
			"hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 3, "input_feat_size": 8, "subsampling_conv_channels": []int{8, 2}, "output_proj_dims": 10,
			"use_clipped_linears": true}}),
		"gemma4uv": of("Gemma4UnifiedForConditionalGeneration", map[string]any{"mm_embed_dim": 8, "mm_posemb_size": 5, "patch_size": 2}, map[string]any{
			"text_config": with(gemma4, map[string]any{"model_type": "gemma4_unified_text"}), "audio_config": map[string]any{}}),
		"gemma3nv": of("Gemma3nForConditionalGeneration", map[string]any{"model_args": map[string]any{"channel_multiplier": 0.01}, "hidden_size": 16, "vocab_size": 5}, map[string]any{
			"preprocessor": map[string]any{"size": map[string]any{"height": 256}}, "text_config": gemma3n, "audio_config": map[string]any{"hidden_size": 12, "conf_num_hidden_layers": 2,
				"conf_num_attention_heads": 3, "input_feat_size": 8, "sscp_conv_channel_size": []int{8, 2}, "vocab_size": 3}}),
		"muse-glimmer": of("MuseGlimmerForConditionalGeneration", tower(map[string]any{"pos_emb_height": 3, "pos_emb_width": 3}), map[string]any{"projector_hidden_size": 10,
			"text_config": with(text, map[string]any{"model_type": "muse_glimmer_text", "head_dim": 8, "sliding_window": 16})}),
		"lfm2": of("Lfm2VlForConditionalGeneration", tower(map[string]any{"num_patches": 9}), map[string]any{"projector_hidden_size": 10, "downsample_factor": 3,
			"text_config": with(text, map[string]any{"model_type": "lfm2", "layer_types": []string{"full_attention"}, "norm_eps": 1e-5})}),
		"phi4":     of("Phi4ForCausalLMV", tower(map[string]any{"num_patches": 9}), map[string]any{"max_position_embeddings": 64, "original_max_position_embeddings": 64}),
		"dots_ocr": of("DotsOCRForCausalLM", tower(map[string]any{"embed_dim": 8, "use_bias": true}), pixels),
		"paddleocr": of("PaddleOCRVLForConditionalGeneration", tower(nil), pixels, map[string]any{"head_dim": 8,
			"rope_scaling": map[string]any{"rope_type": "default", "mrope_section": []int{1, 2, 1}}}),
		"minicpmv4_6": of("MiniCPMV4_6ForConditionalGeneration", tower(map[string]any{"image_size": 280}), map[string]any{"insert_layer_id": 1, "text_config": qwen35}),
		"nemotron_v2_vl": of("NemotronH_Nano_VL_V2", tower(map[string]any{"max_resolution": 12}), map[string]any{"force_image_size": 12, "downsample_ratio": 0.5,
			"projector_hidden_size": 10, "llm_config": with(nemotron, map[string]any{"num_hidden_layers": 5})}),
		"qwen2a":        of("Qwen2AudioForConditionalGeneration", nil, map[string]any{"audio_config": heard}),
		"musicflamingo": of("AudioFlamingo3ForConditionalGeneration", nil, map[string]any{"audio_config": heard}),
		"voxtral": of("VoxtralForConditionalGeneration", nil, map[string]any{"audio_config": with(heard, map[string]any{"intermediate_size": 48}),
			"text_config": with(text, map[string]any{"model_type": "llama", "head_dim": 8})}),
		"meralion": of("MERaLiON2ForConditionalGeneration", nil, map[string]any{"speech_config": heard, "speech_mlp_scale_factor": 3,
			"text_config": with(text, map[string]any{"model_type": "gemma2", "head_dim": 8, "query_pre_attn_scalar": 8, "sliding_window": 16})}),
		"qwen3a": of("Qwen3ASRForConditionalGeneration", nil, map[string]any{"audio_config": with(heard, map[string]any{"downsample_hidden_size": 5}), "text_config": with(text, map[string]any{
			"model_type": "qwen3", "head_dim": 8, "rope_parameters": map[string]any{"rope_type": "default", "mrope_section": []int{2, 1, 1}}})}),
		"lfm2a": of("Lfm2AudioForConditionalGeneration", nil, map[string]any{"lfm": with(text, map[string]any{"model_type": "lfm2", "layer_types": []string{"full_attention"}, "norm_eps": 1e-5}),
			"encoder": map[string]any{"feat_in": 16, "n_layers": 2, "n_heads": 4, "subsampling_conv_channels": 2, "ff_expansion_factor": 0.03125}, "codebooks": 2, "audio_vocab_size": 3, "adapter_hidden_dims": []int{10}}),
		"granite_speech": of("GraniteSpeechPlusForConditionalGeneration", nil, map[string]any{"encoder_config": map[string]any{"input_dim": 8, "num_layers": 4, "hidden_dim": 12, "num_heads": 3, "output_dim": 5,
			"context_size": 4, "max_pos_emb": 6, "conv_kernel_size": 3, "feedforward_mult": 3, "cat_hidden_layers": []int{0, 1}}, "window_size": 6, "downsample_rate": 2, "projector_config": map[string]any{
			"hidden_size": 12, "encoder_hidden_size": 36, "num_attention_heads": 2, "intermediate_size": 10, "num_hidden_layers": 2, "cross_attention_frequency": 1},
			"text_config": with(text, map[string]any{"model_type": "granite"})}),
		"glma":     of("GlmasrModel", nil, map[string]any{"whisper_config": heard, "merge_factor": 3, "use_rope": true, "lm_config": with(text, map[string]any{"model_type": "llama"})}),
		"ultravox": of("UltravoxModel", nil, map[string]any{"audio_config": heard, "model_type": "ultravox", "hidden_size": 20, "stack_factor": 3, "projector_ln_mid": true}),
		"step3vl": of("StepVLForConditionalGeneration", map[string]any{"width": 8, "mlp_ratio": 1.5, "layers": 3, "heads": 2, "image_size": 8, "patch_size": 2},
			map[string]any{"text_config": with(text, map[string]any{"model_type": "qwen3", "head_dim": 8})}),
		"deepseekocr": of("DeepseekOCRForCausalLM", map[string]any{"width": map[string]any{"sam_vit_b": map[string]any{"layers": 4, "width": 6, "heads": 3, "downsample_channels": []int{7, 8}},
			"clip-l-14-224": map[string]any{"layers": 3, "width": 8, "heads": 2, "image_size": 64, "patch_size": 4}}}, map[string]any{"use_mla": false, "n_routed_experts": 4, "num_experts_per_tok": 2,
			"moe_intermediate_size": 8}),
		"deepseekocr2": of("DeepseekOCR2ForCausalLM", map[string]any{"width": map[string]any{"sam_vit_b": map[string]any{"layers": 4, "width": 6, "heads": 3, "downsample_channels": []int{7, 8}},
			"qwen2-0-5b": map[string]any{"dim": 24}}, "layers": 2, "num_attention_heads": 4, "intermediate_size": 10}, map[string]any{"use_mla": false, "n_routed_experts": 4, "num_experts_per_tok": 2,
			"moe_intermediate_size": 8}),
		"deepseek4v": of("DeepseekV4ForCausalLM", nil, map[string]any{"vision_n_layers": 3, "vision_dim": 8, "vision_n_heads": 2, "vision_inter_dim": 12, "vision_patch_size": 4, "vision_downsample_ratio": 3,
			"vision_min_pixels": 144, "head_dim": 16, "qk_rope_head_dim": 8, "q_lora_rank": 6, "o_groups": 2, "o_lora_rank": 3, "n_routed_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 8,
			"compress_ratios": []int{0}, "num_hash_layers": 0, "num_key_value_heads": 1, "swiglu_limit": 10.0}),
		"hunyuanvl": of("HunYuanVLForConditionalGeneration", tower(nil), pixels, map[string]any{"head_dim": 8, "rope_parameters": map[string]any{
			"rope_type": "dynamic", "rope_theta": 1e4, "alpha": 1000.0, "mrope_section": []int{1, 1, 1, 1}}}),
		"exaone4_5": of("Exaone4_5_ForConditionalGeneration", map[string]any{"depth": 3, "hidden_size": 8, "intermediate_size": 12, "num_heads": 4, "num_key_value_heads": 2,
			"patch_size": 4, "fullatt_block_indexes": []int{0, 1, 2}}, pixels, map[string]any{"head_dim": 8}),
		"qwen3tts_spkenc": spoken(),
		"pockettts_spkenc": {"architectures": []string{"PocketTTSModel"}, "model_type": "pockettts", "num_hidden_layers": 1, "hidden_size": 16, "intermediate_size": 20, "num_attention_heads": 2, "vocab_size": 10,
			"max_position_embeddings": 64, "rope_theta": 1e4, "layer_norm_eps": 1e-5, "latent_size": 3, "bos_before_voice": true, "variant": "english",
			"audio_config": map[string]any{"num_hidden_layers": 2, "hidden_size": 8, "intermediate_size": 12, "num_attention_heads": 2, "latent_size": 5, "num_filters": 2},
			"flow_config":  map[string]any{"hidden_size": 9, "num_hidden_layers": 3, "num_frequencies": 7}},
		"cogvlm": of("CogVLMForCausalLM", map[string]any{"hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 3, "num_heads": 2, "image_size": 12, "patch_size": 4,
			"hidden_act": "gelu"}),
	}
}

// spoken is a tiny configuration of Qwen3-TTS.
func spoken() map[string]any {
	predictor := map[string]any{"hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 6, "rms_norm_eps": 1e-6, "vocab_size": 5,
		"rope_theta": 1e6}
	return map[string]any{"architectures": []string{"Qwen3TTSForConditionalGeneration"}, "model_type": "qwen3_tts",
		"talker_config": map[string]any{"hidden_size": 16, "intermediate_size": 20, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 2, "head_dim": 8, "vocab_size": 3072,
			"text_vocab_size": 10, "text_hidden_size": 6, "codec_eos_token_id": 3, "rope_theta": 1e6, "code_predictor_config": predictor, "rope_scaling": map[string]any{"mrope_section": []int{1, 2, 1}}},
		"speaker_encoder_config": map[string]any{"enc_channels": []int{8, 8, 8, 8, 24}, "enc_attention_channels": 3, "enc_se_channels": 4},
		"speech_tokenizer":       map[string]any{"decoder_config": map[string]any{"codebook_dim": 6, "codebook_size": 7, "latent_dim": 5, "hidden_size": 9, "intermediate_size": 11, "head_dim": 2, "decoder_dim": 16}}}
}

// towerOfConfig is the checkpoint of a configuration's tower, its numbers all different.
func towerOfConfig(t testing.TB, config map[string]any) *checkpoint {
	t.Helper()
	c, err := ParseConfig("config.json", must(json.Marshal(config)))
	if err != nil {
		t.Fatal(err)
	}
	made := &checkpoint{config: config}
	a, v := towerOf(c)
	var p Params
	if c, err = c.withProcessor(made.source()); err == nil {
		err = a.readConfig(c, v, &p)
	}
	if err != nil {
		t.Fatal(err)
	}
	gguf := map[string]string{}
	for i := range a.Tensors {
		r := &a.Tensors[i]
		for l, name := range r.names(r.HF, &p) {
			file := r.At(r.GGUF, l, &p)
			if r.Do.Lent { // the language model's
				continue
			}
			if hf, ok := gguf[file]; ok && hf != name {
				continue // another layout
			}
			gguf[file] = name
			for i, part := range r.parts(name, p.At(l)) {
				if slices.ContainsFunc(made.tensors, func(x *formats.Tensor) bool { return x.Name == part }) {
					continue // another part of the tensor
				}
				x := numbers(part, r.partDims(i, p.At(l))...)
				if r.Do.Rounds { // they must not overflow
					x = mapped(x, func(v float32) float32 { return v / 16 })
				} else {
					x = shifted(x, float32(len(made.tensors)*4096))
				}
				made.tensors = append(made.tensors, x)
			}
		}
	}
	return made
}

// wordless says of a configuration that its class has no language model.
func wordless(config map[string]any) bool {
	return slices.Contains(refused[0].classes, config["architectures"].([]string)[0])
}

// wordsOf are the tensors of a configuration's language model; nil of a class that has none.
func wordsOf(t *testing.T, config map[string]any) []*formats.Tensor {
	t.Helper()
	if wordless(config) {
		return nil
	}
	return tinyOf(t, must(json.Marshal(config)), false).tensors
}

// Every tower is understood, its bytes are its numbers, and as a file of its own it leads back to what it came from.
func TestTowersThereAndBack(t *testing.T) {
	all := sees(t)
	for _, a := range Towers() {
		if a.Tensors == nil {
			continue // a language model beside a tower that is not converted
		}
		c := towerOfConfig(t, all[a.Projector])
		whole := *c
		whole.tensors = append(slices.Clone(c.tensors), wordsOf(t, c.config)...)
		there, err := BindTower(whole.source())
		if err != nil {
			t.Fatalf("%s: %v", a.Projector, err)
		}
		for _, x := range there.Tensors {
			if x.Raw == nil {
				continue
			}
			raw, err := io.ReadAll(io.NewSectionReader(x.Raw, 0, x.Bytes()))
			if err != nil || int64(len(raw)) != x.Bytes() {
				t.Fatalf("%s: %d bytes, %v", x.Name, len(raw), err)
			}
			for i, v := range floatsOf(t, x) {
				if math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:])) != v {
					t.Fatalf("%s: byte %d is not of number %d", x.Name, 4*i, i)
				}
			}
		}
		file := &formats.Source{Path: "mmproj.gguf", Format: &formats.Format{Name: "gguf"}, Tensors: there.Tensors}
		file.Meta.Set("general.architecture", clip)
		a.WriteKeys(&file.Meta, &there.Params, func(string) {})
		again, err := Bind(file)
		if err != nil {
			t.Fatalf("%s: %v", a.Projector, err)
		}
		back, err := again.Unbind()
		if err != nil {
			t.Fatalf("%s: %v", a.Projector, err)
		}
		c.tensors = slices.DeleteFunc(c.tensors, func(x *formats.Tensor) bool { return folded(a, x.Name, &there.Params) })
		c.settle(there)
		sameCheckpoint(t, a.Projector, back, c.tensors, c.tensors, false)
	}
}

// folded says of a tensor that what becomes of it nothing tells apart again.
func folded(a *Arch, name string, p *Params) bool {
	for i := range a.Tensors {
		r := &a.Tensors[i]
		for _, hf := range r.names(r.HF, p) {
			if r.Do.Folds && slices.Contains(r.parts(hf, p), name) {
				return true
			}
		}
	}
	return false
}

// Thirds and instants are the parts that they are called.
func TestPartsOfTensors(t *testing.T) {
	in := numbers("qkv", 6, 2)
	if got, want := floatsOf(t, SecondThird.Forward(in, nil)), []float32{4, 5, 6, 7}; !slices.Equal(got, want) {
		t.Errorf("rows %v, want %v", got, want)
	}
	if got, want := floatsOf(t, ThirdThird.Forward(numbers("bias", 6), nil)), []float32{4, 5}; !slices.Equal(got, want) {
		t.Errorf("elements %v, want %v", got, want)
	}
	conv := SecondInstant.Forward(numbers("conv", 2, 1, 2, 2, 2), nil)
	if got, want := floatsOf(t, conv), []float32{4, 5, 6, 7, 12, 13, 14, 15}; !slices.Equal(got, want) || !slices.Equal(conv.Shape, []int{2, 1, 2, 2}) {
		t.Errorf("%v of shape %v, want %v", got, conv.Shape, want)
	}
}

// Places are stretched by straight lines, the corners where they were; a square of the right size stays.
func TestStretched(t *testing.T) {
	p := &Params{Vision: Vision{Image: 12, Patch: 4}}
	if got, want := floatsOf(t, stretched.Forward(numbers("places", 1, 4, 1), p)), []float32{0, 0.5, 1, 1, 1.5, 2, 2, 2.5, 3}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	p.Vision.Image = 8
	if got, want := floatsOf(t, stretched.Forward(numbers("places", 1, 16, 1), p)), []float32{0, 3, 12, 15}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if same := numbers("places", 1, 4, 1); stretched.Forward(same, p) != same {
		t.Error("places of the right size were moved")
	}
}

// A model that sees is bound twice, and no tensor is in neither part or in both.
func TestEveryTensorHasAPart(t *testing.T) {
	for projector, config := range sees(t) {
		c := towerOfConfig(t, config)
		text := wordsOf(t, config)
		words, vision := len(text), len(c.tensors)
		c.tensors = append(c.tensors, text...)
		b, err := Bind(c.source())
		if text == nil {
			if err == nil || !strings.Contains(err.Error(), "--mmproj") {
				t.Errorf("%s: a model without words was taken for one with: %v", projector, err)
			}
			continue
		}
		if err != nil {
			t.Fatalf("%s: %v", projector, err)
		}
		tower, err := BindTower(c.source())
		if err != nil {
			t.Fatalf("%s: %v", projector, err)
		}
		for _, r := range tower.Arch.Tensors {
			if r.Do.Lent {
				words-- // both parts have it
			}
		}
		if len(b.Left) != vision || len(tower.Left) != words || len(b.Dropped)+len(tower.Dropped) != 0 {
			t.Errorf("%s: %d of %d and %d of %d are left to the other part", projector, len(b.Left), vision, len(tower.Left), words)
		}
		c.tensors = append(c.tensors, numbers("stranger.weight", 3))
		if _, err := Bind(c.source()); err == nil {
			t.Errorf("%s: a stranger was let in", projector)
		}
	}
}

// Whatever a config.json says, a tower is understood or refused with a kind of error, and never panics.
func FuzzBindTower(f *testing.F) {
	var tensors []*formats.Tensor
	for _, config := range sees(f) {
		f.Add(must(json.Marshal(config)))
		tensors = append(tensors, towerOfConfig(f, config).tensors...)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		src := (&checkpoint{tensors: tensors}).source()
		src.File = func(string) ([]byte, error) { return text, nil }
		for _, bind := range []func(*formats.Source) (*Bound, error){Bind, BindTower} {
			_, err := bind(src)
			if err != nil && !errors.Is(err, formats.ErrCorrupt) && !errors.Is(err, formats.ErrUnsupported) {
				t.Fatalf("an error of no kind: %v", err)
			}
		}
	})
}

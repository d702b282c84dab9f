package arch

import (
	"slices"

	"quern/formats"
)

// What Gemma 3n hears with is the conformer that Gemma 4's came of (tower_gemma4_hears.go), under other names, without ends of what matrices are given and with a table of tokens that
// stand for sounds. No runtime computes it yet: files hold it as the reference writes it.
var gemma3nHears = hearing([]Rule{
	{GGUF: "a.conv1d.0.weight", HF: gemma3nSub + "conv_0.conv.weight", Role: RoleTower, Shape: "channels 1 three three", Store: "F32"},
	{GGUF: "a.conv1d.0.norm.weight", HF: gemma3nSub + "conv_0.norm.weight", Role: RoleTower, Shape: "channels"},
	{GGUF: "a.conv1d.1.weight", HF: gemma3nSub + "conv_1.conv.weight", Role: RoleTower, Shape: "channels-1 channels three three", Store: "F32"},
	{GGUF: "a.conv1d.1.norm.weight", HF: gemma3nSub + "conv_1.norm.weight", Role: RoleTower, Shape: "channels-1"},
	{GGUF: "a.pre_encode.out.weight", HF: gemma3nSub + "input_proj_linear.weight", Role: RoleTower, Shape: "heard bands", Store: "F16"},
	{GGUF: "a.blk.{}.conv_dw.weight", HF: gemma3nHeard + "lconv1d.depthwise_conv1d.weight", Role: RoleTower, Shape: "heard 1 kernel", Store: "F32"},
	{GGUF: "a.blk.{}.per_dim_scale", HF: gemma3nHeard + "attention.attn.per_dim_scale", Role: RoleTower, Shape: "heard-head"},
}, gemma3nLayers(), gemma3nEmbeds("mm.a.", "model.embed_audio.", "instants heard", "heard", "text heard"))

const (
	gemma3nSub   = "audio_tower.subsample_conv_projection."
	gemma3nHeard = "audio_tower.conformer.{}."
)

func gemma3nLayers() (rules []Rule) {
	for _, t := range [][3]string{{"attn_q", "attention.attn.q_proj", "heard heard"}, {"attn_k", "attention.attn.k_proj", "heard heard"}, {"attn_v", "attention.attn.v_proj", "heard heard"},
		{"attn_out", "attention.post", "heard heard"}, {"linear_pos", "attention.attn.relative_position_embedding.pos_proj", "heard heard"},
		{"ln1", "attention.pre_attn_norm", "heard"}, {"ln2", "attention.post_norm", "heard"}, {"layer_pre_norm", "norm", "heard"},
		{"ffn_norm", "ffw_layer_start.pre_layer_norm", "heard"}, {"ffn_post_norm", "ffw_layer_start.post_layer_norm", "heard"},
		{"ffn_up", "ffw_layer_start.ffw_layer_1", "4heard heard"}, {"ffn_down", "ffw_layer_start.ffw_layer_2", "heard 4heard"},
		{"ffn_norm_1", "ffw_layer_end.pre_layer_norm", "heard"}, {"ffn_post_norm_1", "ffw_layer_end.post_layer_norm", "heard"},
		{"ffn_up_1", "ffw_layer_end.ffw_layer_1", "4heard heard"}, {"ffn_down_1", "ffw_layer_end.ffw_layer_2", "heard 4heard"},
		{"conv_norm", "lconv1d.pre_layer_norm", "heard"}, {"norm_conv", "lconv1d.conv_norm", "heard"}, {"conv_pw1", "lconv1d.linear_start", "2heard heard"}, {"conv_pw2", "lconv1d.linear_end", "heard heard"}} {
		rules = append(rules, Rule{GGUF: "a.blk.{}." + t[0] + ".weight", HF: gemma3nHeard + t[1] + ".weight", Role: RoleTower, Shape: t[2]})
	}
	return rules
}

// gemma3nEmbeds are the rules of what makes the language model's embeddings of what is seen or heard, and of tokens that stand for it.
func gemma3nEmbeds(gguf, hf, table, width, projected string) (rules []Rule) {
	for _, t := range [][3]string{{"embedding", "embedding", table}, {"hard_emb_norm", "hard_embedding_norm", width}, {"soft_emb_norm", "soft_embedding_norm", width}, {"input_projection", "embedding_projection", projected}} {
		rules = append(rules, Rule{GGUF: gguf + t[0] + ".weight", HF: hf + t[1] + ".weight", Role: RoleTower, Shape: t[2]})
	}
	return rules
}

// gemma3nHearsDefaults are what transformers assumes, and what the reference writes of a feed-forward network that config.json does not speak of.
var gemma3nHearsDefaults = map[string]any{
	"audio_config.hidden_size": 1536, "audio_config.intermediate_size": 6144, "audio_config.conf_num_hidden_layers": 12, "audio_config.conf_num_attention_heads": 8,
	"audio_config.input_feat_size": 128, "audio_config.sscp_conv_channel_size": []any{128, 32}, "audio_config.conf_conv_kernel_size": 5, "audio_config.vocab_size": 128,
}

var gemma3nHearingKeys = slices.Concat(replaceKeys(hearingKeys("audio_config."),
	Key{GGUF: "clip.audio.block_count", HF: []string{"audio_config.conf_num_hidden_layers"}, Field: func(p *Params) any { return &p.Hear.Layers }, Default: nothing, When: hears},
	Key{GGUF: "clip.audio.attention.head_count", HF: []string{"audio_config.conf_num_attention_heads"}, Field: func(p *Params) any { return &p.Hear.Heads }, Default: nothing, When: hears},
), []Key{
	{HF: []string{"audio_config.sscp_conv_channel_size"}, Field: func(p *Params) any { return &p.Hear.Channels }, Default: nothing, When: never},
	{HF: []string{"audio_config.conf_conv_kernel_size"}, Field: func(p *Params) any { return &p.Hear.Kernel }, Default: nothing, When: never},
	{HF: []string{"audio_config.vocab_size"}, Field: func(p *Params) any { return &p.Hear.Places }, Default: nothing, When: never},
})

// gemma3nHearsRefuses are settings that no file tells.
var gemma3nHearsRefuses = []Refusal{
	{HF: "audio_config.conf_attention_chunk_size", Unless: []string{"12"}, Why: "sounds are heard in other pieces"},
	{HF: "audio_config.conf_attention_context_left", Unless: []string{"13"}, Why: "sounds are heard in other pieces"},
	{HF: "audio_config.conf_attention_context_right", Unless: []string{"0"}, Why: "sounds are heard in other pieces"},
	{HF: "audio_config.conf_attention_logit_cap", Unless: []string{"50"}, Why: "scores have another limit"},
	{HF: "audio_config.conf_residual_weight", Unless: []string{"0.5"}, Why: "feed-forward networks count otherwise"},
	{HF: "audio_config.conf_reduction_factor", Unless: []string{"4"}, Why: "another number of instants becomes one embedding"},
	{HF: "audio_config.sscp_conv_kernel_size", Unless: []string{"[[3 3] [3 3]]"}, Why: "convolutions of another size"},
	{HF: "audio_config.sscp_conv_stride_size", Unless: []string{"[[2 2] [2 2]]"}, Why: "convolutions that shrink otherwise"},
	{HF: "audio_config.rms_norm_eps", Unless: []string{"1e-06"}, Why: "norms have another epsilon"},
}

// finishGemma3nHears sees whether there is a tower that hears.
func finishGemma3nHears(c *Config, p *Params) error {
	h := &p.Hear
	if v, _ := c.Value("audio_config"); v == nil {
		*h = Hearing{}
		return nil
	}
	h.Has, h.Eps = true, 1e-5 // whatever config.json says, as the reference has it
	if len(h.Channels) != 2 || h.Mel%4 != 0 {
		return c.fail("audio_config.sscp_conv_channel_size", formats.Unsupported("is %v for %d bands of frequencies, which two convolutions quarter", h.Channels, h.Mel), "")
	}
	return nil
}

// lookGemma3nHears takes from tensors what the keys do not tell.
func lookGemma3nHears(src *formats.Source, p *Params) {
	h := &p.Hear
	if !h.Has {
		return
	}
	h.Places, h.Channels = heightOf(src, "mm.a.embedding.weight"), channelsOf(src)
	if t := src.Tensor("a.blk.0.conv_dw.weight"); t != nil && len(t.Shape) == 3 {
		h.Kernel = t.Shape[2]
	}
}

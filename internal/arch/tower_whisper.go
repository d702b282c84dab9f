package arch

import (
	"slices"

	"quern/formats"
)

// The towers of Qwen2-Audio, Audio Flamingo 3 and Voxtral are Whisper's encoder (arXiv:2212.04356) before projectors of their own: one matrix behind a mean of two
// instants, two matrices, and two matrices that are given four instants at once.
var (
	Qwen2AudioTower = registerTower(whisper("qwen2a", "F16", Variant{
		Type: "qwen2_audio", HF: []string{"Qwen2AudioForConditionalGeneration"}, Language: "Qwen2ForCausalLM", Inner: firstQwen2, Defaults: whisperDefaults,
	}, affine("mm.a.fc", "multi_modal_projector.linear", "heard-text heard"), nil, nil))

	FlamingoTower = registerTower(whisper("musicflamingo", "F32", Variant{
		Type: "audioflamingo3", HF: []string{"AudioFlamingo3ForConditionalGeneration"}, Language: "Qwen2ForCausalLM", Inner: firstQwen2,
		Defaults: with(whisperDefaults, map[string]any{"projector_bias": true}),
	}, withBiases("projector_bias", affine("mm.a.mlp.1", "multi_modal_projector.linear_1", "heard-text heard"),
		affine("mm.a.mlp.2", "multi_modal_projector.linear_2", "heard-text heard-text")), nil, nil))

	VoxtralTower = registerTower(whisper("voxtral", "F16", Variant{
		Type: "voxtral", HF: []string{"VoxtralForConditionalGeneration"}, Defaults: whisperDefaults, Inner: map[string]map[string]any{"llama": {
			"vocab_size": 131072, "hidden_size": 3072, "intermediate_size": 8192, "num_hidden_layers": 30, "num_attention_heads": 32, "num_key_value_heads": 8,
			"max_position_embeddings": 131072, "rms_norm_eps": 1e-5, "rope_theta": 1e8, "head_dim": 128,
		}},
	}, []Rule{
		{GGUF: "mm.a.mlp.1.weight", HF: "multi_modal_projector.linear_1.weight", Role: RoleTower, Shape: "heard-text heard-ff"},
		{GGUF: "mm.a.mlp.2.weight", HF: "multi_modal_projector.linear_2.weight", Role: RoleTower, Shape: "heard-text heard-text"},
	}, []Key{{GGUF: "clip.audio.projector.stack_factor", Field: func(p *Params) any { return &p.Hear.Stack }, Default: func(p *Params) { p.Hear.Stack = 4 }}},
		func(c *Config, p *Params) error {
			if p.Hear.FF != 4*p.Hear.Embd {
				return c.fail("audio_config.intermediate_size", formats.Unsupported("is %d for a width of %d: the projector is given that many numbers, which are not four instants", p.Hear.FF, p.Hear.Embd), "")
			}
			return nil
		}))
)

// whisperDefaults are what the library assumes for all of them.
var whisperDefaults = map[string]any{
	"audio_config.hidden_size": 1280, "audio_config.intermediate_size": 5120, "audio_config.num_hidden_layers": 32, "audio_config.num_attention_heads": 20,
	"audio_config.num_mel_bins": 128, "audio_config.max_source_positions": 1500, "audio_config.activation_function": "gelu", "audio_config.scale_embedding": false,
}

// whisper is a tower of that kind. convolved is the type of its convolutions.
func whisper(projected, convolved string, v Variant, ends []Rule, keys []Key, finish func(*Config, *Params) error) Arch {
	return Arch{
		Projector: projected,
		Variants:  []Variant{v},
		Own:       []string{"audio_tower.*", "multi_modal_projector.*"},
		Keys: slices.Concat([]Key{{GGUF: "general.file_type"}}, replaceKey(hearingKeys("audio_config."), Key{
			GGUF: "clip.has_audio_encoder", Field: func(p *Params) any { return &p.Hear.Has }, Default: func(p *Params) { p.Hear.Has = true },
		}), []Key{projector(projected)}, hearingEnds("", "audio_config.num_mel_bins"), []Key{
			{HF: []string{"audio_config.max_source_positions"}, Field: func(p *Params) any { return &p.Hear.Places }, Default: nothing, When: never},
		}, keys),
		Tensors: hearing([]Rule{
			{GGUF: "a.conv1d.1.weight", HF: "audio_tower.conv1.weight", Role: RoleTower, Shape: "heard mel three", Store: convolved},
			{GGUF: "a.conv1d.1.bias", HF: "audio_tower.conv1.bias", Role: RoleTower, Shape: "heard 1", From: "heard", Do: ofOneInstant},
			{GGUF: "a.conv1d.2.weight", HF: "audio_tower.conv2.weight", Role: RoleTower, Shape: "heard heard three", Store: convolved},
			{GGUF: "a.conv1d.2.bias", HF: "audio_tower.conv2.bias", Role: RoleTower, Shape: "heard 1", From: "heard", Do: ofOneInstant},
			{GGUF: "a.position_embd.weight", HF: "audio_tower.embed_positions.weight", Role: RoleTower, Shape: "instants heard", Store: "F32"},
		}, whisperLayers(), affine("a.post_ln", "audio_tower.layer_norm", "heard"), ends),
		Refuse: []Refusal{
			{HF: "audio_config.activation_function", Unless: []string{"gelu"}, Why: "the tower's activation function is not gelu"},
			{HF: "audio_config.scale_embedding", Unless: []string{"false"}, Why: "embeddings are multiplied"},
			{HF: "projector_hidden_act", Unless: []string{"gelu"}, Why: "the projector's activation function is not gelu"},
		},
		Finish: finish,
		Look:   func(src *formats.Source, p *Params) { p.Hear.Places = heightOf(src, "a.position_embd.weight") },
	}
}

// ofOneInstant makes a column of a vector.
var ofOneInstant = reshaped("of one instant", func(p *Params) []int { return []int{p.Hear.Embd, 1} })

// whisperLayers have keys without biases.
func whisperLayers() (rules []Rule) {
	const at = "audio_tower.layers.{}."
	for _, t := range [][3]string{{"ln1", "self_attn_layer_norm", "heard"}, {"ln2", "final_layer_norm", "heard"}, {"attn_q", "self_attn.q_proj", "heard heard"},
		{"attn_v", "self_attn.v_proj", "heard heard"}, {"attn_out", "self_attn.out_proj", "heard heard"}, {"ffn_up", "fc1", "heard-ff heard"}, {"ffn_down", "fc2", "heard heard-ff"}} {
		rules = append(rules, affine("a.blk.{}."+t[0], at+t[1], t[2])...)
	}
	return append(rules, Rule{GGUF: "a.blk.{}.attn_k.weight", HF: at + "self_attn.k_proj.weight", Role: RoleTower, Shape: "heard heard"})
}

package arch

import (
	"slices"

	"quern/formats"
)

// The towers of Qwen2-Audio, Audio Flamingo 3 and Voxtral are Whisper's encoder (arXiv:2212.04356) before projectors of their own: one matrix behind a mean of two
// instants, two matrices, and two matrices that are given four instants at once. tower_ultravox.go and tower_meralion.go have more.
var (
	Qwen2AudioTower = registerTower(usualWhisper.tower("qwen2a", "F16", Variant{
		Type: "qwen2_audio", HF: []string{"Qwen2AudioForConditionalGeneration"}, Language: "Qwen2ForCausalLM", Inner: firstQwen2, Defaults: whisperDefaults,
	}, affine("mm.a.fc", "multi_modal_projector.linear", "heard-text heard"), nil, nil))

	FlamingoTower = registerTower(usualWhisper.tower("musicflamingo", "F32", Variant{
		Type: "audioflamingo3", HF: []string{"AudioFlamingo3ForConditionalGeneration"}, Language: "Qwen2ForCausalLM", Inner: firstQwen2,
		Defaults: with(whisperDefaults, map[string]any{"projector_bias": true}),
	}, withBiases("projector_bias", affine("mm.a.mlp.1", "multi_modal_projector.linear_1", "heard-text heard"),
		affine("mm.a.mlp.2", "multi_modal_projector.linear_2", "heard-text heard-text")), nil, nil))

	VoxtralTower = registerTower(usualWhisper.tower("voxtral", "F16", Variant{
		Type: "voxtral", HF: []string{"VoxtralForConditionalGeneration"}, Defaults: whisperDefaults, Inner: map[string]map[string]any{"llama": {
			"vocab_size": 131072, "hidden_size": 3072, "intermediate_size": 8192, "num_hidden_layers": 30, "num_attention_heads": 32, "num_key_value_heads": 8,
			"max_position_embeddings": 131072, "rms_norm_eps": 1e-5, "rope_theta": 1e8, "head_dim": 128,
		}},
	}, []Rule{
		{GGUF: "mm.a.mlp.1.weight", HF: "multi_modal_projector.linear_1.weight", Role: RoleTower, Shape: "heard-text heard-ff"},
		{GGUF: "mm.a.mlp.2.weight", HF: "multi_modal_projector.linear_2.weight", Role: RoleTower, Shape: "heard-text heard-text"},
	}, []Key{framesAtOnce(4)},
		func(c *Config, p *Params) error {
			if p.Hear.FF != 4*p.Hear.Embd {
				return c.fail("audio_config.intermediate_size", formats.Unsupported("is %d for a width of %d: the projector is given that many numbers, which are not four instants", p.Hear.FF, p.Hear.Embd), "")
			}
			return nil
		}))
)

// A whisperAt says where a checkpoint has Whisper's encoder: the names of its tensors begin with tensors, the keys of config.json with config, and own are patterns of
// everything that is not the language model's.
type whisperAt struct {
	tensors, config string
	own             []string
}

var usualWhisper = whisperAt{"audio_tower.", "audio_config.", []string{"audio_tower.*", "multi_modal_projector.*"}}

// whisperDefaults are what the library assumes for all of them.
var whisperDefaults = usualWhisper.defaults()

func (at whisperAt) defaults() map[string]any {
	all := map[string]any{}
	for key, val := range map[string]any{"hidden_size": 1280, "intermediate_size": 5120, "num_hidden_layers": 32, "num_attention_heads": 20, "num_mel_bins": 128,
		"max_source_positions": 1500, "activation_function": "gelu", "scale_embedding": false} {
		all[at.config+key] = val
	}
	return all
}

// framesAtOnce is the key of how many instants the projector is given at once.
func framesAtOnce(usual int, hf ...string) Key {
	return Key{GGUF: "clip.audio.projector.stack_factor", HF: hf, Field: func(p *Params) any { return &p.Hear.Stack }, Default: func(p *Params) { p.Hear.Stack = usual }}
}

// tower is a tower of that kind. convolved is the type of its convolutions.
func (at whisperAt) tower(projected, convolved string, v Variant, ends []Rule, keys []Key, finish func(*Config, *Params) error) Arch {
	return Arch{
		Projector: projected,
		Variants:  []Variant{v},
		Own:       at.own,
		Keys: slices.Concat([]Key{{GGUF: "general.file_type"}}, alwaysHearing(at.config), []Key{projector(projected)}, hearingEnds("", at.config+"num_mel_bins"), []Key{
			{HF: []string{at.config + "max_source_positions"}, Field: func(p *Params) any { return &p.Hear.Places }, Default: nothing, When: never},
		}, keys),
		Tensors: hearing(whisperConvolutions(at.tensors, convolved), []Rule{
			{GGUF: "a.position_embd.weight", HF: at.tensors + "embed_positions.weight", Role: RoleTower, Shape: "instants heard", Store: "F32"},
		}, whisperLayers(at.tensors+"layers.{}."), affine("a.post_ln", at.tensors+"layer_norm", "heard"), ends),
		Refuse: append(at.refuses(), Refusal{HF: "projector_hidden_act", Unless: []string{"gelu"}, Why: "the projector's activation function is not gelu"}),
		Finish: finish,
		Look:   func(src *formats.Source, p *Params) { p.Hear.Places = heightOf(src, "a.position_embd.weight") },
	}
}

func (at whisperAt) refuses() []Refusal {
	return []Refusal{
		{HF: at.config + "activation_function", Unless: []string{"gelu"}, Why: "the activation function of the tower that hears is not gelu"},
		{HF: at.config + "scale_embedding", Unless: []string{"false"}, Why: "embeddings of sounds are multiplied"},
	}
}

// whisperConvolutions are the two over instants before the first layer, of which the second halves their number.
func whisperConvolutions(at, store string) []Rule {
	return []Rule{
		{GGUF: "a.conv1d.1.weight", HF: at + "conv1.weight", Role: RoleTower, Shape: "heard mel three", Store: store},
		{GGUF: "a.conv1d.1.bias", HF: at + "conv1.bias", Role: RoleTower, Shape: "heard 1", From: "heard", Do: ofOneInstant},
		{GGUF: "a.conv1d.2.weight", HF: at + "conv2.weight", Role: RoleTower, Shape: "heard heard three", Store: store},
		{GGUF: "a.conv1d.2.bias", HF: at + "conv2.bias", Role: RoleTower, Shape: "heard 1", From: "heard", Do: ofOneInstant},
	}
}

// ofOneInstant makes a column of a vector.
var ofOneInstant = reshaped("of one instant", func(p *Params) []int { return []int{p.Hear.Embd, 1} })

// whisperLayers have keys without biases.
func whisperLayers(at string) (rules []Rule) {
	for _, t := range [][3]string{{"ln1", "self_attn_layer_norm", "heard"}, {"ln2", "final_layer_norm", "heard"}, {"attn_q", "self_attn.q_proj", "heard heard"},
		{"attn_v", "self_attn.v_proj", "heard heard"}, {"attn_out", "self_attn.out_proj", "heard heard"}, {"ffn_up", "fc1", "heard-ff heard"}, {"ffn_down", "fc2", "heard heard-ff"}} {
		rules = append(rules, affine("a.blk.{}."+t[0], at+t[1], t[2])...)
	}
	return append(rules, Rule{GGUF: "a.blk.{}.attn_k.weight", HF: at + "self_attn.k_proj.weight", Role: RoleTower, Shape: "heard heard"})
}

package arch

import "slices"

// MeralionTower is what MERaLiON 2 hears with: Whisper's encoder, a further norm, and a projector that is given fifteen instants at once, whose second half is gated
// (arXiv:2412.09818 and the published code; its middle is five times as wide as the encoder, whatever config.json says).
var MeralionTower = registerTower(meralionAt.tower("meralion", "F16", Variant{
	Type: "meralion2", HF: []string{"MERaLiON2ForConditionalGeneration"}, Language: "Gemma2ForCausalLM", Defaults: meralionAt.defaults(),
}, slices.Concat(affine("mm.a.norm_pre", "ln_speech", "heard"),
	affine("mm.a.mlp.0", "speech_audio_adapter.mlp_adapter.0", "5heard heard-stack"),
	affine("mm.a.mlp.1", "speech_audio_adapter.gate_proj", "5heard 5heard"),
	affine("mm.a.mlp.2", "speech_audio_adapter.pool_proj", "5heard 5heard"),
	affine("mm.a.mlp.3", "speech_audio_adapter.out_proj", "heard-text 5heard")), []Key{framesAtOnce(15, "speech_mlp_scale_factor")}, nil))

var meralionAt = whisperAt{"speech_encoder.", "speech_config.", []string{"speech_encoder.*", "ln_speech.*", "speech_audio_adapter.*"}}

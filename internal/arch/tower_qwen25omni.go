package arch

import "slices"

// Qwen25OmniTower is what Qwen2.5-Omni sees and hears with: Qwen2.5-VL's tower, whose queries, keys and values are matrices of their own here, and Whisper's encoder with embeddings of
// instants that are computed, means of two instants, a norm, and one matrix (arXiv:2503.20215). What speaks in the model has no place in the file.
var Qwen25OmniTower = registerTower(Arch{
	Projector: "qwen2.5o",
	Variants: []Variant{{
		Type: "qwen2_5_omni", HF: []string{"Qwen2_5OmniModel", "Qwen2_5OmniForConditionalGeneration", "Qwen2_5OmniThinkerForConditionalGeneration"}, Language: "Qwen2_5_VLForConditionalGeneration",
		Defaults: with(with(qwen25Tower, whisperDefaults), map[string]any{"hidden_size": 3584}),
	}},
	Own:  append([]string{"visual.*", "audio_tower.*"}, speaks...),
	Drop: append([]string{"audio_tower.audio_bos_eos_token.*"}, speaks...), // which the library does not use either
	Keys: slices.Concat(visionKeys, alwaysHearing("audio_config."), hearingEnds("", "audio_config.num_mel_bins"), []Key{projector("qwen2.5o")}, qwen25Keys),
	Tensors: slices.Concat(qwenPatches, qwen25Blocks, affine("v.blk.{}.attn_q", "visual.blocks.{}.attn.q", "E E"), affine("v.blk.{}.attn_k", "visual.blocks.{}.attn.k", "E E"),
		affine("v.blk.{}.attn_v", "visual.blocks.{}.attn.v", "E E"), affine("v.blk.{}.attn_out", "visual.blocks.{}.attn.proj", "E E"), qwenProjector,
		hearing([]Rule{madePlaces}, whisperConvolutions("audio_tower.", "F16"), whisperLayers("audio_tower.layers.{}."), affine("a.post_ln", "audio_tower.ln_post", "heard"),
			affine("mm.a.fc", "audio_tower.proj", "heard-text heard"))),
	Refuse: append(usualWhisper.refuses(), qwen25Refuses...),
	Finish: finishWindows,
})

// speaks are the tensors of what speaks in models of this kind.
var speaks = []string{"talker.*", "token2wav.*", "code2wav.*"}

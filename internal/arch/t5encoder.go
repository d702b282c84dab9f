package arch

import (
	"slices"
)

// T5Encoder is the encoder of T5 and of umT5 alone, with which sentences are embedded and pictures are told what to show: nothing is rotated, scores are not divided, and a
// number of each head for the distance between query and key is added to them.
var T5Encoder = register(Arch{
	Name: "t5encoder",
	Variants: []Variant{
		{Type: "t5", HF: []string{"T5EncoderModel"}, Defaults: t5Defaults},
		{Type: "umt5", HF: []string{"UMT5EncoderModel"}, Defaults: umt5Defaults},
	},
	Keys: t5Keys([]Key{told("block_count", "num_layers")}, nil, slices.Concat(quiet(encoderKeys[0]), encoderKeys[1:])),
	Tensors: slices.Concat([]Rule{
		{GGUF: "token_embd.weight", HF: "shared.weight", Role: RoleEmbed, Shape: "V E"},
	}, t5Rules("enc.blk.{}.", "encoder.block.{}.layer.", "1", says), []Rule{
		{GGUF: "enc.output_norm.weight", HF: "encoder.final_layer_norm.weight", Role: RoleOutputNorm, Shape: "E"},
	}),
	Drop:   []string{"encoder.embed_tokens.weight", "decoder.*", "lm_head.weight"},
	Refuse: t5Refuses,
	Layer:  Layer{MeanNorm: true, StillEvery: 1, Encoder: true},
	Finish: finishT5,
	Beside: readPooling,
	Look:   lookT5,
})

package arch

import "slices"

// Dream is the family of that name: Qwen 2.5 whose queries see all positions, which fills in masked tokens. What it says at a position is about the next one.
var Dream = register(Arch{
	Name: "dream",
	Variants: []Variant{{
		Type:     "Dream",
		HF:       []string{"DreamModel"},
		Defaults: map[string]any{"max_position_embeddings": 32768, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "num_key_value_heads": 32},
	}},
	Keys:    slices.Concat(shapeKeys, headKeys(ownHead), []Key{{GGUF: "general.file_type"}}, encoderKeys[:1], []Key{maskKey}, sizeKeys(never)),
	Tensors: slices.Concat(decoder, qwenBiases),
	Drop:    []string{"*.rotary_emb.inv_freq"},
	Refuse:  qwenRefuses,
	Layer:   Layer{RopeNeox: true, FillsIn: true},
})

// RND1 is the family of that name: the mixtures among Qwen 3, whose queries see all positions.
var RND1 = register(Arch{
	Name: "rnd1",
	Variants: []Variant{{
		Type:     "rnd1",
		HF:       []string{"RND1"},
		Defaults: Qwen3Moe.Variants[0].Defaults,
	}},
	Keys: slices.Concat(shapeKeys, expertKeys, headKeys(always), []Key{
		{GGUF: "general.file_type"},
		expertWidth("moe_intermediate_size"),
		sumsToOne,
	}, encoderKeys[:1], []Key{maskKey}, sizeKeys(never)),
	Tensors: Qwen3Moe.Tensors,
	Drop:    Qwen3Moe.Drop,
	Refuse:  Qwen3Moe.Refuse,
	Layer:   Layer{RopeNeox: true, FillsIn: true},
})

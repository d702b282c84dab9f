package arch

import "slices"

// Orion is the family of Orion-14B: llama with norms that take the mean away, whatever config.json calls them, and heads rotated in halves.
var Orion = register(Arch{
	Name: "orion",
	Variants: []Variant{{
		Type:     "orion",
		HF:       []string{"OrionForCausalLM"},
		Defaults: map[string]any{"max_position_embeddings": 4096, "rms_norm_eps": 1e-5, "rope_theta": 10000.0},
	}},
	Keys: slices.Concat(
		[]Key{{GGUF: "general.file_type"}, dataLayout, told("context_length", "max_sequence_length", "max_position_embeddings", "model_max_length")},
		named("embedding_length", "block_count", "feed_forward_length", "attention.head_count", "attention.head_count_kv"),
		[]Key{told("attention.layer_norm_epsilon", "rms_norm_eps")},
		otherRope, impliedHead, sizeKeys(never),
	),
	Tensors: meanNorms(decoder),
	Drop:    []string{"*.rotary_emb.inv_freq"},
	Refuse:  plainRefuses,
	Layer:   Layer{MeanNorm: true, RopeNeox: true},
})

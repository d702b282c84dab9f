package arch

import (
	"slices"
	"strings"
)

// EuroBert is the family of EuroBERT: llama's layers, whose queries see all positions.
var EuroBert = register(Arch{
	Name:  "eurobert",
	Strip: []string{"model."},
	Variants: []Variant{{
		Type: "eurobert",
		HF:   []string{"EuroBertModel", "EuroBertForMaskedLM", "JinaEmbeddingsV5Model"},
		Defaults: map[string]any{
			"vocab_size": 128256, "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12, "max_position_embeddings": 8192,
			"rms_norm_eps": 1e-5, "hidden_act": "silu", "rope_theta": 250000.0,
		},
	}},
	Keys: slices.Concat(shapeKeysBut("rope.scaling.type", "rope.scaling.factor"), headKeys(always), []Key{{GGUF: "general.file_type"}},
		encoderKeys[:1], []Key{unscaled}, encoderKeys[1:], sizeKeys(never), quiet(named("rope.scaling.factor")...)),
	Tensors: bareNames(without(decoder, RoleOutput)),
	Drop:    []string{"*.rotary_emb.inv_freq", "lm_head.*"},
	Refuse:  slices.Concat(encoderRefuses, plainRefuses),
	Layer:   Layer{RopeNeox: true, Encoder: true},
	Beside:  readPooling,
})

// bareNames are rules under the names that a class without a head has for their tensors.
func bareNames(rules []Rule) []Rule {
	out := slices.Clone(rules)
	for i := range out {
		out[i].HF = strings.TrimPrefix(out[i].HF, "model.")
	}
	return out
}

package arch

import "slices"

// Gemma is the first family of that name: llama with a scaled embedding that is the output head, too, a gate of GELU, and
// norms whose weights are stored less one.
var Gemma = register(Arch{
	Name: "gemma",
	Variants: []Variant{{
		Type: "gemma",
		HF:   []string{"GemmaForCausalLM"},
		Defaults: map[string]any{
			"max_position_embeddings": 8192, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "num_key_value_heads": 16, "head_dim": 256,
			"tie_word_embeddings": true,
		},
	}},
	Keys: slices.Concat(
		named("context_length", "embedding_length", "block_count", "feed_forward_length", "attention.head_count",
			"attention.head_count_kv", "attention.layer_norm_rms_epsilon"),
		headKeys(always),
		[]Key{{GGUF: "general.file_type"}},
		otherRope,
		sizeKeys(never),
	),
	Tensors: offset(without(decoder, RoleOutput)),
	Drop:    []string{"*.rotary_emb.inv_freq", "lm_head.weight"}, // some fine-tunes store the embedding twice
	Refuse: []Refusal{
		// Early files say gelu and mean its approximation: so the library that trained them, and every runtime.
		{HF: "hidden_act", Unless: []string{"gelu", "gelu_pytorch_tanh"}, Why: "its activation function is not gelu"},
		{HF: "hidden_activation", Unless: []string{"gelu_pytorch_tanh"}, Why: "its activation function is not gelu"},
		{HF: "tie_word_embeddings", Unless: []string{"true"}, Why: "an output head of its own"},
		{HF: "attention_bias", Unless: []string{"false"}, Why: "projections with biases"},
		{HF: "use_bidirectional_attention", Unless: []string{"false"}, Why: "tokens see what follows"},
	},
	Layer: Layer{RopeNeox: true, Act: GELUTanh, ScaleEmbed: true},
})

// offset is rules of which every norm's weight is stored less one.
func offset(rules []Rule) (out []Rule) {
	for _, r := range rules {
		switch r.Role {
		case RoleAttnNorm, RoleFFNNorm, RoleOutputNorm, RoleAttnPost, RoleFFNPost, RoleQNorm, RoleKNorm:
			r.Do = PlusOne
		}
		out = append(out, r)
	}
	return out
}

package arch

import (
	"fmt"
	"slices"
)

// Cohere is the family of Command R: norms that take the mean away, attention and network beside each other, the embedding as output head,
// heads rotated in pairs, and so they are stored. Command R+ norms every head with weights of its own.
var Cohere = register(Arch{
	Name: "command-r",
	Variants: []Variant{{
		Type: "cohere",
		HF:   []string{"CohereForCausalLM", "CohereModel"},
		Bare: []string{"CohereModel"},
		Defaults: map[string]any{
			"max_position_embeddings": 8192, "layer_norm_eps": 1e-5, "rope_theta": 10000.0, "logit_scale": 0.0625, "tie_word_embeddings": true,
		},
	}},
	Keys: slices.Concat(cohereKeys(ownHead), []Key{{GGUF: "general.file_type"}, logitKey, unscaled}, sizeKeys(never)),
	Tensors: slices.Concat(without(decoder, RoleFFNNorm, RoleOutput), flagged("use_qk_norm", []Rule{
		{GGUF: "blk.{}.attn_q_norm.weight", HF: "model.layers.{}.self_attn.q_norm.weight", Role: RoleQNorm, Shape: "H D"},
		{GGUF: "blk.{}.attn_k_norm.weight", HF: "model.layers.{}.self_attn.k_norm.weight", Role: RoleKNorm, Shape: "HK D"},
	})),
	Drop:   []string{"*.rotary_emb.inv_freq"},
	Refuse: cohereRefuses,
	Layer:  Layer{MeanNorm: true, Parallel: true},
	Mistaken: func(b *Bound) string {
		if b.Params.Layers < normedLayers && b.has(RoleQNorm) {
			return fmt.Sprintf("llama.cpp looks for norms of heads in models of %d layers and more only: it will not load this one", normedLayers)
		}
		return ""
	},
})

// normedLayers is the number of layers from which runtimes take Command R for Command R+.
const normedLayers = 64

// Cohere2 is the family of Command R7B and Command A: windows in three of four layers, and the others rotate nothing.
var Cohere2 = register(Arch{
	Name: "cohere2",
	Variants: []Variant{{
		Type: "cohere2",
		HF:   []string{"Cohere2ForCausalLM", "Cohere2Model"},
		Bare: []string{"Cohere2Model"},
		Defaults: map[string]any{
			"max_position_embeddings": 8192, "layer_norm_eps": 1e-5, "rope_theta": 10000.0, "logit_scale": 0.0625, "tie_word_embeddings": true,
			"sliding_window": 4096,
		},
	}},
	Keys: slices.Concat(cohereKeys(always), []Key{
		{GGUF: "general.file_type"},
		logitKey,
		{GGUF: "{a}.attention.sliding_window", HF: []string{"sliding_window"}, Field: func(p *Params) any { return &p.Window }},
		sizeKeys(always)[0],
	}, partKeys, []Key{unscaled}),
	Tensors: without(decoder, RoleFFNNorm, RoleOutput),
	Drop:    []string{"*.rotary_emb.inv_freq"},
	Refuse: slices.Concat(cohereRefuses, []Refusal{
		{HF: "sliding_window_pattern", Unless: []string{"4"}, Why: "another number of layers has windows"},
		{HF: "rotary_pct", Unless: []string{"1"}, Why: "only a part of each head is rotated"},
	}),
	Layer:  Layer{MeanNorm: true, Parallel: true, FullEvery: 4, StillFull: true},
	Finish: func(c *Config, p *Params) error { return windows(c, p, Layer{FullEvery: 4}) },
})

// cohereKeys begin as all do. Older models say of the context that they were trained for under another name.
func cohereKeys(heads func(*Params) bool) []Key {
	keys := slices.Concat(meanKeys(shapeKeys), headKeys(heads))
	for i := range keys {
		if keys[i].GGUF == "{a}.context_length" {
			keys[i].HF = []string{"model_max_length", "max_position_embeddings"}
		}
	}
	return keys
}

// logitKey is what logits are multiplied by.
var logitKey = Key{GGUF: "{a}.logit_scale", HF: []string{"logit_scale"}, Field: func(p *Params) any { return &p.Scales.Times }, Default: func(p *Params) { p.Scales.Times = 1 }}

// unscaled says that positions are not scaled.
var unscaled = Key{GGUF: "{a}.rope.scaling.type", Field: func(*Params) any { none := "none"; return &none }, Default: nothing}

var cohereRefuses = []Refusal{
	{HF: "rope_scaling", Why: "stretched positions, which runtimes do not know for it"},
	{HF: "rope_parameters.rope_type", Unless: []string{"default"}, Why: "stretched positions, which runtimes do not know for it"},
	siluOnly,
	{HF: "attention_bias", Unless: []string{"false"}, Why: "projections with biases"},
	{HF: "tie_word_embeddings", Unless: []string{"true"}, Why: "an output head of its own"},
}

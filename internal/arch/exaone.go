package arch

import (
	"fmt"
	"slices"
)

// Exaone is the family of EXAONE 3 and 3.5: llama under other names, with heads rotated in halves.
var Exaone = register(Arch{
	Name: "exaone",
	Variants: []Variant{{
		Type:     "exaone",
		HF:       []string{"ExaoneForCausalLM"},
		Defaults: map[string]any{"max_position_embeddings": 2048, "layer_norm_epsilon": 1e-5, "rope_theta": 10000.0},
	}},
	Keys: slices.Concat(shapeKeys[:len(shapeKeys)-1], []Key{
		{GGUF: "{a}.attention.layer_norm_rms_epsilon", HF: []string{"layer_norm_epsilon", "rms_norm_eps"}, Field: func(p *Params) any { return &p.NormEps }},
	}, headKeys(ownHead), []Key{{GGUF: "general.file_type"}}, sizeKeys(always)[1:], sizeKeys(never)[:1]),
	Tensors: slices.Concat([]Rule{ropeFreqs}, renamed(decoder, map[Role]string{
		RoleEmbed: "transformer.wte.weight", RoleAttnNorm: "transformer.h.{}.ln_1.weight", RoleFFNNorm: "transformer.h.{}.ln_2.weight",
		RoleQ: "transformer.h.{}.attn.attention.q_proj.weight", RoleK: "transformer.h.{}.attn.attention.k_proj.weight",
		RoleV: "transformer.h.{}.attn.attention.v_proj.weight", RoleO: "transformer.h.{}.attn.attention.out_proj.weight",
		RoleGate: "transformer.h.{}.mlp.c_fc_0.weight", RoleUp: "transformer.h.{}.mlp.c_fc_1.weight", RoleDown: "transformer.h.{}.mlp.c_proj.weight",
		RoleOutputNorm: "transformer.ln_f.weight",
	})),
	Drop:   []string{"*.rotary.inv_freq", "*.rotary_emb.inv_freq"},
	Refuse: append(slices.Clone(plainRefuses), Refusal{HF: "activation_function", Unless: []string{"silu", "swish"}, Why: "its activation function is not silu"}),
	Layer:  Layer{RopeNeox: true},
})

// Exaone4 is the family of EXAONE 4: norms of what a layer's parts add, and of each head; the largest has windows in three of four layers, and
// the others rotate nothing.
var Exaone4 = register(Arch{
	Name: "exaone4",
	Variants: []Variant{{
		Type: "exaone4",
		HF:   []string{"Exaone4ForCausalLM", "Exaone4Model"},
		Bare: []string{"Exaone4Model"},
		Defaults: map[string]any{
			"max_position_embeddings": 2048, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "num_key_value_heads": 32, "sliding_window": 4096,
		},
	}},
	Keys:    slices.Concat(shapeKeys, headKeys(ownHead), []Key{{GGUF: "general.file_type"}}, sizeKeys(always)[:1], windowKeys, sizeKeys(never)[1:]),
	Tensors: slices.Concat([]Rule{ropeFreqs}, without(decoder, RoleAttnNorm, RoleFFNNorm), headNorms, normsAfter),
	Drop:    []string{"*.rotary_emb.inv_freq", "mtp.*"}, // layers that guess further tokens,
	Refuse:  plainRefuses,
	Layer:   Layer{RopeNeox: true, Bare: true, StillFull: true},
	Finish:  windowed,
	Mistaken: func(b *Bound) string {
		if b.Params.Window > 0 && b.Params.Layers != windowLayers {
			return fmt.Sprintf("llama.cpp takes windows to be in models of %d layers only: with %d it computes another model", windowLayers, b.Params.Layers)
		}
		return ""
	},
})

// windowLayers is the number of layers by which runtimes know the model that has windows.
const windowLayers = 64

// fullLayers says that no layer has a window: the library would count them.
func fullLayers(p *Params) map[string]any {
	if p.Window > 0 {
		return nil
	}
	return map[string]any{"layer_types": slices.Repeat([]string{"full_attention"}, p.Layers)}
}

package arch

import (
	"slices"

	"quern/formats"
)

// Qwen3VL is the language model of Qwen3-VL (its tower: tower_qwen3.go): qwen3, of whose heads parts are rotated by time, height and width,
// and to whose first layers images add something more. In a text it is qwen3.
var Qwen3VL = register(Arch{
	Name: "qwen3vl",
	Variants: []Variant{
		{Type: "qwen3_vl", HF: []string{"Qwen3VLForConditionalGeneration"}, Defaults: qwen3VL},
		{Type: "qwen3_vl_text", Defaults: qwen3VL},
	},
	Keys:    slices.Concat(sectioned(decoderKeys(always)), []Key{deepstackKey}),
	Tensors: slices.Concat(decoder, headNorms),
	Drop:    []string{"*.rotary_emb.inv_freq"},
	Refuse:  slices.Concat(qwenRefuses, []Refusal{{HF: "attention_bias", Unless: []string{"false"}, Why: "projections with biases"}}),
	Layer:   Layer{RopeNeox: true},
	Finish:  finishSections,
})

// Qwen3VLMoe is that of its mixtures. All experts of a layer are in two tensors, with inputs outermost.
var Qwen3VLMoe = register(Arch{
	Name: "qwen3vlmoe",
	Variants: []Variant{
		{Type: "qwen3_vl_moe", HF: []string{"Qwen3VLMoeForConditionalGeneration"}, Defaults: qwen3VLMoe},
		{Type: "qwen3_vl_moe_text", Defaults: qwen3VLMoe},
		{Type: "qwen3_omni_moe_text", Defaults: with(qwen3VLMoe, map[string]any{ // the same with a tensor for each expert
			"max_position_embeddings": 32768, "rope_theta": 1000000.0, "num_key_value_heads": 4, "num_experts": 128, "num_experts_per_tok": 8, "moe_intermediate_size": 768,
		})},
	},
	Keys: slices.Concat(sectioned(shapeKeys), expertKeys, headKeys(always), []Key{
		{GGUF: "general.file_type"},
		expertWidth("moe_intermediate_size"),
		sumsToOne,
	}, sizeKeys(never), []Key{deepstackKey}),
	Tensors: slices.Concat(attention, headNorms, []Rule{
		{GGUF: "blk.{}.ffn_gate_inp.weight", HF: "model.layers.{}.mlp.gate.weight", Role: RoleRouter, Shape: "X E"},
		{GGUF: "blk.{}.ffn_down_exps.weight", HF: "model.layers.{}.mlp.experts.down_proj", Role: RoleDownExps, Shape: "X E M", From: "X M E", Do: Turn},
		{GGUF: "blk.{}.ffn_gate_exps.weight", HF: "model.layers.{}.mlp.experts.gate_up_proj", Role: RoleGateExps, Shape: "X M E", From: "X E MM", Do: LeftColumns},
		{GGUF: "blk.{}.ffn_up_exps.weight", HF: "model.layers.{}.mlp.experts.gate_up_proj", Role: RoleUpExps, Shape: "X M E", From: "X E MM", Do: RightColumns},
	}, without(mlpExperts[:4], RoleRouter)),
	Drop: []string{"*.rotary_emb.inv_freq"},
	Refuse: slices.Concat(qwenMoeRefuses, []Refusal{
		{HF: "attention_bias", Unless: []string{"false"}, Why: "projections with biases"},
		{HF: "norm_topk_prob", Unless: []string{"true"}, Why: "runtimes divide weights of experts by their sum"},
	}),
	Layer:  Layer{RopeNeox: true},
	Finish: finishSections,
})

// qwen3VL and qwen3VLMoe are what transformers assumes for keys that config.json leaves out.
var (
	qwen3VL = map[string]any{
		"max_position_embeddings": 128000, "rms_norm_eps": 1e-6, "rope_theta": 500000.0, "num_key_value_heads": 32, "head_dim": 128,
		"rope_scaling.mrope_section": []any{24, 20, 20}, "vision_config.deepstack_visual_indexes": []any{8, 16, 24},
	}
	qwen3VLMoe = with(qwen3VL, map[string]any{"num_key_value_heads": 16, "num_experts": 60, "num_experts_per_tok": 4, "moe_intermediate_size": 1408})
)

// sectioned is keys with that of the parts of a head before theta.
func sectioned(keys []Key) []Key {
	at := slices.IndexFunc(keys, func(k Key) bool { return k.GGUF == "{a}.rope.freq_base" })
	return slices.Insert(slices.Clone(keys), at, Key{GGUF: "{a}.rope.dimension_sections", HF: []string{"rope_parameters.mrope_section", "rope_scaling.mrope_section", "rope_parameters.xdrope_section", "rope_scaling.xdrope_section"},
		Field: func(p *Params) any { return &p.Sections }})
}

// deepstackKey says to how many of the first layers images add features of the tower's inner layers.
var deepstackKey = Key{GGUF: "{a}.n_deepstack_layers", HF: []string{"vision_config.deepstack_visual_indexes"}, Field: func(p *Params) any { return &p.Deepstack },
	Count: true, Default: nothing}

// LeftColumns and RightColumns turn every matrix and take one half of what were columns.
var (
	LeftColumns  = turnedHalf("left columns", 0)
	RightColumns = turnedHalf("right columns", 1)
)

func turnedHalf(name string, half int) Op {
	return Op{Name: name, Turned: true,
		Forward: func(t *formats.Tensor, p *Params) *formats.Tensor {
			m := t.Shape[2] / 2
			return picked(turned(t), pick{half * m, m, 2 * m}, []int{t.Shape[0], m, t.Shape[1]})
		},
		Join: func(parts []*formats.Tensor, p *Params) *formats.Tensor {
			x, m, e := parts[0].Shape[0], parts[0].Shape[1], parts[0].Shape[2]
			return turned(joined(parts, []pick{{0, m, 2 * m}, {m, m, 2 * m}}, []int{x, 2 * m, e}))
		},
	}
}

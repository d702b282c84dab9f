package arch

import "slices"

// Phi3 is the family of Phi-3, Phi-3.5 and Phi-4: llama whose projections of attention are one matrix, as are gate and up, with heads
// rotated in halves, in some models only a part of them.
var Phi3 = register(Arch{
	Name: "phi3",
	Variants: []Variant{{
		Type: "phi3",
		HF:   []string{"Phi3ForCausalLM"},
		Defaults: map[string]any{
			"max_position_embeddings": 4096, "original_max_position_embeddings": 4096, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
		},
	}},
	Keys: phiKeys,
	Tensors: slices.Concat(longTensors, slices.DeleteFunc(slices.Clone(decoder), func(r Rule) bool {
		return slices.Contains([]Role{RoleQ, RoleK, RoleV, RoleGate, RoleUp}, r.Role)
	}), []Rule{
		{GGUF: "blk.{}.attn_qkv.weight", HF: "model.layers.{}.self_attn.qkv_proj.weight", Role: RoleQ, And: []Role{RoleK, RoleV}, Shape: "A E"},
		{GGUF: "blk.{}.ffn_up.weight", HF: "model.layers.{}.mlp.gate_up_proj.weight", Role: RoleGate, And: []Role{RoleUp}, Shape: "G E"},
	}),
	Drop: []string{"*.rotary_emb.inv_freq"},
	Refuse: []Refusal{
		siluOnly,
		{GGUF: "{a}.expert_count", Unless: []string{"0"}, Why: "a mixture of experts"},
	},
	Layer: Layer{RopeNeox: true, RopePart: true, RunsFull: true},
})

// phiKeys are in an order of their own.
var phiKeys = slices.Concat(
	named("context_length"),
	[]Key{{GGUF: "{a}.rope.scaling.original_context_length", HF: []string{"original_max_position_embeddings", "rope_parameters.original_max_position_embeddings"},
		Field: func(p *Params) any { return &p.RopeContext }, Default: func(p *Params) { p.RopeContext = p.Context }}},
	named("embedding_length", "feed_forward_length", "block_count", "attention.head_count", "attention.head_count_kv",
		"attention.layer_norm_rms_epsilon"),
	headKeys(ownHead),
	partKeys,
	named("rope.freq_base"),
	[]Key{
		{GGUF: "general.file_type"},
		{GGUF: "{a}.attention.sliding_window", HF: []string{"sliding_window"},
			Field: func(p *Params) any { return &p.Window }, Default: nothing},
	},
	[]Key{longKey},
	named("rope.scaling.type", "rope.scaling.factor"),
	sizeKeys(never)[:1],
)

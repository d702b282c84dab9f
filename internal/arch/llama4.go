package arch

import (
	"fmt"
	"slices"

	"quern/formats"
)

// Llama4 is the family of Llama 4, its language model: three layers that rotate heads, norm them without weights and see the chunk that a query is in, then
// one that sees all and knows no positions but for how much queries grow; experts, in all layers or in every other one, which are given their
// inputs times what the router says. Chunk, growth and order are built into runtimes.
var Llama4 = register(Arch{
	Name: "llama4",
	Variants: []Variant{{
		Type: "llama4_text",
		HF:   []string{"Llama4ForCausalLM", "Llama4ForConditionalGeneration"},
		Defaults: map[string]any{
			"max_position_embeddings": 131072, "rms_norm_eps": 1e-5, "rope_theta": 500000.0, "num_key_value_heads": 8, "head_dim": 128,
			"intermediate_size": 8192, "intermediate_size_mlp": 16384, "num_local_experts": 16, "num_experts_per_tok": 1, "interleave_moe_layer_step": 1,
			"attention_chunk_size": 8192,
		},
	}},
	Keys: slices.Concat(dense4, expertKeys, headKeys(always), []Key{{GGUF: "general.file_type"}}, sizeKeys(always), []Key{
		{GGUF: "{a}.interleave_moe_layer_step", HF: []string{"interleave_moe_layer_step"}, Field: func(p *Params) any { return &p.Mix.Every },
			Default: func(p *Params) { p.Mix.Every = 1 }},
		expertWidth("intermediate_size"),
		{HF: []string{"attention_chunk_size"}, Field: func(p *Params) any { return &p.Window }, Default: func(p *Params) { p.Window = 8192 }, When: never},
		{HF: []string{"attn_scale"}, Field: func(p *Params) any { return &p.Temperature }, Default: func(p *Params) { p.Temperature = 0.1 }, When: never},
		{HF: []string{"floor_scale"}, Field: func(p *Params) any { return &p.RopeContext }, Default: func(p *Params) { p.RopeContext = 8192 }, When: never},
		{Field: func(p *Params) any { return &p.Mix.SharedFF }, Default: func(p *Params) { p.Mix.SharedFF = p.Mix.FF }, When: never},
		{Field: func(p *Params) any { return &p.Mix.Gate }, Default: func(p *Params) { p.Mix.Gate = GateSigmoid }, When: never},
	}),
	Tensors: slices.Concat([]Rule{ropeFreqs}, attention, renamed(feedForward, map[Role]string{
		RoleGate: llama4FF + "gate_proj.weight", RoleUp: llama4FF + "up_proj.weight", RoleDown: llama4FF + "down_proj.weight",
	}), renamed(sharedExperts, map[Role]string{
		RoleGateShared: llama4FF + "shared_expert.gate_proj.weight", RoleUpShared: llama4FF + "shared_expert.up_proj.weight", RoleDownShared: llama4FF + "shared_expert.down_proj.weight",
	}), []Rule{
		{GGUF: "blk.{}.ffn_gate_inp.weight", HF: llama4FF + "router.weight", Role: RoleRouter, Shape: "X E", When: mixed},
		{GGUF: "blk.{}.ffn_down_exps.weight", HF: llama4FF + "experts.down_proj", Role: RoleDownExps, Shape: "X E M", From: "X M E", Do: Turn, When: mixed},
		{GGUF: "blk.{}.ffn_gate_exps.weight", HF: llama4FF + "experts.gate_up_proj", Role: RoleGateExps, Shape: "X M E", From: "X E MM", Do: LeftColumns, When: mixed},
		{GGUF: "blk.{}.ffn_up_exps.weight", HF: llama4FF + "experts.gate_up_proj", Role: RoleUpExps, Shape: "X M E", From: "X E MM", Do: RightColumns, When: mixed},
	}),
	Drop: []string{"*.rotary_emb.inv_freq"},
	Refuse: []Refusal{
		siluOnly,
		{HF: "attention_bias", Unless: []string{"false"}, Why: "projections with biases"},
		{HF: "attention_chunk_size", Unless: []string{"8192"}, Why: "layers see another chunk than that of the published models"},
		{HF: "attn_scale", Unless: []string{"0.1"}, Why: "queries grow otherwise than in the published models"},
		{HF: "floor_scale", Unless: []string{"8192"}, Why: "queries grow otherwise than in the published models"},
		{HF: "attn_temperature_tuning", Unless: []string{"true", "4"}, Why: "queries do not grow"},
		{HF: "no_rope_layer_interval", Unless: []string{"4"}, Why: "another number of layers rotates heads"},
		{GGUF: "{a}.attention.sliding_window", Unless: []string{"8192"}, Why: "layers see another chunk than that of the published models"},
	},
	Layer:  Layer{FullEvery: 4, StillFull: true, Chunked: true, StillGrow: true, LateBare: true, InputGate: true},
	Finish: finishLlama4,
})

const llama4FF = "model.layers.{}.feed_forward."

// dense4 are shapeKeys with the width of layers without experts under the name that config.json has for it.
var dense4 = replaceKey(shapeKeys, told("feed_forward_length", "intermediate_size_mlp"))

// finishLlama4 refuses layers in another order than runtimes take them to have.
func finishLlama4(c *Config, p *Params) error {
	for _, list := range []struct {
		key  string
		want func(layer int) string
	}{
		{"no_rope_layers", func(l int) string { return map[bool]string{true: "0", false: "1"}[l%4 == 3] }},
		{"layer_types", func(l int) string {
			return map[bool]string{true: "full_attention", false: "chunked_attention"}[l%4 == 3]
		}},
	} {
		v, _ := c.Value(list.key)
		kinds, ok := v.([]any)
		switch {
		case v == nil, ok && len(kinds) == 0:
			continue
		case !ok || len(kinds) < p.Layers:
			return c.wrong(list.key, v, fmt.Sprintf("a list for %d layers", p.Layers))
		}
		for i := range p.Layers {
			if fmt.Sprint(kinds[i]) != list.want(i) {
				return c.fail(list.key, formats.Unsupported("is %.60q for layer %d, which runtimes take to be %s", fmt.Sprint(kinds[i]), i, list.want(i)), "")
			}
		}
	}
	if v, _ := c.Value("moe_layers"); v != nil {
		var layers, want []int32
		if err := c.assignInts("moe_layers", v, &layers); err != nil {
			return err
		}
		for i := range p.Layers {
			if mixed(p, i) {
				want = append(want, int32(i))
			}
		}
		if !slices.Equal(layers, want) {
			return c.fail("moe_layers", formats.Unsupported("experts are in other layers than interleave_moe_layer_step says, which is what files tell"), "")
		}
	}
	norms, ok := c.Value("use_qk_norm")
	if says := !ok || norms == true; p.Mix.Count == 0 || says != (p.Mix.Count != llama4Bare) {
		return c.fail("use_qk_norm", formats.Unsupported("is %v with %d experts: runtimes know by their number, %d, which model norms no heads", says, p.Mix.Count, llama4Bare), "")
	}
	return nil
}

// llama4Bare is the number of experts of the model that norms no heads (Maverick).
const llama4Bare = 128

// LateBared says of a layer that its heads are normed after they are rotated, without weights.
func (l *Layer) LateBared(p *Params, layer int) bool {
	return l.LateBare && p.Mix.Count != llama4Bare && !l.Still(p, layer)
}

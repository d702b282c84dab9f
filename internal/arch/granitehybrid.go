package arch

import (
	"slices"

	"quern/formats"
)

// GraniteHybrid is the family of Granite 4: Mamba 2 in most layers, attention that knows no positions in the others, and dense networks or experts beside a shared one behind both.
// Bamba is dense, and rotates a half of each head (bamba.go).
var GraniteHybrid = register(Arch{
	Name: "granitehybrid",
	Variants: []Variant{{
		Type:     "granitemoehybrid",
		HF:       []string{"GraniteMoeHybridForCausalLM"},
		Defaults: graniteHybridDefaults,
		If:       func(c *Config) bool { return !graniteAttends(c) },
	}, bamba},
	Keys: slices.Concat(named("block_count", "context_length", "embedding_length", "feed_forward_length"), convHeads,
		named("rope.scaling.type", "rope.scaling.factor", "rope.freq_base", "attention.layer_norm_rms_epsilon"), when(scaledStream, slices.Clone(expertKeys)), impliedHead, []Key{{GGUF: "general.file_type"}}, sizeKeys(always), scaleKeys, []Key{
			{GGUF: "{a}.expert_shared_feed_forward_length", HF: []string{"shared_intermediate_size"}, Field: func(p *Params) any { return &p.Mix.SharedFF }, Default: nothing, When: scaledStream},
		}, ssmKeys(map[string][]string{"conv_kernel": {"mamba_d_conv"}, "state_size": {"mamba_d_state"}, "group_count": {"mamba_n_groups"}, "time_step_rank": {"mamba_n_heads"}},
			"conv_kernel", "state_size", "group_count", "inner_size", "time_step_rank"), []Key{
			{GGUF: "{a}.rope.scaling.finetuned", Field: func(p *Params) any { return &p.Rotates }},
			narrowExperts,
		}),
	Tensors: slices.Concat(only(decoder, RoleEmbed, RoleAttnNorm, RoleFFNNorm, RoleOutputNorm, RoleOutput), in(attends, withOps(only(decoder, RoleQ, RoleK, RoleV, RoleO), map[Role]Op{RoleQ: PairHalves, RoleK: PairHalves})),
		mamba2("model.layers.{}.mamba"), in(dense, sharedAsDense), graniteExperts, bambaNames),
	Drop: []string{"*.rotary_emb.inv_freq"},
	Refuse: slices.Concat(stateRefuses, []Refusal{
		siluOnly,
		{HF: "attention_bias", Unless: []string{"false"}, Why: "projections with biases"},
		{HF: "mlp_bias", Unless: []string{"false"}, Why: "projections with biases"},
	}),
	Layer:  Layer{Keeper: Mamba2, RopeTold: true, RopePart: true},
	Finish: finishGraniteHybrid,
})

var graniteHybridDefaults = map[string]any{
	"max_position_embeddings": 2048, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "num_local_experts": 8, "num_experts_per_tok": 2,
	"embedding_multiplier": 1.0, "residual_multiplier": 1.0, "attention_multiplier": 1.0, "logits_scaling": 1.0, "tie_word_embeddings": false,
	"shared_intermediate_size": 1024, "mamba_n_heads": 128, "mamba_n_groups": 1, "mamba_d_state": 256, "mamba_d_conv": 4, "mamba_expand": 2, "mamba_conv_bias": true, "mamba_proj_bias": false,
}

// graniteAttends says of Granite 4 that none of its layers keeps a state; then it is of other families (granite.go).
func graniteAttends(c *Config) bool {
	for _, key := range []string{"layer_types", "layers_block_type"} {
		if v, ok := c.Value(key); ok {
			list, _ := v.([]any)
			return len(list) > 0 && !slices.ContainsFunc(list, func(kind any) bool { return kind != "attention" && kind != "full_attention" })
		}
	}
	return false
}

// scaledStream says of a model that it is Granite, which multiplies what it adds up; Bamba does not.
func scaledStream(p *Params) bool { return p.Scales != Scales{} }

func finishGraniteHybrid(c *Config, p *Params) error {
	if !scaledStream(p) {
		return finishBamba(c, p)
	}
	key := "layer_types"
	if v, _ := c.Value(key); v == nil {
		key = "layers_block_type"
	}
	if v, _ := c.Value(key); v == nil {
		return c.fail("layer_types", formats.Unsupported("missing: the library then takes every layer to keep a state, which runtimes do not load"), `for every layer "mamba" or "attention"`)
	}
	if err := stateWords(c, p, key, []string{"mamba", "linear_attention"}, []string{"attention", "full_attention"}); err != nil {
		return err
	}
	if !slices.Contains(p.State.In, false) {
		return c.fail(key, formats.Unsupported("no layer has attention, which runtimes do not load"), "")
	}
	kind, err := c.String("position_embedding_type")
	if err != nil {
		return err
	}
	if p.Rotates = kind == "rope"; !p.Rotates {
		p.Context = 1 << 20 // any, as the reference has it
	}
	if p.Mix.Count == 0 {
		p.FF = p.Mix.SharedFF
	}
	if err := innerSize(c, p, "mamba_expand", "mamba_d_head"); err != nil {
		return err
	}
	return freeSteps(c)
}

// innerSize is how many numbers enter the states of a token: a multiple of the embedding, and the size of a head times their number.
func innerSize(c *Config, p *Params, expand, head string) error {
	by, err := c.Float(expand, 2)
	if err != nil || by != 2 {
		return c.fail(expand, formats.Unsupported("is %v; runtimes take it to be 2", by), "")
	}
	p.State.Inner = 2 * p.Embd
	v, _ := c.Value(head)
	if v == nil || v == "auto" {
		return nil
	}
	if d, ok := number(v); !ok || d*float64(p.State.Heads) != float64(p.State.Inner) {
		return c.fail(head, formats.Corrupt("%d heads of %v are not the %d numbers that %s says", p.State.Heads, v, p.State.Inner, expand), "")
	}
	return nil
}

// tellGraniteHybrid is the way back.
func tellGraniteHybrid(p *Params) map[string]any {
	kinds, positions := make([]string, p.Layers), "nope"
	for i := range kinds {
		if kinds[i] = "attention"; p.Keeps(i) {
			kinds[i] = "mamba"
		}
	}
	if p.Rotates {
		positions = "rope"
	}
	return map[string]any{"layer_types": kinds, "position_embedding_type": positions, "num_key_value_heads": p.KVHeads, "mamba_expand": 2, "mamba_d_head": p.State.Inner / p.State.Heads,
		"num_local_experts": p.Mix.Count, "num_experts_per_tok": p.Mix.Used, "intermediate_size": p.FF}
}

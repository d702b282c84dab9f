package arch

import (
	"slices"

	"quern/formats"
)

// Jamba is the family of that name (arXiv:2403.19887): Mamba 1 with norms of what makes time steps and the ways in and out, attention that knows no positions in every so many
// layers, and experts in every so many. Files say of a layer that it has experts by their tensors alone.
var Jamba = register(Arch{
	Name: "jamba",
	Variants: []Variant{{
		Type: "jamba",
		HF:   []string{"JambaForCausalLM"},
		Defaults: map[string]any{
			"vocab_size": 65536, "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8, "rms_norm_eps": 1e-6,
			"max_position_embeddings": 262144, "num_experts": 16, "num_experts_per_tok": 2, "mamba_d_state": 16, "mamba_d_conv": 4, "mamba_expand": 2, "tie_word_embeddings": false,
		},
	}},
	Keys: slices.Concat(named("block_count", "context_length", "embedding_length", "feed_forward_length"), convHeads,
		ssmKeys(map[string][]string{"conv_kernel": {"mamba_d_conv"}, "state_size": {"mamba_d_state"}}, "conv_kernel", "inner_size", "state_size"), []Key{rankKey},
		named("attention.layer_norm_rms_epsilon"), when(always, slices.Clone(expertKeys)), []Key{
			{GGUF: "general.file_type"},
			ownStepsKey,
			{Field: func(p *Params) any { return &p.Mix.FF }, When: never, Default: func(p *Params) { p.Mix.FF = p.FF }},
		}, stillKeys),
	Tensors: slices.Concat(only(decoder, RoleEmbed, RoleAttnNorm), renamed(slices.Concat(only(decoder, RoleFFNNorm), in(dense, only(decoder, RoleGate, RoleUp, RoleDown)),
		only(decoder, RoleOutputNorm)), jambaNames), []Rule{only(decoder, RoleOutput)[0]}, in(attends, only(decoder, RoleQ, RoleK, RoleV, RoleO)), mamba1("model.layers.{}.mamba"), jambaNorms("dt", "b", "c"),
		experts("model.layers.{}.feed_forward.router.weight", "model.layers.{}.feed_forward.experts", "gate_proj", "up_proj", "down_proj"), fused("model.layers.{}.feed_forward.experts"), miniJamba),
	Refuse: slices.Concat(stateRefuses, []Refusal{siluOnly}),
	Layer:  Layer{Keeper: Mamba1, StillEvery: 1},
	Look: func(src *formats.Source, p *Params) {
		p.Mix.In = nil
		for l := 0; l < min(p.Layers, maxList); l++ {
			p.Mix.In = append(p.Mix.In, src.Tensor(layerName("blk.{}.ffn_gate_inp.weight", l)) != nil)
		}
	},
	Finish: finishJamba,
})

var jambaNames = map[Role]string{
	RoleFFNNorm: "model.layers.{}.pre_ff_layernorm.weight", RoleGate: "model.layers.{}.feed_forward.gate_proj.weight", RoleUp: "model.layers.{}.feed_forward.up_proj.weight",
	RoleDown: "model.layers.{}.feed_forward.down_proj.weight", RoleOutputNorm: "model.final_layernorm.weight",
}

// jambaNorms are those of what makes time steps and of the ways in and out, under names that differ between layouts.
func jambaNorms(step, in, out string) (rules []Rule) {
	for _, n := range []struct {
		gguf, hf string
		role     Role
		shape    string
	}{{"dt", step, RoleStateStepNorm, "SR"}, {"b", in, RoleStateWayInNorm, "SN"}, {"c", out, RoleStateWayOutNorm, "SN"}} {
		rules = append(rules, Rule{GGUF: "blk.{}.ssm_" + n.gguf + "_norm.weight", HF: "model.layers.{}.mamba." + n.hf + "_layernorm.weight", Role: n.role, Shape: n.shape, When: keeps})
	}
	return rules
}

// miniJamba is what Mini-Jamba calls otherwise; its layers without experts have a network that is named as the first of them.
var miniJamba = slices.Concat(renamed(slices.Concat(only(decoder, RoleFFNNorm), in(dense, only(decoder, RoleGate, RoleUp, RoleDown))), map[Role]string{
	RoleFFNNorm: "model.layers.{}.pre_moe_layernorm.weight", RoleGate: "model.layers.{}.moe.experts.0.gate_proj.weight", RoleUp: "model.layers.{}.moe.experts.0.up_proj.weight",
	RoleDown: "model.layers.{}.moe.experts.0.down_proj.weight",
}), jambaNorms("dt", "B", "C")[1:], experts("model.layers.{}.moe.router.weight", "model.layers.{}.moe.experts", "gate_proj", "up_proj", "down_proj"))

// finishJamba reads which layers have attention and which have experts, of each every so many.
func finishJamba(c *Config, p *Params) error {
	if p.Layers > maxList {
		return nil // refused further on
	}
	attention, err := everySo(c, p, "attn_layer", 8, 4)
	if err != nil {
		return err
	}
	p.keepInstead(negated(attention))
	if p.Mix.In, err = everySo(c, p, "expert_layer", 2, 1); err != nil {
		return err
	}
	if p.Mix.Count < 2 { // a network in the place of experts
		clear(p.Mix.In)
	}
	p.Mix.FF = p.FF
	if err := innerSize(c, p, "mamba_expand", ""); err != nil {
		return err
	}
	ownSteps(p)
	return timeRank(c, p, "mamba_dt_rank")
}

// everySo says of each layer whether it is the one of so many that two keys tell: their number, and which of them it is.
func everySo(c *Config, p *Params, key string, period, offset float64) ([]bool, error) {
	n, err := c.Float(key+"_period", period)
	if err != nil {
		return nil, err
	}
	first, err := c.Float(key+"_offset", offset)
	if err != nil {
		return nil, err
	}
	if n != float64(int(n)) || first != float64(int(first)) || n < 1 || n > 1<<20 || first < 0 || first >= n {
		return nil, c.fail(key+"_offset", formats.Corrupt("is %v of %v layers", first, n), "")
	}
	in := make([]bool, p.Layers)
	for l := range in {
		in[l] = l%int(n) == int(first)
	}
	return in, nil
}

// tellEvery is the way back: the smallest numbers that say it, none where no two do.
func tellEvery(out map[string]any, key string, in []bool) {
	for n := 1; n <= len(in)+1; n++ {
		for first := range n {
			right := true
			for l, is := range in {
				right = right && is == (l%n == first)
			}
			if right {
				out[key+"_period"], out[key+"_offset"] = n, first
				return
			}
		}
	}
}

func negated(in []bool) (out []bool) {
	for _, is := range in {
		out = append(out, !is)
	}
	return out
}

// tellJamba is the way back.
func tellJamba(p *Params) map[string]any {
	out := map[string]any{"mamba_dt_rank": p.State.Rank, "mamba_expand": 2, "num_key_value_heads": p.KVHeads, "num_experts": p.Mix.Count, "num_experts_per_tok": p.Mix.Used}
	tellEvery(out, "attn_layer", negated(p.State.In))
	if tellEvery(out, "expert_layer", p.Mix.In); !slices.Contains(p.Mix.In, true) {
		out["expert_layer_period"], out["expert_layer_offset"] = 2, 1
	}
	return out
}

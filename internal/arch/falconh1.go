package arch

import (
	"fmt"
	"slices"

	"quern/formats"
)

// FalconH1 is the family of Falcon-H1: attention and Mamba 2 beside each other in every layer, whose outputs are added. What the published code multiplies by is in the
// matrices of files (Times).
var FalconH1 = register(Arch{
	Name: "falcon-h1",
	Variants: []Variant{{
		Type: "falcon_h1",
		HF:   []string{"FalconH1ForCausalLM"},
		Defaults: map[string]any{
			"vocab_size": 128000, "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8, "rms_norm_eps": 1e-5,
			"max_position_embeddings": 8192, "rope_theta": 10000.0, "mamba_d_ssm": 1024, "mamba_n_heads": 128, "mamba_n_groups": 1, "mamba_d_state": 256, "mamba_d_conv": 4,
			"mamba_rms_norm": false, "mamba_norm_before_gate": true, "tie_word_embeddings": false,
		},
	}},
	Keys: slices.Concat(named("context_length", "embedding_length", "feed_forward_length", "attention.head_count", "block_count"), []Key{inAll},
		ssmKeys(map[string][]string{"conv_kernel": {"mamba_d_conv"}, "inner_size": {"mamba_d_ssm"}, "state_size": {"mamba_d_state"}, "time_step_rank": {"mamba_n_heads"}, "group_count": {"mamba_n_groups"}},
			"conv_kernel", "inner_size", "state_size", "time_step_rank", "group_count"),
		named("attention.layer_norm_rms_epsilon"), []Key{{GGUF: "general.file_type"}}, sizeKeys(always)[:1], named("attention.head_count_kv"), headKeys(always), named("rope.freq_base"),
		quiet(named("rope.scaling.type", "rope.scaling.factor")...), sizeKeys(never)[1:], timesKeys),
	Tensors: slices.Concat(renamed(withOps(bareFFNNorm(decoder), map[Role]Op{
		RoleEmbed: TimesEmbed, RoleOutput: TimesHead,
		RoleQ:    timesOp("times attention", func(p *Params) float32 { return p.Times.In }),
		RoleK:    timesOp("times keys", func(p *Params) float32 { return p.Times.Key }, func(p *Params) float32 { return p.Times.In }),
		RoleV:    timesOp("times attention", func(p *Params) float32 { return p.Times.In }),
		RoleO:    timesOp("times its outputs", func(p *Params) float32 { return p.Times.Out }),
		RoleGate: timesOp("times gates", func(p *Params) float32 { return p.Times.Gate }),
		RoleDown: timesOp("times the network's outputs", func(p *Params) float32 { return p.Times.Down }),
	}), jambaNames), optionalNorm(withOps(mamba2("model.layers.{}.mamba"), map[Role]Op{
		RoleStateIn:  timesParts,
		RoleStateOut: timesOp("times the state's outputs", func(p *Params) float32 { return p.Times.StateOut }),
	}))),
	Drop: []string{"*.rotary_emb.inv_freq", "*.mup_vector"},
	Refuse: slices.Concat(stateRefuses, []Refusal{
		siluOnly,
		{HF: "attention_bias", Unless: []string{"false"}, Why: "projections with biases"},
		{HF: "mlp_bias", Unless: []string{"false"}, Why: "projections with biases"},
		{HF: "projectors_bias", Unless: []string{"false"}, Why: "projections with biases"},
		{HF: "mamba_use_mlp", Unless: []string{"true"}, Why: "layers without a feed-forward network"},
	}),
	Layer:  Layer{RopeNeox: true, Keeper: Mamba2},
	Finish: finishFalconH1,
})

// timesKeys are the numbers of config.json, each of which is one where it says nothing; lists of them are read by finishFalconH1.
var timesKeys = func() (keys []Key) {
	for _, k := range []struct {
		hf    string
		field func(t *Times) *float32
	}{
		{"embedding_multiplier", func(t *Times) *float32 { return &t.Embed }}, {"lm_head_multiplier", func(t *Times) *float32 { return &t.Head }},
		{"attention_in_multiplier", func(t *Times) *float32 { return &t.In }}, {"attention_out_multiplier", func(t *Times) *float32 { return &t.Out }},
		{"key_multiplier", func(t *Times) *float32 { return &t.Key }}, {"ssm_in_multiplier", func(t *Times) *float32 { return &t.StateIn }},
		{"ssm_out_multiplier", func(t *Times) *float32 { return &t.StateOut }},
	} {
		keys = append(keys, Key{HF: []string{k.hf}, Field: func(p *Params) any { return k.field(&p.Times) }, When: never, Default: nothing})
	}
	return keys
}()

// withOps is rules some of which do something to their tensors.
func withOps(rules []Rule, ops map[Role]Op) []Rule {
	rules = slices.Clone(rules)
	for i, r := range rules {
		if op, ok := ops[r.Role]; ok {
			rules[i].Do = op
		}
	}
	return rules
}

// bareFFNNorm is rules with the name that runtimes have for a norm in this family.
func bareFFNNorm(rules []Rule) []Rule {
	rules = slices.Clone(rules)
	for i, r := range rules {
		if r.Role == RoleFFNNorm {
			rules[i].GGUF = "blk.{}.ffn_norm"
		}
	}
	return rules
}

// optionalNorm is the same rules, of which the norm of what comes out of states may not be there.
func optionalNorm(rules []Rule) []Rule {
	for i, r := range rules {
		if r.Role == RoleStateNorm {
			rules[i].Optional, rules[i].Flag = true, "mamba_rms_norm"
		}
	}
	return rules
}

func finishFalconH1(c *Config, p *Params) error {
	if p.RopeType != "" {
		return c.fail("rope_scaling", formats.Unsupported("positions beyond training (%s), which files of this family do not tell", p.RopeType), "")
	}
	if p.State.Inner == 0 {
		by, err := c.Float("mamba_expand", 2)
		if err != nil || by < 1 || by > 1<<10 || by != float64(int(by)) {
			return c.fail("mamba_expand", formats.Corrupt("is %v", by), "")
		}
		p.State.Inner = int(by) * p.Embd
	}
	if v, _ := c.Value("mamba_d_head"); v != nil && v != "auto" {
		if d, ok := number(v); !ok || d*float64(p.State.Heads) != float64(p.State.Inner) {
			return c.fail("mamba_d_head", formats.Corrupt("%d heads of %v are not the %d numbers that mamba_d_ssm says", p.State.Heads, v, p.State.Inner), "")
		}
	}
	norm, err := c.Bool("mamba_rms_norm")
	if err != nil {
		return err
	}
	if before, known := c.Value("mamba_norm_before_gate"); norm && (!known || before != false) {
		return c.fail("mamba_norm_before_gate", formats.Unsupported("is true: what comes out of states is normed before gates multiply it, which runtimes do behind them"), "")
	}
	t := &p.Times
	if err := c.factors("mlp_multipliers", &t.Gate, &t.Down); err != nil {
		return err
	}
	s := &t.StateParts
	if err := c.factors("ssm_multipliers", &s[0], &s[1], &s[2], &s[3], &s[4]); err != nil {
		return err
	}
	if tied, _ := c.Bool("tie_word_embeddings"); tied && t.Embed != t.Head {
		return c.fail("tie_word_embeddings", formats.Unsupported("the output head is the embedding, and the two are multiplied by %v and %v: a file has one matrix", t.Embed, t.Head), "")
	}
	return freeSteps(c)
}

// factors reads a list of numbers; nothing where it is not there.
func (c *Config) factors(key string, to ...*float32) error {
	v, _ := c.Value(key)
	if v == nil {
		return nil
	}
	list, ok := v.([]any)
	if !ok || len(list) != len(to) {
		return c.wrong(key, v, fmt.Sprintf("a list of %d numbers", len(to)))
	}
	for i, x := range list {
		if err := c.assign(key, x, to[i]); err != nil {
			return err
		}
	}
	return nil
}

// tellFalconH1 is the way back.
func tellFalconH1(p *Params) map[string]any {
	out := map[string]any{"mamba_d_head": p.State.Inner / p.State.Heads, "mamba_norm_before_gate": false, "mlp_multipliers": decimals([]float32{1, 1}), "ssm_multipliers": decimals([]float32{1, 1, 1, 1, 1})}
	for _, k := range timesKeys {
		out[k.HF[0]] = decimal(1)
	}
	return out
}

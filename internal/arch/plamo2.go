package arch

import (
	"slices"

	"quern/formats"
)

// PLaMo2 is the second family of that name: PLaMo 3's norms and networks, with states in all but one of so many layers. Heads of these decay as a whole, as Mamba 2's, while time
// steps and the ways in and out are made of what a convolution gives, and normed, as Jamba's. What attention sees is a window, which the reference's files do not tell.
var PLaMo2 = register(Arch{
	Name: "plamo2",
	Variants: []Variant{{
		Type: "plamo2",
		HF:   []string{"Plamo2ForCausalLM", "PLaMo2ForCausalLM"},
		Defaults: map[string]any{
			"hidden_size": 4096, "intermediate_size": 13312, "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 4, "hidden_size_per_head": 128, "rms_norm_eps": 1e-6,
			"max_position_embeddings": 2048, "attention_window_size": 2048, "rope_theta": 10000.0, "mamba_d_state": 64, "mamba_d_conv": 4, "mamba_num_heads": 64, "vocab_size": 32000,
			"tie_word_embeddings": true,
		},
	}},
	Keys: slices.Concat(sizeKeys(always)[:1], quiet(named("block_count")...), []Key{
		{HF: []string{"num_key_value_heads"}, Field: func(p *Params) any { return &p.KVHeads }, When: never, Default: nothing},
	}, layerKeys(nil, "attention.head_count_kv"), []Key{headsOfAll, instead}, named("context_length", "embedding_length"), namedHeads("hidden_size_per_head"),
		named("block_count", "attention.layer_norm_rms_epsilon", "rope.freq_base"),
		ssmKeys(map[string][]string{"state_size": {"mamba_d_state"}, "conv_kernel": {"mamba_d_conv"}, "time_step_rank": {"mamba_num_heads"}}, "state_size", "conv_kernel", "time_step_rank", "inner_size"),
		[]Key{
			fixed("{a}.ssm.group_count", 0),
			{Field: func(p *Params) any { return &p.State.Rank }, When: never, Default: func(p *Params) { p.State.Groups, p.State.Rank = 1, max(64, p.Embd/16) }},
		}, named("feed_forward_length"), []Key{
			{GGUF: "general.file_type"},
			// Not in the reference's files; runtimes, which let every query see all positions, skip the two.
			{GGUF: windowKeys[0].GGUF, HF: []string{"attention_window_size"}, Field: windowKeys[0].Field, Default: nothing, When: windowKeys[0].When},
			{GGUF: windowKeys[1].GGUF, Field: windowKeys[1].Field, Default: nothing, When: func(p *Params) bool { return p.WindowIn != nil }},
		}, quiet(named("rope.scaling.type", "rope.scaling.factor")...), sizeKeys(never)[1:]),
	Tensors: slices.Concat(without(plamo3Tensors, RoleQ, RoleQNorm, RoleKNorm, RoleO), in(keeps, plamo2States), in(attends, slices.Concat(only(plamo3Tensors, RoleQ, RoleO), []Rule{
		{GGUF: "blk.{}.attn_q_norm.weight", HF: "model.layers.layers.{}.mixer.q_weight", Role: RoleQNorm, Shape: "H D"},
		{GGUF: "blk.{}.attn_k_norm.weight", HF: "model.layers.layers.{}.mixer.k_weight", Role: RoleKNorm, Shape: "HK D"},
	}))),
	Drop: []string{"*.rotary_emb.inv_freq"},
	Refuse: []Refusal{
		{HF: "linear_type", Unless: []string{"normal"}, Why: "matrices of another kind"},
		{HF: "mamba_enabled", Unless: []string{"true"}, Why: "no layer keeps a state, which runtimes do not load"},
		{HF: "rms_norm_eps", Unless: []string{"1e-06"}, Why: "heads are normed with an epsilon of 1e-6, and runtimes have one for all norms"},
		{HF: "rope_scaling", Why: "positions beyond training, which files of this family do not tell"},
	},
	Layer:  Layer{RopeNeox: true, RunsFull: true, Keeper: HeadMamba},
	Finish: finishPLaMo2,
})

// headsOfAll are heads of queries as one number. The reference tells none in layers with states, and from the first layer runtimes take how much of a head is rotated: of none of
// size zero they do not return.
var headsOfAll = Key{GGUF: "{a}.attention.head_count", HF: []string{"num_attention_heads"}, Field: func(p *Params) any { return &p.Heads }, Each: func(*Params) *[]int32 { return new([]int32) }}

// plamo2States are the tensors of a layer that keeps a state; runtimes have names of norms there without an end.
var plamo2States = []Rule{
	{GGUF: "blk.{}.ssm_in.weight", HF: "model.layers.layers.{}.mixer.in_proj.weight", Role: RoleStateIn, Shape: "SI2 E"},
	{GGUF: "blk.{}.ssm_conv1d.weight", HF: "model.layers.layers.{}.mixer.conv1d.weight", Role: RoleStateConv, Shape: "SI SC", From: "SI 1 SC", Do: squeezed},
	{GGUF: "blk.{}.ssm_x.weight", HF: "model.layers.layers.{}.mixer.bcdt_proj.weight", Role: RoleStateWays, Shape: "SX SI"},
	{GGUF: "blk.{}.ssm_dt.weight", HF: "model.layers.layers.{}.mixer.dt_proj.weight", Role: RoleStateStep, Shape: "SH SR"},
	{GGUF: "blk.{}.ssm_dt.bias", HF: "model.layers.layers.{}.mixer.dt_bias", Role: RoleStateTime, Shape: "SH"},
	{GGUF: "blk.{}.ssm_a", HF: "model.layers.layers.{}.mixer.A_log", Role: RoleStateDecay, Shape: "SH", Do: negativeExps},
	{GGUF: "blk.{}.ssm_d", HF: "model.layers.layers.{}.mixer.D", Role: RoleStatePast, Shape: "SH"},
	{GGUF: "blk.{}.ssm_dt_norm", HF: "model.layers.layers.{}.mixer.dt_norm_weight", Role: RoleStateStepNorm, Shape: "SR"},
	{GGUF: "blk.{}.ssm_b_norm", HF: "model.layers.layers.{}.mixer.B_norm_weight", Role: RoleStateWayInNorm, Shape: "SN"},
	{GGUF: "blk.{}.ssm_c_norm", HF: "model.layers.layers.{}.mixer.C_norm_weight", Role: RoleStateWayOutNorm, Shape: "SN"},
	{GGUF: "blk.{}.ssm_out.weight", HF: "model.layers.layers.{}.mixer.out_proj.weight", Role: RoleStateOut, Shape: "E SI"},
}

// finishPLaMo2 reads which layers have attention: one of so many, or the last where there are few. A query sees the window's positions before it, and its own.
func finishPLaMo2(c *Config, p *Params) error {
	if p.Layers > maxList {
		return nil // refused further on
	}
	const key = "mamba_step"
	step, err := c.Float(key, 2)
	if err != nil || step != float64(int(step)) || step < 2 || step > 1<<20 {
		return c.fail(key, formats.Corrupt("one of %v layers has attention", step), "")
	}
	keeps := make([]bool, p.Layers)
	for l := range keeps {
		if keeps[l] = l%int(step) != int(step)/2; p.Layers <= int(step)/2 {
			keeps[l] = l != p.Layers-1
		}
	}
	p.keepInstead(keeps)
	if p.State.Heads > 1<<16 || p.HeadDim > 1<<12 {
		return c.fail("mamba_num_heads", formats.Corrupt("%d heads of size %d", p.State.Heads, p.HeadDim), "")
	}
	p.State.Inner = p.State.Heads * p.HeadDim
	if p.Window < 1 || p.Window > 1<<30 {
		return c.fail("attention_window_size", formats.Corrupt("is %d", p.Window), "")
	}
	p.Window++
	return p.fullPLaMo2(c)
}

// fullPLaMo2 reads which layers have no window.
func (p *Params) fullPLaMo2(c *Config) error {
	const key = "full_attention_idx"
	v, _ := c.Value(key)
	if v == nil {
		return nil
	}
	list, ok := v.([]any)
	if !ok {
		return c.wrong(key, v, "a list of layers")
	}
	if len(list) > 0 {
		p.WindowIn = slices.Repeat([]bool{true}, p.Layers)
	}
	for _, x := range list {
		l, is := number(x)
		if !is || l < 0 || l >= float64(p.Layers) || l != float64(int(l)) {
			return c.wrong(key, v, "a list of layers")
		}
		p.WindowIn[int(l)] = false
	}
	return nil
}

// tellPLaMo2 is the way back.
func tellPLaMo2(p *Params) map[string]any {
	out := map[string]any{"num_key_value_heads": p.KVHeads, "rope_parameters": unsaid, "rope_scaling": unsaid, "full_attention_idx": []int{}}
	every := map[string]any{}
	tellEvery(every, "layer", negated(p.State.In))
	if n, ok := every["layer_period"].(int); ok {
		out["mamba_step"] = n
	}
	if p.Window > 0 {
		out["attention_window_size"] = p.Window - 1
	} else {
		out["attention_window_size"] = p.Context
	}
	var full []int
	for l, near := range p.WindowIn {
		if !near {
			full = append(full, l)
		}
	}
	if full != nil {
		out["full_attention_idx"] = full
	}
	return out
}

package arch

import (
	"fmt"
	"slices"

	"quern/formats"
)

// NemotronH is the family of Nemotron-H and Nemotron Nano 2: every layer has one part, Mamba 2, attention that knows no positions, or a feed-forward network of a squared
// rectifier, and one norm before it.
var NemotronH = register(Arch{
	Name:   "nemotron_h",
	Prefix: "backbone.",
	Else:   "model.",
	Variants: []Variant{{
		Type:     "nemotron_h",
		HF:       []string{"NemotronHForCausalLM"},
		Defaults: nemotronDefaults,
		If:       func(c *Config) bool { return !c.says("num_experts_per_tok") },
	}},
	Keys: slices.Concat(nemotronShape, []Key{{GGUF: "general.file_type"}}, nemotronState),
	Tensors: slices.Concat(nemotronLayers, in(thinks, []Rule{
		{GGUF: "blk.{}.ffn_up.weight", HF: "backbone.layers.{}.mixer.up_proj.weight", Role: RoleUp, Shape: "F E"},
		{GGUF: "blk.{}.ffn_down.weight", HF: "backbone.layers.{}.mixer.down_proj.weight", Role: RoleDown, Shape: "E F"},
	})),
	Drop:   []string{"*.rotary_emb.inv_freq"},
	Refuse: nemotronRefuses,
	Layer:  Layer{Keeper: Mamba2, RopeTold: true, RopePart: true, Act: ReLU2, Ungated: true},
	Finish: finishNemotronH,
})

// NemotronHMoE is the same with experts in the place of dense networks: DeepSeek-V3's, without gates, beside a shared one. Those of Nemotron 3 Super are given fewer numbers
// than the stream has; what a search left of it (Puzzle) has experts of another width, and another number of them for a token, in every layer.
var NemotronHMoE = register(Arch{
	Name:   "nemotron_h_moe",
	Prefix: "backbone.",
	Else:   "model.",
	Variants: []Variant{{
		Type:     "nemotron_h",
		HF:       []string{"NemotronHForCausalLM"},
		Defaults: nemotronDefaults,
		If:       func(c *Config) bool { return c.says("num_experts_per_tok") },
	}, {
		Type:     "nemotron_h_puzzle",
		HF:       []string{"NemotronHPuzzleForCausalLM"},
		Defaults: nemotronDefaults,
	}},
	Keys: slices.Concat(nemotronShape, when(always, slices.Clone(expertKeys[:1])), when(evenly, slices.Clone(usedKey)), when(always, slices.Clone(groupKeys[:2])), []Key{{GGUF: "general.file_type"}}, nemotronState, []Key{
		layerWidth,
	}, when(unevenly, slices.Clone(usedKey)), []Key{
		{GGUF: "{a}.expert_shared_feed_forward_length", HF: []string{"moe_shared_expert_intermediate_size"}, Field: func(p *Params) any { return &p.Mix.SharedFF }},
		{GGUF: "{a}.expert_shared_count", HF: []string{"n_shared_experts"}, Field: func(p *Params) any { return &p.Mix.Shared }, Default: nothing},
		{GGUF: "{a}.expert_weights_norm", HF: []string{"norm_topk_prob"}, Field: func(p *Params) any { return &p.Mix.Norm }, Default: nothing},
		{GGUF: "{a}.expert_weights_scale", HF: []string{"routed_scaling_factor"}, Field: func(p *Params) any { return &p.Mix.Scale }, Default: nothing},
		{Field: func(p *Params) any { return &p.Mix.Gate }, When: never, Default: func(p *Params) { p.Mix.Gate = GateSigmoid }},
		{Field: func(p *Params) any { return &p.Mix.ByWidth }, When: never, Default: func(p *Params) { p.Mix.ByWidth = true }},
		{GGUF: "{a}.moe_latent_size", HF: []string{"moe_latent_size"}, Field: func(p *Params) any { return &p.Mix.Latent }, Default: nothing, When: narrowly},
	}, furtherKeys),
	Tensors: slices.Concat(nemotronLayers, in(mixed, []Rule{
		{GGUF: "blk.{}.ffn_gate_inp.weight", HF: "backbone.layers.{}.mixer.gate.weight", Role: RoleRouter, Shape: "X E"},
		{GGUF: "blk.{}.exp_probs_b.bias", HF: "backbone.layers.{}.mixer.gate.e_score_correction_bias", Role: RoleRouterBias, Shape: "X"},
		{GGUF: "blk.{}.ffn_down_exps.weight", HF: "backbone.layers.{}.mixer.experts.{e}.down_proj.weight", Role: RoleDownExps, Shape: "X EX M"},
		{GGUF: "blk.{}.ffn_up_exps.weight", HF: "backbone.layers.{}.mixer.experts.{e}.up_proj.weight", Role: RoleUpExps, Shape: "X M EX"},
		{GGUF: "blk.{}.ffn_down_exps.weight", HF: "backbone.layers.{}.mixer.experts.down_proj", Role: RoleDownExps, Shape: "X EX M"},
		{GGUF: "blk.{}.ffn_up_exps.weight", HF: "backbone.layers.{}.mixer.experts.up_proj", Role: RoleUpExps, Shape: "X M EX"},
		{GGUF: "blk.{}.ffn_down_shexp.weight", HF: "backbone.layers.{}.mixer.shared_experts.down_proj.weight", Role: RoleDownShared, Shape: "E S"},
		{GGUF: "blk.{}.ffn_up_shexp.weight", HF: "backbone.layers.{}.mixer.shared_experts.up_proj.weight", Role: RoleUpShared, Shape: "S E"},
	}), in(narrows, []Rule{
		{GGUF: "blk.{}.ffn_latent_down.weight", HF: "backbone.layers.{}.mixer.fc1_latent_proj.weight", Role: RoleLatentDown, Shape: "EX E"},
		{GGUF: "blk.{}.ffn_latent_up.weight", HF: "backbone.layers.{}.mixer.fc2_latent_proj.weight", Role: RoleLatentUp, Shape: "E EX"},
	})),
	Drop:   []string{"*.rotary_emb.inv_freq", "mtp.*", "blk.{+}.*"}, // layers that guess further tokens
	Refuse: nemotronRefuses,
	Layer:  Layer{Keeper: Mamba2, RopeTold: true, RopePart: true, Act: ReLU2, Ungated: true},
	Finish: finishNemotronH,
})

var nemotronDefaults = map[string]any{
	"vocab_size": 131072, "max_position_embeddings": 4096, "layer_norm_epsilon": 1e-5, "num_key_value_heads": 8, "head_dim": 128, "intermediate_size": 21504,
	"ssm_state_size": 128, "mamba_num_heads": 128, "n_groups": 8, "conv_kernel": 4, "tie_word_embeddings": false, "n_routed_experts": 8, "n_shared_experts": 1, "moe_intermediate_size": 7688,
	"moe_shared_expert_intermediate_size": 7688, "norm_topk_prob": true, "routed_scaling_factor": 1.0, "n_group": 1, "topk_group": 1, "expand": 2,
}

// nemotronShape are the sizes of layers, each of which has one part.
var nemotronShape = slices.Concat([]Key{
	{GGUF: "{a}.block_count", HF: []string{"num_hidden_layers"}, Field: func(p *Params) any { return &p.Layers }, Default: nothing},
}, named("context_length", "embedding_length"), []Key{
	{HF: []string{"intermediate_size"}, Field: func(p *Params) any { return &p.FF }, When: never, Default: nothing},
}, layerKeys(nil, "feed_forward_length"), convHeads, quiet(named("rope.scaling.type", "rope.scaling.factor", "rope.freq_base")...), []Key{
	told("attention.layer_norm_epsilon", "layer_norm_epsilon"),
})

// nemotronState are those of its states and of its heads, which are not rotated.
var nemotronState = slices.Concat(sizeKeys(always)[:1], []Key{
	{GGUF: "{a}.rope.dimension_count", Field: func(p *Params) any { return &p.RopeDim }, Default: func(p *Params) { // means nothing
		if headDim := p.HeadDim; p.Heads > 0 {
			if p.RopeDim = p.Embd / p.Heads; headDim > 0 && (p.RopeDim > headDim || p.RopeDim%2 != 0) {
				p.RopeDim = headDim
			}
		}
	}},
}, ssmKeys(map[string][]string{"conv_kernel": {"conv_kernel", "mamba_d_conv"}, "state_size": {"ssm_state_size"}, "group_count": {"n_groups", "mamba_n_groups"}, "time_step_rank": {"mamba_num_heads"}},
	"conv_kernel", "state_size", "group_count", "inner_size", "time_step_rank"), []Key{
	{GGUF: "{a}.rope.scaling.finetuned", Field: func(p *Params) any { return &p.Rotates }},
	{GGUF: "{a}.attention.key_length", HF: []string{"head_dim", "attention_head_dim"}, Field: func(p *Params) any { return &p.HeadDim }},
	{GGUF: "{a}.attention.value_length", HF: []string{"head_dim", "attention_head_dim"}, Field: func(p *Params) any { return &p.ValueDim }},
})

// nemotronLayers are all tensors but those of feed-forward networks; a layer's norm is before the one part that it has.
var nemotronLayers = slices.Concat([]Rule{
	{GGUF: "token_embd.weight", HF: "backbone.embeddings.weight", Role: RoleEmbed, Shape: "V E"},
	{GGUF: "blk.{}.attn_norm.weight", HF: "backbone.layers.{}.norm.weight", Role: RoleAttnNorm, Shape: "E", When: func(p *Params, l int) bool { return !thinks(p, l) }},
	{GGUF: "blk.{}.attn_norm.weight", HF: "backbone.layers.{}.norm.weight", Role: RoleFFNNorm, Shape: "E", When: thinks},
}, in(attends, renamed(slices.Concat(permutedQK, only(decoder, RoleV, RoleO)), map[Role]string{
	RoleQ: "backbone.layers.{}.mixer.q_proj.weight", RoleK: "backbone.layers.{}.mixer.k_proj.weight", RoleV: "backbone.layers.{}.mixer.v_proj.weight", RoleO: "backbone.layers.{}.mixer.o_proj.weight",
})), mamba2("backbone.layers.{}.mixer"), []Rule{
	{GGUF: "output_norm.weight", HF: "backbone.norm_f.weight", Role: RoleOutputNorm, Shape: "E"},
	{GGUF: "output.weight", HF: "lm_head.weight", Role: RoleOutput, Shape: "V E", Optional: true},
})

var nemotronRefuses = []Refusal{
	{HF: "mlp_hidden_act", Unless: []string{"relu2"}, Why: "its activation function is not a squared rectifier"},
	{HF: "mamba_hidden_act", Unless: []string{"silu"}, Why: "its activation function is not silu"},
	{HF: "use_conv_bias", Unless: []string{"true"}, Why: "convolutions without biases"},
	{HF: "mamba_proj_bias", Unless: []string{"false"}, Why: "projections with biases"},
	{HF: "use_bias", Unless: []string{"false"}, Why: "projections with biases"},
	{HF: "attention_bias", Unless: []string{"false"}, Why: "projections with biases"},
	{HF: "mlp_bias", Unless: []string{"false"}, Why: "projections with biases"},
	{HF: "sliding_window", Why: "layers with windows"},
	{GGUF: "{a}.rope.scaling.finetuned", Unless: []string{"false"}, Why: "heads that are rotated"},
}

// finishNemotronH reads what layers have: a letter for each, or a word.
func finishNemotronH(c *Config, p *Params) error {
	key, letters, err := nemotronLetters(c, p)
	if err != nil {
		return err
	}
	if p.Layers == 0 {
		p.Layers = len(letters)
	}
	if len(letters) != p.Layers || len(letters) > maxList {
		return c.fail(key, formats.Corrupt("%d layers, of %d", len(letters), p.Layers), "")
	}
	feed, width := byte('-'), p.FF
	if p.Mix.Count > 0 {
		feed, width = 'E', p.Mix.FF
	}
	p.KVHeadsIn, p.FFIn, p.State.In = nil, nil, nil
	for i := range letters {
		heads, ff := 0, 0
		if i < len(p.Mix.FFIn) {
			width = int(p.Mix.FFIn[i])
		}
		switch letters[i] {
		case '*':
			heads = p.KVHeads
		case feed:
			ff = width
		case 'M':
		default:
			return c.fail(key, formats.Unsupported("layer %d is %q, which this family does not have", i, letters[i:i+1]), "")
		}
		p.KVHeadsIn, p.FFIn = append(p.KVHeadsIn, int32(heads)), append(p.FFIn, int32(ff))
	}
	instead.Default(p)
	p.FF, p.Context = int(slices.Max(append(p.FFIn, 0))), 1<<20 // any, as the reference has it
	v, _ := c.Value("mamba_head_dim")
	d, ok := number(v)
	if v == nil {
		d, ok = 64, true
	}
	if !ok || d < 1 || d > 1<<12 || d != float64(int(d)) {
		return c.wrong("mamba_head_dim", v, "the size of a head")
	}
	p.State.Inner = p.State.Heads * int(d)
	return freeSteps(c)
}

// nemotronLetters is a letter for each layer, and the key that tells it.
func nemotronLetters(c *Config, p *Params) (key, letters string, err error) {
	if c.class() == "NemotronHPuzzleForCausalLM" {
		list, err := puzzleBlocks(c, p)
		if err != nil {
			return "", "", err
		}
		letters, err = lettersOf(c, "block_configs", list)
		return "block_configs", letters, err
	}
	key = "hybrid_override_pattern"
	if v, _ := c.Value(key); v != nil {
		letters, err = c.String(key)
		return key, letters, err
	}
	if key = "layers_block_type"; !c.says(key) {
		key = "layer_types"
	}
	v, _ := c.Value(key)
	list, ok := v.([]any)
	if !ok || len(list) > maxList {
		return key, "", c.wrong("hybrid_override_pattern", v, "a letter for each layer")
	}
	letters, err = lettersOf(c, key, list)
	return key, letters, err
}

func lettersOf(c *Config, key string, list []any) (letters string, err error) {
	words := map[string]byte{"mamba": 'M', "linear_attention": 'M', "attention": '*', "full_attention": '*', "mlp": '-', "moe": 'E'}
	for i, x := range list {
		word, _ := x.(string)
		if words[word] == 0 {
			return "", c.fail(key, formats.Unsupported("layer %d is %.60q, which is not known for this family", i, fmt.Sprint(x)), "")
		}
		letters += string(words[word])
	}
	return letters, nil
}

// tellNemotronH is the way back.
func tellNemotronH(p *Params) map[string]any {
	letters := ""
	for l := range p.Layers {
		switch {
		case p.Keeps(l):
			letters += "M"
		case p.At(l).KVHeads > 0:
			letters += "*"
		case p.Mix.Count > 0:
			letters += "E"
		default:
			letters += "-"
		}
	}
	return map[string]any{"hybrid_override_pattern": letters, "num_key_value_heads": p.KVHeads, "mamba_head_dim": p.State.Inner / p.State.Heads, "expand": 2}
}

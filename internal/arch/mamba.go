package arch

import (
	"slices"

	"quern/formats"
)

// Mamba is the family of the first state-space models of that name (arXiv:2312.00752): layers of nothing else. Falcon Mamba norms what makes time steps and the ways in and out.
var Mamba = register(Arch{
	Name:   "mamba",
	Prefix: "backbone.",
	Variants: []Variant{
		{Type: "mamba", HF: []string{"MambaForCausalLM", "MambaLMHeadModel"}, If: notPublished, Ignore: []string{"mixer_rms_eps"}, Defaults: map[string]any{
			"vocab_size": 50280, "hidden_size": 768, "state_size": 16, "num_hidden_layers": 32, "layer_norm_epsilon": 1e-5, "conv_kernel": 4, "expand": 2, "tie_word_embeddings": true,
		}},
		{Type: "falcon_mamba", HF: []string{"FalconMambaForCausalLM"}, Defaults: map[string]any{
			"vocab_size": 50280, "hidden_size": 768, "state_size": 16, "num_hidden_layers": 32, "layer_norm_epsilon": 1e-5, "conv_kernel": 4, "expand": 2, "tie_word_embeddings": true,
			"mixer_rms_eps": mixerEps,
		}},
		{Type: "mamba_ssm", HF: []string{"MambaForCausalLM", "MambaLMHeadModel"}, If: published, Ignore: []string{"mixer_rms_eps"}, Defaults: map[string]any{
			"state_size": 16, "layer_norm_epsilon": 1e-5, "conv_kernel": 4, "tie_word_embeddings": true,
		}},
	},
	Keys: slices.Concat(stateShape, ssmKeys(stateNames, "conv_kernel", "inner_size", "state_size"), []Key{
		rankKey,
		stateEps,
		{GGUF: "{a}.ssm.dt_b_c_rms", Field: func(p *Params) any { return &p.State.Normed }, Default: nothing},
		{HF: []string{"mixer_rms_eps"}, Field: func(p *Params) any { return &p.State.MixEps }, When: never, Default: func(p *Params) {
			if p.State.Normed {
				p.State.MixEps = mixerEps
			}
		}},
		{GGUF: "general.file_type"},
		ownStepsKey,
	}),
	Tensors: slices.Concat(stateEmbeds, mamba1("backbone.layers.{}.mixer"), stateEnds),
	Refuse:  pureRefuses,
	Layer:   Layer{Keeper: Mamba1},
	Finish: func(c *Config, p *Params) error {
		if err := plainSizes(c, p); err != nil {
			return err
		}
		if p.State.Normed = p.State.MixEps != 0; p.State.Normed && p.State.MixEps != mixerEps {
			return c.fail("mixer_rms_eps", formats.Unsupported("is %v, which files do not tell; here it is %v", p.State.MixEps, float32(mixerEps)), "")
		}
		ownSteps(p)
		return timeRank(c, p, "time_step_rank", "dt_rank", "ssm_cfg.dt_rank")
	},
})

// mixerEps is Falcon Mamba's epsilon of norms inside a layer. Runtimes take that of the other norms.
const mixerEps = 1e-6

// Mamba 2 alone is in mamba2.go; these are what the two have in common.
var (
	stateShape = slices.Concat([]Key{
		{GGUF: "{a}.context_length", Field: func(p *Params) any { return &p.Context }, Default: func(p *Params) { p.Context = 1 << 20 }}, // any, as the reference has it
		{GGUF: "{a}.embedding_length", HF: []string{"hidden_size", "d_model", "dim"}, Field: func(p *Params) any { return &p.Embd }},
	}, statesOnly, []Key{
		{GGUF: "{a}.block_count", HF: []string{"num_hidden_layers", "n_layer", "n_layers"}, Field: func(p *Params) any { return &p.Layers }},
	}, sizeKeys(never)[:1], []Key{inAll})
	stateNames = map[string][]string{"conv_kernel": {"conv_kernel", "d_conv", "ssm_cfg.d_conv"}, "state_size": {"state_size", "d_state", "ssm_cfg.d_state"}}
	stateEps   = Key{GGUF: "{a}.attention.layer_norm_rms_epsilon", HF: []string{"layer_norm_epsilon", "rms_norm_eps"}, Field: func(p *Params) any { return &p.NormEps }}

	stateEmbeds = []Rule{
		{GGUF: "token_embd.weight", HF: "backbone.embeddings.weight", Role: RoleEmbed, Shape: "V E"},
		{GGUF: "token_embd.weight", HF: "backbone.embedding.weight", Role: RoleEmbed, Shape: "V E"}, // as it was published
		{GGUF: "blk.{}.attn_norm.weight", HF: "backbone.layers.{}.norm.weight", Role: RoleAttnNorm, Shape: "E"},
	}
	stateEnds = []Rule{
		{GGUF: "output_norm.weight", HF: "backbone.norm_f.weight", Role: RoleOutputNorm, Shape: "E"},
		{GGUF: "output.weight", HF: "lm_head.weight", Role: RoleOutput, Shape: "V E", Optional: true},
	}

	pureRefuses = []Refusal{
		siluOnly,
		{HF: "use_bias", Unless: []string{"false"}, Why: "projections with biases"},
		{HF: "use_conv_bias", Unless: []string{"true"}, Why: "convolutions without biases"},
		{HF: "rms_norm", Unless: []string{"true"}, Why: "norms that take the mean away"},
		{HF: "d_intermediate", Unless: []string{"0"}, Why: "a feed-forward network"},
		{HF: "attn_layer_idx", Unless: []string{"[]"}, Why: "layers with attention"},
		{GGUF: "{a}.feed_forward_length", Unless: []string{"0"}, Why: "a feed-forward network"},
		{GGUF: "{a}.attention.head_count", Unless: []string{"0"}, Why: "layers with attention"},
	}
)

// published says of a config.json that it is as the code of the paper writes it, which names no class and rows of the embedding before they are filled up.
func published(c *Config) bool {
	_, ok := c.Value("d_model")
	return ok
}

func notPublished(c *Config) bool { return !published(c) }

// stateClass is the class of a config.json that names none, as the code of the papers writes it; "" where it is not of that code.
func (c *Config) stateClass() string {
	if _, ok := c.Value("ssm_cfg"); !ok {
		return ""
	}
	if layer, _ := c.String("ssm_cfg.layer"); layer != "" && layer != "Mamba1" {
		return layer + "ForCausalLM"
	}
	return "MambaForCausalLM"
}

// known is the first of keys that is there; if none is, the first.
func (c *Config) known(keys ...string) string {
	if key, _, ok := c.Find(keys...); ok {
		return key
	}
	return keys[0]
}

// VocabSize is how many tokens config.json says, those counted that fill an embedding up to a multiple of a number; 0 where it says nothing.
func (c *Config) VocabSize() (int, error) {
	rows, err := c.Float("vocab_size", 0)
	if err != nil || !published(c) {
		return int(rows), err
	}
	of, err := c.Float("pad_vocab_size_multiple", 1)
	if n := int(of); err == nil && n > 1 && n <= 1<<16 && rows < 1<<27 {
		return (int(rows) + n - 1) / n * n, nil
	}
	return int(rows), err
}

// plainSizes are those that follow from others in models of nothing but states.
func plainSizes(c *Config, p *Params) error {
	if published(c) {
		rows, err := c.VocabSize()
		if err != nil {
			return err
		}
		p.Vocab = rows
	}
	return innerSize(c, p, c.known("expand", "ssm_cfg.expand"), "")
}

// ownSteps says that each number has a time step of its own, and all share the ways in and out.
func ownSteps(p *Params) { p.State.Heads, p.State.Groups = p.State.Inner, 1 }

var (
	rankKey     = Key{GGUF: "{a}.ssm.time_step_rank", Field: func(p *Params) any { return &p.State.Rank }, Default: nothing} // timeRank
	ownStepsKey = Key{Field: func(p *Params) any { return &p.State.Heads }, When: never, Default: ownSteps}
)

// timeRank is how many numbers time steps are made of; a sixteenth of the stream's where nothing is said.
func timeRank(c *Config, p *Params, keys ...string) error {
	key, v, _ := c.Find(keys...)
	if p.State.Rank = (p.Embd + 15) / 16; v == nil || v == "auto" {
		return nil
	}
	return c.assign(key, v, &p.State.Rank)
}

// mamba1 are the tensors of Mamba 1 in layers that keep a state; at is where they are in a checkpoint.
func mamba1(at string) []Rule {
	return in(keeps, []Rule{
		{GGUF: "blk.{}.ssm_in.weight", HF: at + ".in_proj.weight", Role: RoleStateIn, Shape: "SI2 E"},
		{GGUF: "blk.{}.ssm_conv1d.weight", HF: at + ".conv1d.weight", Role: RoleStateConv, Shape: "SI SC", From: "SI 1 SC", Do: squeezed},
		{GGUF: "blk.{}.ssm_conv1d.bias", HF: at + ".conv1d.bias", Role: RoleStateConv, Shape: "SI"},
		{GGUF: "blk.{}.ssm_x.weight", HF: at + ".x_proj.weight", Role: RoleStateWays, Shape: "SX SI"},
		{GGUF: "blk.{}.ssm_dt.weight", HF: at + ".dt_proj.weight", Role: RoleStateStep, Shape: "SH SR"},
		{GGUF: "blk.{}.ssm_dt.bias", HF: at + ".dt_proj.bias", Role: RoleStateStep, Shape: "SH"},
		{GGUF: "blk.{}.ssm_a", HF: at + ".A_log", Role: RoleStateDecay, Shape: "SI SN", Do: negativeExps},
		{GGUF: "blk.{}.ssm_d", HF: at + ".D", Role: RoleStatePast, Shape: "SI"},
		{GGUF: "blk.{}.ssm_out.weight", HF: at + ".out_proj.weight", Role: RoleStateOut, Shape: "E SI"},
	})
}

// tellMamba is the way back.
func tellMamba(p *Params) map[string]any {
	out := map[string]any{"time_step_rank": p.State.Rank, "expand": 2, "intermediate_size": p.State.Inner, "rope_parameters": unsaid, "rope_scaling": unsaid, "rope_theta": unsaid, "d_intermediate": unsaid,
		"rms_norm": unsaid}
	if !p.State.Normed {
		out["mixer_rms_eps"] = unsaid
	}
	return out
}

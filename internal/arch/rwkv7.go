package arch

import (
	"math"
	"slices"
	"strings"

	"quern/formats"
)

// RWKV7 is the family of RWKV 7 (Goose, arXiv:2503.14456): heads whose states each key decays, partly reads and replaces; values that are mixed with the first layer's; and a
// network of a squared rectifier. Both parts are given every token mixed with the one before. Checkpoints are in the layout of flash-linear-attention, or in the one of the
// model's own code, which has matrices of low rank turned.
var RWKV7 = register(Arch{
	Name: "rwkv7",
	Variants: []Variant{{
		Type:     "rwkv7",
		HF:       []string{"RWKV7ForCausalLM", "Rwkv7ForCausalLM"},
		Defaults: map[string]any{"max_position_embeddings": 2048, "norm_eps": 1e-5, "head_dim": 64, "vocab_size": 65536, "tie_word_embeddings": false},
	}},
	Keys: slices.Concat(named("context_length", "embedding_length", "block_count"), []Key{
		told("attention.layer_norm_epsilon", "norm_eps", "layer_norm_epsilon"),
		{GGUF: "{a}.wkv.head_size", HF: []string{"head_dim", "head_size"}, Field: func(p *Params) any { return &p.State.Size }},
	}, rates7, []Key{
		{GGUF: "{a}.feed_forward_length", HF: []string{"intermediate_size"}, Field: func(p *Params) any { return &p.FF }, Default: func(p *Params) { p.FF = 4 * p.Embd }},
		{GGUF: "general.file_type"},
		noHeads,
	}, sizeKeys(never)[:1], []Key{recurrentHeads}),
	Tensors: slices.Concat([]Rule{
		{GGUF: "token_embd.weight", HF: "model.embeddings.weight", Role: RoleEmbed, Shape: "V E"},
		{GGUF: "output.weight", HF: "lm_head.weight", Role: RoleOutput, Shape: "V E"},
	}, normed7("output_norm", "model.norm", RoleOutputNorm), normed7("token_embd_norm", "model.layers.0.pre_norm", RoleEmbedNorm), normed7("blk.{}.attn_norm", "model.layers.{}.attn_norm", RoleAttnNorm),
		normed7("blk.{}.attn_norm_2", "model.layers.{}.ffn_norm", RoleFFNNorm), fla7.rules(), network7("model.layers.{}.ffn", false),
		normed7("token_embd_norm", "model.pre_ln", RoleEmbedNorm), normed7("blk.{}.attn_norm", "model.layers.{}.ln1", RoleAttnNorm), normed7("blk.{}.attn_norm_2", "model.layers.{}.ln2", RoleFFNNorm),
		own7.rules(), network7("model.layers.{}.feed_forward", true), normed7("output_norm", "model.ln_out", RoleOutputNorm)),
	Drop: []string{"model.layers.0.attention.v0", "model.layers.0.attention.v1", "model.layers.0.attention.v2"},
	Refuse: []Refusal{
		{HF: "tie_word_embeddings", Unless: []string{"false"}, Why: "an output head that is the embedding, which runtimes do not load"},
		{HF: "attn", Why: "layers with attention"},
		{HF: "norm_first", Unless: []string{"true"}, Why: "embeddings without a norm"},
		{HF: "norm_bias", Unless: []string{"true"}, Why: "norms without biases"},
		{HF: "hidden_act", Unless: []string{"sqrelu"}, Why: "its activation function is not a squared rectifier"},
		{GGUF: "{a}.attention.head_count", Unless: []string{"0"}, Why: "layers with attention"},
		{GGUF: "{a}.token_shift_count", Unless: []string{"2"}, Why: "another number of mixtures with the token before"},
	},
	Layer:  Layer{Keeper: GooseState, MeanNorm: true, Act: ReLU2, Ungated: true},
	Finish: finishRWKV7,
})

// rates7 are the ranks of a layer, by the names that flash-linear-attention and the model's own code have for them.
var rates7 = []Key{
	rank("{a}.attention.decay_lora_rank", func(r *Ranks) *int { return &r.Decay }, .5, 1.8, "decay_low_rank_dim", "lora_rank_decay"),
	rank("{a}.attention.iclr_lora_rank", func(r *Ranks) *int { return &r.Rate }, .5, 1.8, "a_low_rank_dim", "lora_rank_iclr"),
	rank("{a}.attention.value_residual_mix_lora_rank", func(r *Ranks) *int { return &r.Values }, .5, 1.3, "v_low_rank_dim", "lora_rank_value_residual_mix"),
	rank("{a}.attention.gate_lora_rank", func(r *Ranks) *int { return &r.Gate }, .8, .6, "gate_low_rank_dim", "lora_rank_gate"),
}

func normed7(gguf, hf string, role Role) []Rule {
	return []Rule{{GGUF: gguf + ".weight", HF: hf + ".weight", Role: role, Shape: "E"}, {GGUF: gguf + ".bias", HF: hf + ".bias", Role: role, Shape: "E"}}
}

// A layout7 is what a layer's state is called in a layout of checkpoints.
type layout7 struct {
	at, norm        string
	r, k, v, out    string
	low, high, plus string // "{l}" is the letter of a matrix of low rank, in two, and what is added behind
	turn            Op     // of those two
	vectors         bool   // numbers of each dimension of a token lie in three dimensions, two of them 1
}

var (
	fla7 = layout7{at: "model.layers.{}.attn.", norm: "g_norm", r: "r_proj", k: "k_proj", v: "v_proj", out: "o_proj",
		low: "{l}_lora.lora.0.weight", high: "{l}_lora.lora.2.weight", plus: "{l}_lora.lora.2.bias"}
	own7     = layout7{at: "model.layers.{}.attention.", norm: "ln_x", r: "receptance", k: "key", v: "value", out: "output", low: "{l}1", high: "{l}2", plus: "{l}0", turn: TurnMatrix, vectors: true}
	wrapped7 = layout7{at: "model.layers.{}.self_attn.time_mixer.", norm: "ln_x", r: "receptance", k: "key", v: "value", out: "output", low: "{l}1", high: "{l}2", plus: "{l}0", turn: TurnMatrix, vectors: true}
)

// rules are the tensors of a layer's state.
func (n layout7) rules() []Rule {
	rules := []Rule{
		{GGUF: "lerp_fused", HF: "x_{r,w,k,v,a,g}", Role: RoleMixShift, Shape: "SM 1 1 E", When: gatesStates},
		{GGUF: "lerp_fused", HF: "x_{r,w,k,v,a}", Role: RoleMixShift, Shape: "SM 1 1 E", When: shutStates},
		{GGUF: "k_k", HF: "k_k", Role: RoleMixUnit, Shape: "E"},
		{GGUF: "k_a", HF: "k_a", Role: RoleMixKeep, Shape: "E"},
		{GGUF: "r_k", HF: "r_k", Role: RoleMixBonus, Shape: "E", From: "SE SN", Do: flattened},
		{GGUF: "receptance", HF: n.r + ".weight", Role: RoleMixR, Shape: "E E"},
		{GGUF: "key", HF: n.k + ".weight", Role: RoleMixK, Shape: "E E"},
		{GGUF: "value", HF: n.v + ".weight", Role: RoleMixV, Shape: "E E"},
		{GGUF: "ln", HF: n.norm + ".weight", Role: RoleStateNorm, Shape: "E"},
		{GGUF: "ln.bias", HF: n.norm + ".bias", Role: RoleStateNorm, Shape: "E"},
		{GGUF: "output", HF: n.out + ".weight", Role: RoleStateOut, Shape: "E E"},
	}
	for _, of := range []struct {
		letter, rank string
		low, high    Role
		when         func(*Params, int) bool
	}{{"w", "SRD", RoleMixDecayLow, RoleMixDecay, nil}, {"a", "SRA", RoleMixRateLow, RoleMixRate, nil}, {"v", "SRV", RoleMixFirstLow, RoleMixFirst, laterLayers},
		{"g", "SRG", RoleMixGateLow, RoleMixGate, gatesStates}} {
		named := func(pattern string) string { return strings.Replace(pattern, "{l}", of.letter, 1) }
		low := []Rule{
			{GGUF: of.letter + "0", HF: named(n.plus), Role: of.high, Shape: "E", When: of.when},
			{GGUF: of.letter + "1", HF: named(n.low), Role: of.low, Shape: of.rank + " E", When: of.when},
			{GGUF: of.letter + "2", HF: named(n.high), Role: of.high, Shape: "E " + of.rank, When: of.when},
		}
		if n.turn.Forward != nil {
			low[1].From, low[1].Do, low[2].From, low[2].Do = "E "+of.rank, n.turn, of.rank+" E", n.turn
		}
		if n.vectors {
			low[0].From, low[0].Do = "1 1 E", vectored
		}
		if of.letter == "g" {
			low = low[1:]
		}
		if of.letter == "a" {
			rules = append(rules, standIns7(low)...)
		}
		rules = append(rules, low...)
	}
	for i := range rules {
		if r := &rules[i]; n.vectors && r.Shape == "E" && r.Do.Forward == nil && r.Role != RoleStateNorm {
			r.From, r.Do = "1 1 E", vectored
		}
		name, isBias := strings.CutSuffix(rules[i].GGUF, ".bias")
		rules[i].GGUF, rules[i].HF = "blk.{}.time_mix_"+name+map[bool]string{true: ".bias", false: ".weight"}[isBias], n.at+rules[i].HF
	}
	return rules
}

// standIns7 are what runtimes load for the first layer in the place of what takes another layer's values: its rates.
func standIns7(rates []Rule) (rules []Rule) {
	for _, r := range rates {
		do := standIn
		if forward := r.Do.Forward; forward != nil {
			do.Forward = forward
		}
		r.GGUF, r.When, r.Idle, r.Do = "v"+r.GGUF[1:], firstLayer, true, do
		rules = append(rules, r)
	}
	return rules
}

// network7 are those of the network of a squared rectifier.
func network7(at string, vectors bool) []Rule {
	rules := []Rule{
		{GGUF: "blk.{}.channel_mix_lerp_k.weight", HF: at + ".x_k", Role: RoleFFNShift, Shape: "E"},
		{GGUF: "blk.{}.channel_mix_key.weight", HF: at + ".key.weight", Role: RoleUp, Shape: "F E"},
		{GGUF: "blk.{}.channel_mix_value.weight", HF: at + ".value.weight", Role: RoleDown, Shape: "E F"},
	}
	if vectors {
		rules[0].From, rules[0].Do = "1 1 E", vectored
	}
	return rules
}

// finishRWKV7 refuses heads whose norm has another epsilon than runtimes have built in: it is config.json's times the size of a head.
func finishRWKV7(c *Config, p *Params) error {
	if err := finishRecurrent(c, p); err != nil {
		return err
	}
	if v, _ := c.Value("norm_eps"); v != nil && math.Abs(float64(p.NormEps)*float64(p.State.Size)-HeadNormEps) > 1e-9 {
		return c.fail("norm_eps", formats.Unsupported("is %v: times the size of a head, %d, it is not %v, which runtimes have built in for norms of heads", p.NormEps, p.State.Size, HeadNormEps), "")
	}
	return nil
}

package arch

import (
	"slices"

	"quern/formats"
)

// RWKV6 is the family of RWKV 6 (Finch, arXiv:2404.05892): heads whose states keys and values are added to, each row of which decays as the token says, and to which the present
// token counts besides. How much of the token before each part is given depends on both tokens.
var RWKV6 = register(Arch{
	Name:   "rwkv6",
	Prefix: "rwkv.",
	Variants: []Variant{{
		Type:     "rwkv6",
		HF:       []string{"Rwkv6ForCausalLM"},
		Defaults: map[string]any{"layer_norm_epsilon": 1e-5, "head_size": 64, "head_size_divisor": 8, "rescale_every": 6, "vocab_size": 65536, "tie_word_embeddings": false},
	}},
	Keys: slices.Concat(fullContext, named("embedding_length", "block_count"), []Key{
		told("attention.layer_norm_epsilon", "layer_norm_epsilon"),
		{GGUF: "{a}.rescale_every_n_layers", HF: []string{"rescale_every"}, Field: func(p *Params) any { return &p.State.Rescale }, Default: nothing},
		{GGUF: "{a}.wkv.head_size", HF: []string{"head_size"}, Field: func(p *Params) any { return &p.State.Size }},
	}, ranks6(func(p *Params) bool { return p.Embd == 4096 }), []Key{
		{GGUF: "{a}.feed_forward_length", HF: []string{"intermediate_size"}, Field: func(p *Params) any { return &p.FF }, Default: func(p *Params) { p.FF = p.Embd * 7 / 2 / 32 * 32 }},
		{GGUF: "general.file_type"},
		noHeads,
	}, sizeKeys(never)[:1], []Key{recurrentHeads}),
	Tensors: slices.Concat([]Rule{
		{GGUF: "token_embd.weight", HF: "rwkv.embeddings.weight", Role: RoleEmbed, Shape: "V E"},
		{GGUF: "output.weight", HF: "head.weight", Role: RoleOutput, Shape: "V E"},
	}, normed7("output_norm", "rwkv.ln_out", RoleOutputNorm), normed7("token_embd_norm", "rwkv.blocks.0.pre_ln", RoleEmbedNorm), normed7("blk.{}.attn_norm", "rwkv.blocks.{}.ln1", RoleAttnNorm),
		normed7("blk.{}.attn_norm_2", "rwkv.blocks.{}.ln2", RoleFFNNorm), mixed6("rwkv.blocks.{}.attention.", "{w,k,v,r,g}", Turn, TurnMatrix), []Rule{
			{GGUF: "blk.{}.time_mix_first.weight", HF: "rwkv.blocks.{}.attention.time_faaaa", Role: RoleMixBonus, Shape: "SE SN"},
			{GGUF: "blk.{}.time_mix_receptance.weight", HF: "rwkv.blocks.{}.attention.receptance.weight", Role: RoleMixR, Shape: "E E"},
			{GGUF: "blk.{}.time_mix_key.weight", HF: "rwkv.blocks.{}.attention.key.weight", Role: RoleMixK, Shape: "E E"},
			{GGUF: "blk.{}.time_mix_value.weight", HF: "rwkv.blocks.{}.attention.value.weight", Role: RoleMixV, Shape: "E E"},
			{GGUF: "blk.{}.time_mix_gate.weight", HF: "rwkv.blocks.{}.attention.gate.weight", Role: RoleMixG, Shape: "E E"},
			{GGUF: "blk.{}.time_mix_output.weight", HF: "rwkv.blocks.{}.attention.output.weight", Role: RoleStateOut, Shape: "E E", Do: rescaled},
			{GGUF: "blk.{}.channel_mix_lerp_k.weight", HF: "rwkv.blocks.{}.feed_forward.time_maa_k", Role: RoleFFNShift, Shape: "E", From: "1 1 E", Do: vectored},
			{GGUF: "blk.{}.channel_mix_lerp_r.weight", HF: "rwkv.blocks.{}.feed_forward.time_maa_r", Role: RoleFFNShiftR, Shape: "E", From: "1 1 E", Do: vectored},
			{GGUF: "blk.{}.channel_mix_key.weight", HF: "rwkv.blocks.{}.feed_forward.key.weight", Role: RoleUp, Shape: "F E"},
			{GGUF: "blk.{}.channel_mix_receptance.weight", HF: "rwkv.blocks.{}.feed_forward.receptance.weight", Role: RoleFFNReceptance, Shape: "E E"},
			{GGUF: "blk.{}.channel_mix_value.weight", HF: "rwkv.blocks.{}.feed_forward.value.weight", Role: RoleDown, Shape: "E F", Do: rescaled},
		}, normed7("blk.{}.time_mix_ln", "rwkv.blocks.{}.attention.ln_x", RoleStateNorm)),
	Refuse: []Refusal{
		ownHead6,
		{HF: "head_size_divisor", Unless: []string{"8"}, Why: "norms of heads with another epsilon than runtimes have built in"},
		{GGUF: "{a}.attention.head_count", Unless: []string{"0"}, Why: "layers with attention"},
		{GGUF: "{a}.token_shift_count", Unless: []string{"2"}, Why: "another number of mixtures with the token before"},
	},
	Layer:  Layer{Keeper: FinchState, MeanNorm: true, Act: ReLU2, Ungated: true},
	Finish: finishRecurrent,
})

// RWKV6Qwen2 is the family of QRWKV 6: layers of Qwen 2.5 with states of RWKV 6 in the place of attention, heads of which share keys and values as those of attention did. A key
// goes into a state as far as that decays; nothing counts besides, and nothing is normed.
var RWKV6Qwen2 = register(Arch{
	Name: "rwkv6qwen2",
	Variants: []Variant{{
		Type:     "rwkv6qwen2",
		HF:       []string{"RWKV6Qwen2ForCausalLM"},
		Defaults: map[string]any{"rms_norm_eps": 1e-6, "tie_word_embeddings": false, "hidden_act": "silu", "attention_bias": true},
	}},
	Keys: slices.Concat(fullContext, named("embedding_length", "block_count"), []Key{
		{HF: []string{"num_attention_heads"}, Field: func(p *Params) any { return &p.Heads }, When: never, Default: nothing},
		{GGUF: "{a}.wkv.head_size", Field: func(p *Params) any { return &p.State.Size }, Default: func(p *Params) { p.State.Size = p.Embd / max(1, p.Heads) }},
	}, ranks6(func(p *Params) bool { return p.Embd >= 4096 }, "lora_rank_tokenshift", "lora_rank_decay"), named("feed_forward_length"), []Key{{GGUF: "general.file_type"}},
		named("attention.layer_norm_rms_epsilon"), []Key{
			oneShift,
			{GGUF: "{a}.attention.head_count_kv", HF: []string{"num_key_value_heads"}, Field: func(p *Params) any { return &p.State.Groups }},
			noHeads,
		}, sizeKeys(never)[:1], []Key{recurrentHeads}),
	Tensors: slices.Concat(only(decoder, RoleEmbed, RoleAttnNorm, RoleFFNNorm, RoleGate, RoleUp, RoleDown, RoleOutputNorm), straightHead,
		mixed6("model.layers.{}.self_attn.", "{w,k,v,r,g}", turnedStack6, turnedRows6), []Rule{
			{GGUF: "blk.{}.time_mix_receptance.weight", HF: "model.layers.{}.self_attn.q_proj.weight", Role: RoleMixR, Shape: "E E"},
			{GGUF: "blk.{}.time_mix_receptance.bias", HF: "model.layers.{}.self_attn.q_proj.bias", Role: RoleMixR, Shape: "E", Optional: true, Flag: "attention_bias"},
			{GGUF: "blk.{}.time_mix_key.weight", HF: "model.layers.{}.self_attn.k_proj.weight", Role: RoleMixK, Shape: "SK E"},
			{GGUF: "blk.{}.time_mix_key.bias", HF: "model.layers.{}.self_attn.k_proj.bias", Role: RoleMixK, Shape: "SK", Optional: true, Flag: "attention_bias"},
			{GGUF: "blk.{}.time_mix_value.weight", HF: "model.layers.{}.self_attn.v_proj.weight", Role: RoleMixV, Shape: "SK E"},
			{GGUF: "blk.{}.time_mix_value.bias", HF: "model.layers.{}.self_attn.v_proj.bias", Role: RoleMixV, Shape: "SK", Optional: true, Flag: "attention_bias"},
			{GGUF: "blk.{}.time_mix_gate.weight", HF: "model.layers.{}.self_attn.gate.weight", Role: RoleMixG, Shape: "E E"},
			{GGUF: "blk.{}.time_mix_output.weight", HF: "model.layers.{}.self_attn.o_proj.weight", Role: RoleStateOut, Shape: "E E"},
		}),
	Drop: []string{"*.rotary_emb.inv_freq"},
	Refuse: []Refusal{
		siluOnly,
		ownHead6,
		{GGUF: "{a}.attention.head_count", Unless: []string{"0"}, Why: "layers with attention"},
		{GGUF: "{a}.token_shift_count", Unless: []string{"1"}, Why: "another number of mixtures with the token before"},
	},
	Layer: Layer{Keeper: FinchState},
	Finish: func(c *Config, p *Params) error {
		if p.Heads < 1 || p.State.Groups < 1 || p.Heads%p.State.Groups != 0 {
			return c.fail("num_key_value_heads", formats.Corrupt("%d heads cannot share those of %d evenly", p.Heads, p.State.Groups), "")
		}
		return finishRecurrent(c, p)
	},
})

var (
	// ownHead6 refuses an output head that is the embedding.
	ownHead6 = Refusal{HF: "tie_word_embeddings", Unless: []string{"false"}, Why: "an output head that is the embedding, which runtimes do not load"}

	straightHead = []Rule{{GGUF: "output.weight", HF: "lm_head.weight", Role: RoleOutput, Shape: "V E"}}

	// fullContext is the longest sequence, which Finish makes what the reference has.
	fullContext = []Key{{GGUF: "{a}.context_length", Field: func(p *Params) any { return &p.Context }, Default: nothing}}
)

// ranks6 are those of mixtures with the token before, and of decays; a large embedding has twice as many.
func ranks6(large func(*Params) bool, hf ...string) []Key {
	key := func(name string, i, n int, field func(*Ranks) *int) Key {
		k := Key{GGUF: "{a}." + name, Field: func(p *Params) any { return field(&p.State.Ranks) }, Default: func(p *Params) {
			if *field(&p.State.Ranks) = n; large(p) {
				*field(&p.State.Ranks) = 2 * n
			}
		}}
		if i < len(hf) {
			k.HF = hf[i : i+1]
		}
		return k
	}
	return []Key{key("time_mix_extra_dim", 0, 32, func(r *Ranks) *int { return &r.Mix }), key("time_decay_extra_dim", 1, 64, func(r *Ranks) *int { return &r.Decay })}
}

// mixed6 are the tensors that say how much of the token before each part is given, and how much of a state stays. stack and rows are what happens to the matrices of all parts.
func mixed6(at, parts string, stack, rows Op) []Rule {
	return []Rule{
		{GGUF: "blk.{}.time_mix_lerp_x.weight", HF: at + "time_maa_x", Role: RoleMixFirstShift, Shape: "E", From: "1 1 E", Do: vectored},
		{GGUF: "blk.{}.time_mix_lerp_fused.weight", HF: at + "time_maa_" + parts, Role: RoleMixShift, Shape: "5 1 1 E"},
		{GGUF: "blk.{}.time_mix_w1.weight", HF: at + "time_maa_w1", Role: RoleMixLow, Shape: "SRM5 E", From: "E SRM5", Do: rows},
		{GGUF: "blk.{}.time_mix_w2.weight", HF: at + "time_maa_w2", Role: RoleMixHigh, Shape: "5 E SRM", From: "5 SRM E", Do: stack},
		{GGUF: "blk.{}.time_mix_decay.weight", HF: at + "time_decay", Role: RoleMixDecay, Shape: "E", From: "1 1 E", Do: vectored},
		{GGUF: "blk.{}.time_mix_decay_w1.weight", HF: at + "time_decay_w1", Role: RoleMixDecayLow, Shape: "SRD E", From: "E SRD", Do: TurnMatrix},
		{GGUF: "blk.{}.time_mix_decay_w2.weight", HF: at + "time_decay_w2", Role: RoleMixDecay, Shape: "E SRD", From: "SRD E", Do: TurnMatrix},
	}
}

// turnedRows6 and turnedStack6 turn matrices of all parts, and put these in the order of RWKV 6: of queries, keys, values, decays and gates the decays come first.
var (
	turnedRows6  = reordered6("turn and reorder rows", TurnMatrix, func(p *Params) int { return p.State.Ranks.Mix })
	turnedStack6 = reordered6("turn and reorder", Turn, func(p *Params) int { return p.Embd })
)

func reordered6(name string, turn Op, size func(*Params) int) Op {
	move := func(t *formats.Tensor, p *Params) *formats.Tensor { // the same way back: two parts change places
		n := size(p)
		from := func(row int) int { return []int{3, 1, 2, 0, 4}[row/n%5]*n + row%n }
		return pickedBy(t, from, t.Shape)
	}
	return Op{Name: name, Turned: turn.Turned,
		Forward: func(t *formats.Tensor, p *Params) *formats.Tensor { return move(turn.Forward(t, p), p) },
		Inverse: func(t *formats.Tensor, p *Params) *formats.Tensor { return turn.Inverse(move(t, p), p) },
	}
}

// rescaled is what a layer adds, in a stream that is halved every so many layers: that keeps half precision from overflowing, and changes nothing else.
var rescaled = Op{Name: "halve",
	Forward: func(t *formats.Tensor, p *Params) *formats.Tensor { return timesTwo(t, -p.State.Halvings) },
	Inverse: func(t *formats.Tensor, p *Params) *formats.Tensor { return timesTwo(t, p.State.Halvings) },
}

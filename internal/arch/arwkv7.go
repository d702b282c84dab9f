package arch

import (
	"slices"

	"quern/formats"
)

// ARWKV7 is the family of ARWKV (arXiv:2501.15570): layers of Qwen 2.5 with states of RWKV 7 in the place of attention; whose norms of heads, and what multiplies what comes out,
// may be left out.
var ARWKV7 = register(Arch{
	Name: "arwkv7",
	Variants: []Variant{{
		Type:     "rwkv_hybrid",
		HF:       []string{"RwkvHybridForCausalLM"},
		Defaults: map[string]any{"rms_norm_eps": 1e-6, "head_size": 64, "wkv_version": 7, "wkv_has_norm": false, "tie_word_embeddings": false, "hidden_act": "silu"},
	}},
	Keys: slices.Concat(fullContext, named("embedding_length", "block_count", "attention.layer_norm_rms_epsilon"), []Key{
		{GGUF: "{a}.wkv.head_size", HF: []string{"head_size"}, Field: func(p *Params) any { return &p.State.Size }},
	}, fixedRates, named("feed_forward_length"), []Key{
		{GGUF: "general.file_type"},
		oneShift,
		noHeads,
	}, sizeKeys(never)[:1], []Key{recurrentHeads}),
	Tensors: slices.Concat(only(decoder, RoleEmbed, RoleAttnNorm, RoleFFNNorm, RoleGate, RoleUp, RoleDown, RoleOutputNorm), straightHead, freeNorms(wrapped7.rules())),
	Drop:    []string{"*.rotary_emb.inv_freq", "*.time_mixer.x_g", "model.layers.0.self_attn.time_mixer.v0", "model.layers.0.self_attn.time_mixer.v1", "model.layers.0.self_attn.time_mixer.v2"},
	Refuse: []Refusal{
		siluOnly,
		ownHead6,
		{HF: "wkv_version", Unless: []string{"7"}, Why: "states of another version of RWKV"},
		{GGUF: "{a}.attention.head_count", Unless: []string{"0"}, Why: "layers with attention"},
		{GGUF: "{a}.token_shift_count", Unless: []string{"1"}, Why: "another number of mixtures with the token before"},
	},
	Layer: Layer{Keeper: GooseState},
	Finish: func(c *Config, p *Params) error {
		v, _ := c.Value("wkv_has_gate")
		gated, ok := v.(bool)
		if !ok {
			return c.fail("wkv_has_gate", formats.Corrupt("missing: nothing tells whether what comes out of states is multiplied"), "true or false")
		}
		if p.State.Ranks = (Ranks{Decay: 64, Rate: 64, Values: 32}); gated {
			p.State.Ranks.Gate = 128
		}
		return finishRecurrent(c, p)
	},
})

// fixedRates are ranks that no config.json tells.
var fixedRates = func() (keys []Key) {
	for _, k := range rates7 {
		k.HF, k.Default = nil, nothing
		keys = append(keys, k)
	}
	return keys
}()

// freeNorms lets norms of what comes out of states be left out.
func freeNorms(rules []Rule) []Rule {
	for i := range rules {
		if rules[i].Role == RoleStateNorm {
			rules[i].Optional, rules[i].Flag = true, "wkv_has_norm"
		}
	}
	return rules
}

func tellARWKV7(p *Params) map[string]any {
	return map[string]any{"wkv_has_gate": p.State.Ranks.Gate > 0, "num_attention_heads": p.State.Heads}
}

package arch

import "slices"

// Refact is the family of Refact 1.6B: norms that take the mean away, which runtimes do not do, heads that know distances instead of being rotated and share one key and one
// value, and a gated feed-forward network.
var Refact = register(Arch{
	Name:   "refact",
	Prefix: "transformer.",
	Variants: []Variant{{
		Type:     "gpt_refact",
		HF:       []string{"GPTRefactForCausalLM"},
		Defaults: map[string]any{"n_positions": 1024, "layer_norm_epsilon": 1e-5, "tie_word_embeddings": true, "multi_query": true},
	}},
	Keys: slices.Concat([]Key{
		told("context_length", "n_positions"),
		told("embedding_length", "n_embd"),
		{GGUF: "{a}.feed_forward_length", HF: []string{"n_inner"}, Field: func(p *Params) any { return &p.FF }, Default: nothing}, // Finish makes two thirds of it
		told("block_count", "n_layer"),
		told("attention.head_count", "n_head"),
		oneKey,
		told("attention.layer_norm_rms_epsilon", "layer_norm_epsilon"),
		{GGUF: "general.file_type"},
		{GGUF: "{a}.attention.max_alibi_bias", Field: func(p *Params) any { return &p.Alibi }, When: never, Default: func(p *Params) { p.Alibi = 8 }},
	}, stillKeys),
	Tensors: slices.Concat([]Rule{
		{GGUF: "token_embd.weight", HF: "transformer.wte.weight", Role: RoleEmbed, Shape: "V E"},
		{GGUF: "blk.{}.attn_norm.weight", HF: "transformer.h.{}.ln_1.weight", Role: RoleAttnNorm, Shape: "E"},
		{GGUF: "blk.{}.attn_q.weight", HF: "transformer.h.{}.attn.q.weight", Role: RoleQ, Shape: "Q E"},
		{GGUF: "blk.{}.attn_k.weight", HF: "transformer.h.{}.attn.kv.weight", Role: RoleK, Shape: "K E", From: "KK E", Do: UpperRows},
		{GGUF: "blk.{}.attn_v.weight", HF: "transformer.h.{}.attn.kv.weight", Role: RoleV, Shape: "K E", From: "KK E", Do: LowerRows},
		{GGUF: "blk.{}.attn_output.weight", HF: "transformer.h.{}.attn.c_proj.weight", Role: RoleO, Shape: "E Q"},
		{GGUF: "blk.{}.ffn_norm.weight", HF: "transformer.h.{}.ln_2.weight", Role: RoleFFNNorm, Shape: "E"},
		{GGUF: "blk.{}.ffn_gate.weight", HF: "transformer.h.{}.mlp.gate_up_proj.weight", Role: RoleGate, Shape: "F E", From: "G E", Do: UpperRows},
		{GGUF: "blk.{}.ffn_up.weight", HF: "transformer.h.{}.mlp.gate_up_proj.weight", Role: RoleUp, Shape: "F E", From: "G E", Do: LowerRows},
		{GGUF: "blk.{}.ffn_down.weight", HF: "transformer.h.{}.mlp.c_proj.weight", Role: RoleDown, Shape: "E F"},
		{GGUF: "output_norm.weight", HF: "ln_f.weight", Role: RoleOutputNorm, Shape: "E"},
	}, only(decoder, RoleOutput)),
	Drop: []string{"transformer.bias", "transformer.h.*.attn.bias", "transformer.h.*.attn.masked_bias"},
	Refuse: []Refusal{
		{HF: "multi_query", Unless: []string{"true"}, Why: "keys and values for each head"},
	},
	Layer: Layer{MeanNorm: true, RunsRMS: true, StillEvery: 1},
	Finish: func(c *Config, p *Params) error {
		inner := p.FF
		if inner == 0 {
			inner = 4 * p.Embd
		}
		p.FF = (2*inner/3 + 255) / 256 * 256
		return nil
	},
})

// refactWidth is the width of which the family's code makes this one.
func refactWidth(p *Params) map[string]any {
	if (8*p.Embd/3+255)/256*256 == p.FF {
		return map[string]any{"n_inner": nil}
	}
	return map[string]any{"n_inner": (3*p.FF + 1) / 2}
}

package arch

import (
	"slices"

	"quern/formats"
)

// OLMo is the first family of that name: llama with norms that take the mean away and have no weights, whose queries, keys and values may be
// cut off. Its first layout has the names and sizes of the code that trained it, with queries, keys and values in one matrix, and gate below up in another.
var OLMo = register(Arch{
	Name: "olmo",
	Variants: []Variant{
		{
			Type:     "olmo",
			HF:       []string{"OlmoForCausalLM", "OlmoModel"},
			Bare:     []string{"OlmoModel"},
			Defaults: map[string]any{"max_position_embeddings": 2048, "rope_theta": 10000.0, "clip_qkv": nil},
			If:       func(c *Config) bool { return !firstOLMo(c) },
		},
		{
			Type:     "hf_olmo",
			HF:       []string{"OLMoForCausalLM"},
			Defaults: map[string]any{"max_sequence_length": 1024, "rope_theta": 10000.0, "tie_word_embeddings": true},
			If:       func(c *Config) bool { tied, set := c.Value("weight_tying"); return tied != false || !set },
		},
		{
			Type:     "hf_olmo",
			HF:       []string{"OLMoForCausalLM"},
			Defaults: map[string]any{"max_sequence_length": 1024, "rope_theta": 10000.0},
		},
	},
	Keys: slices.Concat(named("block_count", "context_length"), []Key{
		told("embedding_length", "hidden_size", "d_model"),
		fourfold(told("feed_forward_length", "intermediate_size")), // Finish reads it in the first layout
	}, named("attention.head_count", "attention.head_count_kv", "rope.scaling.type", "rope.scaling.factor"), yarnKeys, named("rope.freq_base"), headKeys(ownHead), []Key{
		{GGUF: "general.file_type"},
		{GGUF: "{a}.attention.layer_norm_epsilon", Field: func(p *Params) any { return &p.NormEps }, Default: func(p *Params) { p.NormEps = 1e-5 }},
		clampKey("clip_qkv"),
	}, sizeKeys(never)),
	Tensors: slices.Concat(only(decoder, RoleEmbed), permutedQK, only(decoder, RoleV, RoleO, RoleGate, RoleUp, RoleDown, RoleOutput), []Rule{
		{GGUF: "token_embd.weight", HF: "model.transformer.wte.weight", Role: RoleEmbed, Shape: "V E"},
	}, fusedQKV("model.transformer.blocks.{}.att_proj.weight"), []Rule{
		{GGUF: "blk.{}.attn_output.weight", HF: "model.transformer.blocks.{}.attn_out.weight", Role: RoleO, Shape: "E Q"},
		{GGUF: "blk.{}.ffn_up.weight", HF: "model.transformer.blocks.{}.ff_proj.weight", Role: RoleUp, Shape: "F E", From: "G E", Do: UpperRows},
		{GGUF: "blk.{}.ffn_gate.weight", HF: "model.transformer.blocks.{}.ff_proj.weight", Role: RoleGate, Shape: "F E", From: "G E", Do: LowerRows},
		{GGUF: "blk.{}.ffn_down.weight", HF: "model.transformer.blocks.{}.ff_out.weight", Role: RoleDown, Shape: "E F"},
		{GGUF: "output.weight", HF: "model.transformer.ff_out.weight", Role: RoleOutput, Shape: "V E", Optional: true},
	}),
	Drop: []string{"*.rotary_emb.inv_freq"},
	Refuse: slices.Concat(plainRefuses, []Refusal{ // of the first layout
		{HF: "alibi", Unless: []string{"false"}, Why: "scores that fall with distance"},
		{HF: "rope", Unless: []string{"true"}, Why: "nothing is rotated"},
		{HF: "include_bias", Unless: []string{"false"}, Why: "projections with biases"},
		{HF: "attention_layer_norm", Unless: []string{"false"}, Why: "norms of queries and keys"},
		{HF: "layer_norm_with_affine", Unless: []string{"false"}, Why: "norms with weights"},
		{HF: "multi_query_attention", Unless: []string{"false"}, Why: "one head of keys"},
		{HF: "block_type", Unless: []string{"sequential"}, Why: "another order of a layer's parts"},
		{HF: "activation_type", Unless: []string{"swiglu"}, Why: "another activation function"},
		{HF: "layer_norm_type", Unless: []string{"default"}, Why: "norms of another kind"},
		{HF: "norm_after", Unless: []string{"false"}, Why: "norms that follow a layer's parts"},
		{HF: "scale_logits", Unless: []string{"false"}, Why: "logits that are scaled"},
		{HF: "scale_emb_init", Unless: []string{"false"}, Why: "embeddings that are scaled"},
	}),
	Layer:  Layer{MeanNorm: true, BareNorm: true},
	Finish: finishOLMo,
})

func firstOLMo(c *Config) bool { return c.class() == "OLMoForCausalLM" }

// finishOLMo reads what the first layout tells in its own way.
func finishOLMo(c *Config, p *Params) error {
	if !firstOLMo(c) {
		return nil
	}
	rows, err := c.Float("embedding_size", float64(p.Vocab))
	if err != nil || rows < float64(p.Vocab) || rows > 1<<27 {
		return c.fail("embedding_size", formats.Corrupt("%v rows for %d tokens", rows, p.Vocab), "")
	}
	ratio, err := c.Float("mlp_ratio", 4)
	if err != nil {
		return err
	}
	wide, err := c.Float("mlp_hidden_size", ratio*float64(p.Embd)) // gate and up together
	if err != nil || !(wide >= 2 && wide <= 1<<27) || int(wide)%2 != 0 {
		return c.fail("mlp_hidden_size", formats.Corrupt("gate and up have %v rows", wide), "")
	}
	p.Vocab, p.FF = int(rows), int(wide)/2
	return nil
}

// clampKey is where queries, keys and values are cut off.
func clampKey(hf string) Key {
	return Key{GGUF: "{a}.attention.clamp_kqv", HF: []string{hf}, Field: func(p *Params) any { return &p.Clamp }, Default: nothing,
		When: func(p *Params) bool { return p.Clamp > 0 }}
}

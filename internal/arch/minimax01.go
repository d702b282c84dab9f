package arch

import (
	"slices"

	"quern/formats"
)

// MiniMax01 is the family of MiniMax-Text-01 and M1 (arXiv:2501.08313): lightning attention, whose heads each forget at a pace of their own, in most layers, softmax attention of
// which a part of each head is rotated in every eighth, and Mixtral's experts behind both. What a part of a layer is added to is what its norm gives, several times over.
var MiniMax01 = register(Arch{
	Name: "minimax-01",
	Variants: []Variant{{
		Type: "minimax_text_01",
		HF:   []string{"MiniMaxText01ForCausalLM", "MiniMaxM1ForCausalLM"},
		Defaults: map[string]any{
			"rms_norm_eps": 1e-5, "rope_theta": 1e6, "num_key_value_heads": 8, "head_dim": 128, "rotary_dim": 64, "num_local_experts": 8, "num_experts_per_tok": 2, "postnorm": false,
			"shared_intermediate_size": 0, "tie_word_embeddings": false, "layernorm_full_attention_beta": 1.0, "layernorm_linear_attention_beta": 1.0, "layernorm_mlp_beta": 1.0,
		},
	}},
	Keys: slices.Concat(named("block_count", "context_length", "embedding_length", "feed_forward_length", "attention.head_count", "attention.head_count_kv"),
		quiet(named("rope.scaling.type", "rope.scaling.factor")...), named("rope.freq_base", "attention.layer_norm_rms_epsilon"), expertKeys, headKeys(always), []Key{
			{GGUF: "general.file_type"},
			{GGUF: "{a}.residual_scale", HF: []string{"layernorm_full_attention_alpha"}, Field: func(p *Params) any { return &p.Scales.Stream }},
			{GGUF: "{a}.rope.dimension_count", HF: []string{"rotary_dim"}, Field: func(p *Params) any { return &p.RopeDim }},
			{GGUF: "{a}.attention.recurrent_layers", Field: func(p *Params) any { return &p.State.Told }, Default: nothing, When: func(p *Params) bool { return p.State.Told != nil }},
			{GGUF: "{a}.full_attention_interval", Field: func(p *Params) any { return &p.State.Every }, Default: func(p *Params) { p.State.Every = 8 }, When: never},
			{Field: func(p *Params) any { return &p.State.In }, When: never, Default: lightningLayers},
			narrowExperts,
		}, sizeKeys(never)[:1]),
	Tensors: slices.Concat(without(attention, RoleQ, RoleK, RoleV, RoleO), in(attends, only(attention, RoleQ, RoleK, RoleV, RoleO)), in(keeps, []Rule{
		{GGUF: "blk.{}.attn_qkv.weight", HF: "model.layers.{}.self_attn.qkv_proj.weight", Role: RoleStateIn, Shape: "SI3 E"},
		{GGUF: "blk.{}.attn_gate.weight", HF: "model.layers.{}.self_attn.output_gate.weight", Role: RoleStateGate, Shape: "SI E"},
		{GGUF: "blk.{}.attn_output.weight", HF: "model.layers.{}.self_attn.out_proj.weight", Role: RoleStateOut, Shape: "E SI"},
		{GGUF: "blk.{}.attn_norm_2.weight", HF: "model.layers.{}.self_attn.norm.weight", Role: RoleStateNorm, Shape: "SI"},
	}), experts("model.layers.{}.block_sparse_moe.gate.weight", "model.layers.{}.block_sparse_moe.experts", "w1", "w3", "w2")),
	Drop: []string{"*.rotary_emb.inv_freq"},
	Refuse: []Refusal{
		siluOnly,
		{HF: "postnorm", Unless: []string{"true"}, Why: "a stream that norms do not change"},
		{HF: "shared_intermediate_size", Unless: []string{"0"}, Why: "an expert that every token is given to"},
		{HF: "layernorm_full_attention_beta", Unless: []string{"1"}, Why: "what parts of a layer add is multiplied"},
		{HF: "layernorm_linear_attention_beta", Unless: []string{"1"}, Why: "what parts of a layer add is multiplied"},
		{HF: "layernorm_mlp_beta", Unless: []string{"1"}, Why: "what parts of a layer add is multiplied"},
		{HF: "sliding_window", Why: "layers with windows"},
	},
	Layer:  Layer{RopeNeox: true, RopePart: true, Keeper: Lightning, NormStream: true},
	Finish: finishLightning,
})

// lightningLayers says which layers keep a state, in as many heads as those of attention and of their size.
func lightningLayers(p *Params) {
	s := &p.State
	s.Conv, s.Heads, s.Groups, s.Size, s.Inner = 2, p.Heads, p.Heads, p.HeadDim, p.Heads*p.HeadDim // there is no convolution
	everyLast(p)
}

// finishLightning reads which layers have softmax attention, and refuses what files do not tell.
func finishLightning(c *Config, p *Params) error {
	for _, key := range []string{"layernorm_linear_attention_alpha", "layernorm_mlp_alpha"} {
		if by, err := c.Float(key, float64(p.Scales.Stream)); err != nil || float32(by) != p.Scales.Stream {
			return c.fail(key, formats.Unsupported("is %v, not %v as layernorm_full_attention_alpha: files tell one number for all parts of a layer", by, p.Scales.Stream), "")
		}
	}
	if p.Heads&(p.Heads-1) != 0 {
		return c.fail("num_attention_heads", formats.Unsupported("%d heads: runtimes know how fast those of a power of two forget", p.Heads), "")
	}
	const key = "attn_type_list"
	v, _ := c.Value(key)
	var kinds []int32
	if err := c.assignInts(key, v, &kinds); v == nil || err != nil || len(kinds) != p.Layers {
		return c.wrong(key, v, "0 or 1 for each layer")
	}
	told, usual := make([]bool, p.Layers), true
	for i, kind := range kinds {
		if kind != 0 && kind != 1 {
			return c.fail(key, formats.Unsupported("layer %d is of kind %d; known are 0 and 1", i, kind), "")
		}
		told[i] = kind == 0
		usual = usual && told[i] == ((i+1)%8 != 0)
	}
	if !slices.Contains(told, false) {
		return c.fail(key, formats.Unsupported("no layer has softmax attention, which runtimes do not load"), "")
	}
	if !usual {
		p.State.Told = told
	}
	lightningLayers(p)
	return nil
}

// tellLightning is the way back.
func tellLightning(p *Params) map[string]any {
	kinds := make([]int, p.Layers)
	for i := range kinds {
		if !p.Keeps(i) {
			kinds[i] = 1
		}
	}
	by := decimal(p.Scales.Stream)
	return map[string]any{"attn_type_list": kinds, "layernorm_linear_attention_alpha": by, "layernorm_mlp_alpha": by, "layernorm_full_attention_beta": 1, "layernorm_linear_attention_beta": 1,
		"layernorm_mlp_beta": 1}
}

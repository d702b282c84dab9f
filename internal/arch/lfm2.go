package arch

import (
	"fmt"
	"slices"

	"quern/formats"
)

// LFM2 is the family of LFM2: gated convolutions over three positions in most layers, attention with norms of heads in the others.
var LFM2 = register(Arch{
	Name: "lfm2",
	Variants: []Variant{{
		Type:     "lfm2",
		HF:       []string{"Lfm2ForCausalLM", "LFM2ForCausalLM", "Lfm2Model"},
		Bare:     []string{"Lfm2Model"},
		Defaults: lfm2Defaults,
	}},
	Keys:    slices.Concat([]Key{denseKey}, lfm2Keys, encoderKeys[1:]),
	Tensors: lfm2Tensors,
	Drop:    []string{"*.rotary_emb.inv_freq"},
	Refuse:  convRefuses,
	Layer:   Layer{RopeNeox: true, Keeper: ShortConv},
	Finish:  finishLFM2,
	Beside:  readPooling,
})

// LFM2Both is LFM2 whose queries see all positions and whose convolutions have the present one in their middle, as embeddings are made with it (LFM2.5-Embedding and -ColBERT).
var LFM2Both = register(Arch{
	Name:  "lfm2",
	Strip: []string{"model."},
	Variants: []Variant{{
		Type:     "lfm2",
		HF:       []string{"Lfm2BidirectionalModel"},
		Defaults: lfm2Defaults,
	}},
	Kin:     centres,
	Keys:    slices.Concat([]Key{denseKey}, lfm2Keys, encoderKeys),
	Tensors: bareNames(without(lfm2Tensors, RoleOutput)),
	Drop:    []string{"*.rotary_emb.inv_freq", "lm_head.*"},
	Refuse:  slices.Concat(encoderRefuses, convRefuses),
	Layer:   Layer{RopeNeox: true, Keeper: ShortConv, Encoder: true},
	Finish: func(c *Config, p *Params) error {
		if err := finishLFM2(c, p); err != nil {
			return err
		}
		if p.State.Conv%2 == 0 {
			return c.fail("conv_L_cache", formats.Unsupported("a convolution over %d positions, which has no middle", p.State.Conv), "")
		}
		return nil
	},
	Beside: readPooling,
})

// centres says of a file that its convolutions see positions behind the present one.
func centres(src *formats.Source) bool {
	causal := src.Meta.Value("lfm2.attention.causal")
	return causal != nil && causal != true
}

var lfm2Defaults = map[string]any{
	"max_position_embeddings": 128000, "norm_eps": 1e-5, "rope_theta": 1e6, "num_key_value_heads": 8, "conv_L_cache": 3, "conv_bias": false, "tie_word_embeddings": true,
	"intermediate_size": 12288, "block_auto_adjust_ff_dim": true, "block_ffn_dim_multiplier": 1.0, "block_multiple_of": 256,
}

var lfm2Keys = slices.Concat(named("block_count", "context_length", "embedding_length"), []Key{
	told("feed_forward_length", "block_ff_dim", "intermediate_size"),
}, convHeads, named("rope.scaling.type", "rope.scaling.factor", "rope.freq_base", "attention.layer_norm_rms_epsilon"), []Key{{GGUF: "general.file_type"}}, sizeKeys(always)[:1], convKeys)

var lfm2Tensors = slices.Concat([]Rule{denseRule}, convLayers, only(renamed(decoder, lfm2Names), RoleGate, RoleUp, RoleDown))

func finishLFM2(c *Config, p *Params) error {
	if err := readConvs(c, p); err != nil {
		return err
	}
	return adjustFF(c, p)
}

// LFM2MoE is the same with experts of DeepSeek-V3's kind behind the first layers.
var LFM2MoE = register(Arch{
	Name: "lfm2moe",
	Variants: []Variant{{
		Type: "lfm2_moe",
		HF:   []string{"Lfm2MoeForCausalLM"},
		Defaults: map[string]any{
			"max_position_embeddings": 128000, "norm_eps": 1e-5, "rope_theta": 1e6, "num_key_value_heads": 8, "conv_L_cache": 3, "conv_bias": false, "tie_word_embeddings": true,
			"intermediate_size": 7168, "moe_intermediate_size": 1792, "num_experts": 32, "num_experts_per_tok": 4, "num_dense_layers": 2, "use_expert_bias": true,
			"norm_topk_prob": true, "routed_scaling_factor": 1.0,
		},
	}},
	Keys: slices.Concat(named("block_count", "context_length", "embedding_length", "feed_forward_length"), convHeads,
		named("rope.scaling.type", "rope.scaling.factor", "rope.freq_base", "attention.layer_norm_rms_epsilon"), expertKeys, []Key{
			{GGUF: "general.file_type"},
			expertWidth("moe_intermediate_size"),
			denseLayers("num_dense_layers"),
			{GGUF: "{a}.expert_gating_func", Field: func(p *Params) any { return &p.Mix.Gate }, Default: func(p *Params) { p.Mix.Gate = GateSigmoid }},
			sumsToOne,
		}, sizeKeys(always)[:1], convKeys),
	Tensors: slices.Concat(convLayers, in(dense, only(renamed(decoder, lfm2Names), RoleGate, RoleUp, RoleDown)),
		experts("model.layers.{}.feed_forward.gate.weight", "model.layers.{}.feed_forward.experts", "w1", "w3", "w2"), fused("model.layers.{}.feed_forward.experts"), []Rule{
			{GGUF: "blk.{}.exp_probs_b.bias", HF: "model.layers.{}.feed_forward.expert_bias", Role: RoleRouterBias, Shape: "X", When: mixed},
		}),
	Drop: []string{"*.rotary_emb.inv_freq"},
	Refuse: slices.Concat(convRefuses, []Refusal{
		{HF: "use_expert_bias", Unless: []string{"true"}, Why: "routers without biases, which runtimes do not load"},
		{HF: "norm_topk_prob", Unless: []string{"true"}, Why: "weights of experts that do not sum to one"},
		{HF: "routed_scaling_factor", Unless: []string{"1"}, Why: "weights of experts that are multiplied, which files do not tell"},
	}),
	Layer:  Layer{RopeNeox: true, Keeper: ShortConv},
	Finish: readConvs,
})

// convHeads are heads of queries in all layers, and of keys in those with attention.
var convHeads = slices.Concat(named("attention.head_count"), []Key{
	{HF: []string{"num_key_value_heads"}, Field: func(p *Params) any { return &p.KVHeads }, When: never, Default: nothing},
}, layerKeys(nil, "attention.head_count_kv"), []Key{instead})

var convKeys = slices.Concat([]Key{
	{GGUF: "{a}.shortconv.l_cache", HF: []string{"conv_L_cache"}, Field: func(p *Params) any { return &p.State.Conv }},
}, impliedHead, sizeKeys(never)[1:])

var lfm2Names = map[Role]string{
	RoleAttnNorm: "model.layers.{}.operator_norm.weight", RoleFFNNorm: "model.layers.{}.ffn_norm.weight", RoleO: "model.layers.{}.self_attn.out_proj.weight",
	RoleQNorm: "model.layers.{}.self_attn.q_layernorm.weight", RoleKNorm: "model.layers.{}.self_attn.k_layernorm.weight",
	RoleGate: "model.layers.{}.feed_forward.w1.weight", RoleUp: "model.layers.{}.feed_forward.w3.weight", RoleDown: "model.layers.{}.feed_forward.w2.weight",
	RoleOutputNorm: "model.embedding_norm.weight",
}

// convLayers are all tensors but those of the feed-forward network.
var convLayers = slices.Concat(only(decoder, RoleEmbed, RoleOutput), renamed(slices.Concat([]Rule{
	{GGUF: "token_embd_norm.weight", Role: RoleOutputNorm, Shape: "E"},
}, only(decoder, RoleAttnNorm, RoleFFNNorm), in(attends, slices.Concat(only(decoder, RoleQ, RoleK, RoleV, RoleO), headNorms))), lfm2Names), in(keeps, []Rule{
	{GGUF: "blk.{}.shortconv.conv.weight", HF: "model.layers.{}.conv.conv.weight", Role: RoleStateConv, Shape: "E SC", From: "E 1 SC", Do: squeezed},
	{GGUF: "blk.{}.shortconv.in_proj.weight", HF: "model.layers.{}.conv.in_proj.weight", Role: RoleStateIn, Shape: "E3 E"},
	{GGUF: "blk.{}.shortconv.out_proj.weight", HF: "model.layers.{}.conv.out_proj.weight", Role: RoleStateOut, Shape: "E E"},
}))

var convRefuses = []Refusal{
	{HF: "conv_bias", Unless: []string{"false"}, Why: "convolutions with biases"},
	{HF: "block_use_swiglu", Unless: []string{"true"}, Why: "a feed-forward network without gates"},
	{HF: "use_pos_enc", Unless: []string{"true"}, Why: "heads that are not rotated"},
	{GGUF: "{a}.attention.sliding_window", Unless: []string{"0"}, Why: "layers with windows"},
}

// readConvs reads which layers have attention; the others have convolutions.
func readConvs(c *Config, p *Params) error {
	if p.Layers > maxList {
		return nil // refused further on
	}
	full := make([]bool, p.Layers)
	key := "layer_types"
	v, _ := c.Value(key)
	if v == nil {
		key = "full_attn_idxs"
		v, _ = c.Value(key)
	}
	list, ok := v.([]any)
	switch {
	case v == nil:
		return c.fail("layer_types", formats.Corrupt("missing: nothing tells which layers have convolutions"), `for every layer "full_attention" or "conv"`)
	case !ok:
		return c.wrong(key, v, "a list")
	case key == "layer_types":
		if len(list) != p.Layers {
			return c.wrong(key, v, fmt.Sprintf("a list of %d words", p.Layers))
		}
		for i, kind := range list {
			if full[i] = kind == "full_attention"; !full[i] && kind != "conv" {
				return c.fail(key, formats.Unsupported("layer %d is %.60q; known are full_attention and conv", i, fmt.Sprint(kind)), "")
			}
		}
	default:
		for _, x := range list {
			n, is := number(x)
			if !is || n < 0 || n >= float64(p.Layers) || n != float64(int(n)) {
				return c.wrong(key, v, "a list of layers")
			}
			full[int(n)] = true
		}
	}
	heads := p.KVHeads
	p.KVHeadsIn = nil
	for _, is := range full {
		n := heads
		if !is {
			n = 0
		}
		p.KVHeadsIn = append(p.KVHeadsIn, int32(n))
	}
	if p.State.In = nil; p.Layers > 0 {
		instead.Default(p)
	}
	if !slices.Contains(full, true) {
		return c.fail(key, formats.Unsupported("no layer has attention, which runtimes do not load"), "")
	}
	return nil
}

// adjustFF is the width of the feed-forward network, which config.json tells in numbers that it follows from.
func adjustFF(c *Config, p *Params) error {
	adjust := true
	if v, ok := c.Value("block_auto_adjust_ff_dim"); ok && v != nil {
		if err := c.assign("block_auto_adjust_ff_dim", v, &adjust); err != nil {
			return err
		}
	}
	if !adjust {
		return nil
	}
	p.FF = int(float64(2*p.FF) / 3)
	if v, ok := c.Value("block_ffn_dim_multiplier"); ok && v == nil {
		return nil
	}
	by, err := c.Float("block_ffn_dim_multiplier", 1)
	if err != nil || !(by > 0) || by > 1<<10 {
		return c.fail("block_ffn_dim_multiplier", formats.Corrupt("is %v", by), "")
	}
	of := 256
	if v, _ := c.Value("block_multiple_of"); v != nil {
		if err := c.assign("block_multiple_of", v, &of); err != nil {
			return err
		}
	}
	if of < 1 || of > 1<<20 {
		return c.fail("block_multiple_of", formats.Corrupt("is %d", of), "")
	}
	p.FF = (int(by*float64(p.FF)) + of - 1) / of * of
	return nil
}

// tellConvs is the way back.
func tellConvs(p *Params) map[string]any {
	kinds := make([]string, p.Layers)
	for i := range kinds {
		if kinds[i] = "full_attention"; p.Keeps(i) {
			kinds[i] = "conv"
		}
	}
	return map[string]any{"layer_types": kinds, "block_auto_adjust_ff_dim": false, "block_ff_dim": unsaid, "intermediate_size": p.FF, "num_key_value_heads": p.KVHeads}
}

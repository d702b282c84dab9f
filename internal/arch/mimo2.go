package arch

import (
	"fmt"
	"slices"

	"quern/formats"
)

// MiMo2 is the family of MiMo-V2 (Flash) and V2.5: values of another size than keys, whose mean is multiplied by a number; windows in most layers, with sinks, more heads of keys and a
// base of their own; a part of each head is rotated; the experts of DeepSeek-V3 without a shared one.
var MiMo2 = register(Arch{
	Name: "mimo2",
	Variants: []Variant{{
		Type: "mimo_v2_flash",
		HF:   []string{"MiMoV2FlashForCausalLM"},
		Defaults: map[string]any{
			"max_position_embeddings": 131072, "rms_norm_eps": 1e-5, "num_key_value_heads": 4, "head_dim": 192, "v_head_dim": 128, "sliding_window": 129, "n_routed_experts": 256,
			"num_experts_per_tok": 8, "moe_intermediate_size": 2048, "norm_topk_prob": true, "attention_value_scale": 0.707, "n_group": 1, "topk_group": 1,
		},
	}, {
		Type: "mimo_v2",
		HF:   []string{"MiMoV2ForCausalLM"},
		Defaults: map[string]any{
			"max_position_embeddings": 131072, "layernorm_epsilon": 1e-5, "n_group": 1, "topk_group": 1, "norm_topk_prob": true, "attention_projection_layout": "fused_qkv",
		},
	}},
	Keys: slices.Concat(named("block_count", "context_length", "embedding_length", "feed_forward_length", "attention.head_count"), []Key{
		{HF: []string{"num_key_value_heads"}, Field: func(p *Params) any { return &p.KVHeads }, When: never, Default: nothing},
	}, layerKeys(nil, "attention.head_count_kv"), named("rope.freq_base"), []Key{
		{GGUF: "{a}.rope.freq_base_swa", HF: []string{"rope_parameters.sliding_attention.rope_theta", "swa_rope_theta"}, Field: func(p *Params) any { return &p.NearBase },
			Default: func(p *Params) { p.NearBase = p.RopeBase }},
		told("attention.layer_norm_rms_epsilon", "layernorm_epsilon", "rms_norm_eps"),
	}, expertKeys, groupKeys[:2], []Key{
		scoreSigmoid("scoring_func"),
		headKeys(always)[0],
		{GGUF: "{a}.attention.value_length", HF: []string{"v_head_dim"}, Field: func(p *Params) any { return &p.ValueDim }},
		{GGUF: "general.file_type"},
	}, windowKeys, []Key{
		expertWidth("moe_intermediate_size"),
		{HF: []string{"rope_parameters.full_attention.partial_rotary_factor", "rope_parameters.partial_rotary_factor", "partial_rotary_factor"}, Field: partKeys[0].Field, When: never, Default: partKeys[0].Default},
		partKeys[1],
		{GGUF: "{a}.attention.value_scale", HF: []string{"attention_value_scale"}, Field: func(p *Params) any { return &p.Scales.Values }, Default: nothing,
			When: func(p *Params) bool { return p.Scales.Values != 0 }},
		sumsToOne,
	}, furtherKeys, sizeKeys(never)[:1], quiet(named("rope.scaling.type", "rope.scaling.factor")...)),
	Tensors: slices.Concat(without(attention, RoleQ, RoleK, RoleV, RoleO), in(inThree, only(attention, RoleQ, RoleK)), []Rule{
		{GGUF: "blk.{}.attn_v.weight", HF: "model.layers.{}.self_attn.v_proj.weight", Role: RoleV, Shape: "KW E", When: inThree},
		{GGUF: "blk.{}.attn_qkv.weight", HF: "model.layers.{}.self_attn.qkv_proj.weight", Role: RoleQ, And: keysValues, Shape: "AW E", Do: FromRanks, When: inOne},
		{GGUF: "blk.{}.attn_output.weight", HF: "model.layers.{}.self_attn.o_proj.weight", Role: RoleO, Shape: "E O"},
		{GGUF: "blk.{}.attn_sinks.weight", HF: "model.layers.{}.self_attn.attention_sink_bias", Role: RoleSinks, Shape: "H", When: withinWindow},
		{GGUF: "blk.{}.attn_sinks.weight", HF: "model.layers.{}.self_attn.sinks", Role: RoleSinks, Shape: "H", When: withinWindow}, // the library's name
	}, feedForward, mlpExperts, routerBias[:1]),
	Drop: []string{"*.rotary_emb.inv_freq", "model.mtp.*", "model.layers.{+}.*", "blk.{+}.*"},
	Refuse: []Refusal{
		siluOnly,
		{HF: "attention_bias", Unless: []string{"false"}, Why: "projections with biases"},
		{HF: "add_full_attention_sink_bias", Unless: []string{"false"}, Why: "sinks in layers without a window"},
		{HF: "add_swa_attention_sink_bias", Unless: []string{"true"}, Why: "windows without sinks"},
		{HF: "n_shared_experts", Unless: []string{"0"}, Why: "a shared expert"},
		{HF: "topk_method", Unless: []string{"noaux_tc"}, Why: "a way to choose experts"},
		{HF: "norm_topk_prob", Unless: []string{"true"}, Why: "runtimes divide weights of experts by their sum"},
		{HF: "routed_scaling_factor", Unless: []string{"1"}, Why: "weights of experts that are multiplied"},
	},
	Layer:  Layer{RopeNeox: true, RopePart: true, OwnValues: true},
	Finish: finishMiMo,
	Beside: ranksOfMiMo,
	Look: func(src *formats.Source, p *Params) {
		p.Joined = src.Tensor("blk.0.attn_qkv.weight") != nil
		for p.Mix.Dense < min(p.Layers, maxList) && src.Tensor(fmt.Sprintf("blk.%d.ffn_gate.weight", p.Mix.Dense)) != nil {
			p.Mix.Dense++
		}
	},
})

// withinWindow says of a layer that it has a window.
func withinWindow(p *Params, layer int) bool { return layer < len(p.WindowIn) && p.WindowIn[layer] }

func finishMiMo(c *Config, p *Params) error {
	p.Joined = c.class() == "MiMoV2ForCausalLM"
	if v, _ := c.Value("attention_projection_layout"); v != nil {
		if p.Joined = v == "fused_qkv"; !p.Joined && v != "split" {
			return c.wrong("attention_projection_layout", v, "fused_qkv or split")
		}
	}
	if size, err := c.Float("sliding_window_size", 0); err != nil {
		return err
	} else if size > 0 && size < 1<<24 {
		p.Window = int(size) + 1 // the query itself besides
	}
	near, err := c.Float("swa_num_key_value_heads", float64(2*p.KVHeads))
	if err != nil || near < 1 || near > 1<<16 || p.Layers > maxList || p.Window == 0 {
		return c.fail("swa_num_key_value_heads", formats.Corrupt("%v heads of keys in layers with a window of %d", near, p.Window), "")
	}
	for key, want := range map[string]int{"swa_num_attention_heads": p.Heads, "swa_head_dim": p.HeadDim, "swa_v_head_dim": p.ValueDim} {
		if n, err := c.Float(key, float64(want)); err != nil || n != float64(want) {
			return c.fail(key, formats.Unsupported("is %v, and %d in other layers: runtimes have one number", n, want), "")
		}
	}
	p.WindowIn = p.WindowIn[:0]
	for i := range p.Layers {
		p.WindowIn = append(p.WindowIn, i > 0 && (i+1)%6 != 0) // what the library assumes
	}
	if err := windowed(c, p); err != nil {
		return err
	}
	if err := c.marks("hybrid_layer_pattern", p.Layers, func(i int, is bool) { p.WindowIn[i] = is }); err != nil {
		return err
	}
	p.Mix.Dense = 1
	if err := denseFirst(c, p); err != nil {
		return err
	}
	mixed := make([]bool, p.Layers)
	if v, _ := c.Value("moe_layer_freq"); v != nil {
		if err := c.marks("moe_layer_freq", p.Layers, func(i int, is bool) { mixed[i] = is }); err != nil {
			return err
		}
		if p.Mix.Dense = slices.Index(append(mixed, true), true); slices.Contains(mixed[min(p.Mix.Dense, p.Layers):], false) {
			return c.fail("moe_layer_freq", formats.Unsupported("dense layers behind some with experts"), "")
		}
	}
	own := p.KVHeads
	for i := range p.Layers {
		n := own
		if p.WindowIn[i] {
			n = int(near)
		}
		p.KVHeadsIn = append(p.KVHeadsIn, int32(n))
	}
	p.KVHeads = int(slices.Max(append(p.KVHeadsIn, 0)))
	return nil
}

// marks reads a list of a 0 or 1 for each layer, where it is there.
func (c *Config) marks(key string, layers int, mark func(i int, is bool)) error {
	v, _ := c.Value(key)
	list, ok := v.([]any)
	if v == nil {
		return nil
	}
	if !ok || len(list) < layers {
		return c.wrong(key, v, fmt.Sprintf("a list of %d numbers", layers))
	}
	for i, x := range list[:layers] {
		f, ok := number(x)
		if !ok || f != 0 && f != 1 {
			return c.wrong(key, v, "a list of 0 and 1")
		}
		mark(i, f == 1)
	}
	return nil
}

// tellMiMo is the way back.
func tellMiMo(p *Params) map[string]any {
	near, own := p.KVHeads, p.KVHeads
	for i, n := range p.KVHeadsIn {
		if p.WindowIn[i] {
			near = int(n)
		} else {
			own = int(n)
		}
	}
	kind := func(base float32) map[string]any {
		return map[string]any{"rope_type": "default", "rope_theta": decimal(base), "partial_rotary_factor": decimal(float32(p.RopeDim) / float32(p.HeadDim))}
	}
	return map[string]any{"num_key_value_heads": own, "swa_num_key_value_heads": near, "mlp_layer_types": denseTypes(p), "rope_theta": unsaid, "partial_rotary_factor": unsaid, "swa_rope_theta": unsaid,
		"rope_parameters": map[string]any{"full_attention": kind(p.RopeBase), "sliding_attention": kind(p.NearBase)}}
}

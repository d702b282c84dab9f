package arch

import (
	"fmt"
	"math"
	"slices"

	"quern/formats"
)

// DeciLM is the family of the Llama-Nemotrons of 49, 51 and 253 billion weights: Llama 3 from whose layers a search took heads of keys and widths, or whole
// parts; one matrix stands for the attention of some.
var DeciLM = register(Arch{
	Name: "deci",
	Variants: []Variant{{
		Type:     "nemotron-nas",
		HF:       []string{"DeciLMForCausalLM"},
		Defaults: map[string]any{"max_position_embeddings": 131072, "rms_norm_eps": 1e-5, "rope_theta": 500000.0},
	}},
	Keys: slices.Concat(named("rope.freq_base"), layerKeys(nil, "attention.head_count_kv"), []Key{
		{HF: []string{"num_attention_heads"}, Field: func(p *Params) any { return &p.Heads }, When: never, Default: nothing},
	}, layerKeys(nil, "attention.head_count", "feed_forward_length"),
		named("block_count", "context_length", "embedding_length", "attention.layer_norm_rms_epsilon"), when(always, slices.Clone(impliedHead)),
		[]Key{{GGUF: "general.file_type"}}, sizeKeys(always), quiet(named("rope.scaling.type", "rope.scaling.factor")...)),
	Tensors: slices.Concat([]Rule{ropeFreqs}, only(decoder, RoleEmbed),
		in(passes, only(decoder, RoleAttnNorm)), in(attends, slices.Concat(permutedQK, only(decoder, RoleV, RoleO))), []Rule{
			{GGUF: "blk.{}.attn_output.weight", HF: "model.layers.{}.self_attn.linear_attn.weight", Role: RoleO, Shape: "E Q", When: straight},
		}, in(thinks, only(decoder, RoleFFNNorm, RoleGate, RoleUp, RoleDown)), only(decoder, RoleOutputNorm, RoleOutput)),
	Drop: []string{"*.rotary_emb.inv_freq"},
	Refuse: slices.Concat(plainRefuses, []Refusal{
		{HF: "num_key_value_heads_per_layer", Why: "DeciLM 7B's way to say how many heads layers have"},
	}),
	Finish: readBlocks,
})

// in is rules of tensors that some layers have.
func in(when func(*Params, int) bool, rules []Rule) (out []Rule) {
	for _, r := range rules {
		if own := r.When; own != nil {
			r.When = func(p *Params, layer int) bool { return own(p, layer) && when(p, layer) }
		} else {
			r.When = when
		}
		out = append(out, r)
	}
	return out
}

// readBlocks reads the sizes of all layers.
func readBlocks(c *Config, p *Params) error {
	const key = "block_configs"
	v, _ := c.Value(key)
	list, ok := v.([]any)
	if !ok || len(list) != p.Layers {
		return c.wrong(key, v, fmt.Sprintf("a list for %d layers", p.Layers))
	}
	p.HeadsIn, p.KVHeadsIn, p.FFIn = make([]int32, p.Layers), make([]int32, p.Layers), make([]int32, p.Layers)
	for i, block := range list {
		m, _ := block.(map[string]any)
		att, _ := m["attention"].(map[string]any)
		ffn, _ := m["ffn"].(map[string]any)
		if att == nil || ffn == nil {
			return c.wrong(key, block, "what a layer's attention and ffn are")
		}
		for _, odd := range []any{att["window_length"], att["num_sink_tokens"], att["sparsify"], ffn["sparsify"], ffn["moe"], ffn["replace_with_linear"]} {
			if odd != nil && odd != false {
				return c.fail(key, formats.Unsupported("layer %d has windows, sinks, experts or a matrix for its feed-forward network, which runtimes do not know for it", i), "")
			}
		}
		if g, has := number(att["n_heads_in_group"]); has {
			if !(g >= 1) || g > float64(p.Heads) || g != math.Trunc(g) || p.Heads%int(g) != 0 {
				return c.wrong(key, att["n_heads_in_group"], "a part of all heads")
			}
			p.HeadsIn[i], p.KVHeadsIn[i] = int32(p.Heads), int32(p.Heads/int(g))
		} else if att["replace_with_linear"] == true {
			p.HeadsIn[i] = int32(p.Heads)
		}
		if by, has := number(ffn["ffn_mult"]); has {
			if !(by > 0) || by > 1<<10 {
				return c.wrong(key, ffn["ffn_mult"], "a positive number")
			}
			p.FFIn[i] = int32((int(2*by*float64(p.Embd)/3) + 255) / 256 * 256)
		}
		if p.HeadsIn[i] > 0 && p.FFIn[i] == 0 {
			return c.fail(key, formats.Unsupported("layer %d has attention and no feed-forward network: runtimes would leave it out", i), "")
		}
	}
	p.KVHeads, p.FF = int(slices.Max(p.KVHeadsIn)), int(slices.Max(p.FFIn))
	return nil
}

// tellBlocks is the way back.
func tellBlocks(p *Params) map[string]any {
	var list []any
	for l := range p.Layers {
		q := p.At(l)
		att := map[string]any{"n_heads_in_group": nil, "no_op": q.Heads == 0, "replace_with_linear": straight(p, l), "num_sink_tokens": nil, "sparsify": nil,
			"unshifted_sink": false, "use_prefill_window_in_sink_attention": false, "window_length": nil}
		if q.KVHeads > 0 {
			att["n_heads_in_group"] = q.Heads / q.KVHeads
		}
		ffn := map[string]any{"ffn_mult": nil, "no_op": q.FF == 0, "replace_with_linear": false, "sparsify": nil}
		if q.FF > 0 {
			ffn["ffn_mult"] = float64(q.FF) * 3 / float64(2*p.Embd)
		}
		list = append(list, map[string]any{"attention": att, "ffn": ffn})
	}
	return map[string]any{"block_configs": list, "num_key_value_heads": nil, "intermediate_size": nil}
}

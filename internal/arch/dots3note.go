package arch

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"quern/formats"
)

// Dots3Note is the family of dots3-note: latent attention of two geometries, one in layers that choose the positions that they see, as DeepSeek-V3.2 does, and one, with heads,
// ranks and a base of its own, in layers with a window; what is compressed is multiplied by the root of how much it is, the part of keys that is rotated has a norm, and what each
// head gives a gate; DeepSeek-V3's experts.
var Dots3Note = register(Arch{
	Name: "dots3note",
	Variants: []Variant{{
		Type: "dots3_note_text",
		HF:   []string{"Dots3NoteForCausalLM", "Dots3NoteTextForCausalLM"},
		Defaults: map[string]any{
			"max_position_embeddings": 524288, "rms_norm_eps": 1e-5, "rope_theta": 8e7, "swa_rope_theta": 50000.0, "q_lora_rank": 1024, "kv_lora_rank": 512, "qk_nope_head_dim": 128,
			"qk_rope_head_dim": 64, "v_head_dim": 128, "n_routed_experts": 256, "n_shared_experts": 1, "num_experts_per_tok": 8, "moe_intermediate_size": 1536, "routed_scaling_factor": 1.0,
			"norm_topk_prob": true, "n_group": 1, "topk_group": 1, "first_k_dense_replace": 1, "index_topk": 2048, "index_head_dim": 128, "index_n_heads": 64, "sliding_window": 512,
		},
		Ignore: []string{"head_dim"},
	}},
	Keys: slices.Concat(named("block_count", "context_length", "embedding_length", "feed_forward_length"), []Key{
		{HF: []string{"num_attention_heads"}, Field: func(p *Params) any { return &p.Heads }, When: never, Default: nothing},
	}, layerKeys(nil, "attention.head_count"), []Key{oneHeadOfKeys}, named("rope.freq_base"), []Key{
		{GGUF: "{a}.rope.freq_base_swa", HF: []string{"rope_parameters.sliding_attention.rope_theta", "swa_rope_theta"}, Field: func(p *Params) any { return &p.NearBase }},
	}, named("attention.layer_norm_rms_epsilon"), expertKeys, groupKeys[:2], []Key{scoreSigmoid("scoring_func")},
		[]Key{{GGUF: "general.file_type"}, denseLayers("first_k_dense_replace")}, sizeKeys(always)[:1], latentKeys[:2], latentSizes, latentKeys[2:], sharedKeys, []Key{
			{GGUF: "{a}.rope.dimension_count", HF: []string{"qk_rope_head_dim"}, Field: func(p *Params) any { return &p.RopeDim }},
			nopeKey,
		}, windowKeys, []Key{
			{GGUF: "{a}.attention.kv_lora_rank_swa", Field: func(p *Params) any { return &p.MLA.NearKV }},
			{GGUF: "{a}.attention.key_length_swa", Field: func(p *Params) any { return &p.MLA.NearKey }, Default: nothing},
			{GGUF: "{a}.attention.value_length_swa", Field: func(p *Params) any { return &p.MLA.NearValue }, Default: nothing},
			{GGUF: "{a}.attention.key_length_mla_swa", Field: func(p *Params) any { return &p.Near.Key }},
			{GGUF: "{a}.attention.value_length_mla_swa", Field: func(p *Params) any { return &p.Near.Value }},
			{Field: func(p *Params) any { return &p.Near.Rope }, When: never, Default: func(p *Params) { p.Near.Rope = p.RopeDim }},
		}, furtherKeys, indexKeys, []Key{
			{GGUF: "{a}.attention.indexer.types", Field: func(p *Params) any { return &p.Index.Full }, Default: nothing},
			{Field: func(p *Params) any { return &p.HeadGate }, When: never, Default: func(p *Params) { p.HeadGate = true }},
		}, quiet(named("rope.scaling.type", "rope.scaling.factor")...)),
	Tensors: slices.Concat(rescaledRanks(latentAttention), []Rule{
		{GGUF: "blk.{}.attn_k_norm.weight", HF: "model.layers.{}.self_attn.k_rope_only_layernorm.weight", Role: RoleKNorm, Shape: "KR"},
		{GGUF: "blk.{}.attn_gate.weight", HF: "model.layers.{}.self_attn.g_proj.weight", Role: RoleAttnGate, Shape: "OG E"},
	}, indexer, feedForward, mlpExperts, sharedExperts, routerBias[:1]),
	Drop: []string{"*.rotary_emb.inv_freq", "model.mtp.*", "model.layers.{+}.*", "blk.{+}.*"},
	Refuse: []Refusal{
		siluOnly,
		{HF: "moe_layer_freq", Unless: []string{"1"}, Why: "some of the later layers have no experts"},
		{HF: "attention_bias", Unless: []string{"false"}, Why: "projections with biases"},
		{HF: "use_dsa", Unless: []string{"true"}, Why: "layers that see all positions"},
		{HF: "topk_method", Unless: []string{"noaux_tc"}, Why: "a way to choose experts"},
		{HF: "n_group", Unless: []string{"1"}, Why: "experts in groups"},
		{HF: "topk_group", Unless: []string{"1"}, Why: "experts in groups"},
		{HF: "use_dynamic_rsf", Unless: []string{"false"}, Why: "weights of experts that are multiplied by what follows from them"},
		{HF: "moe_gating_fp32", Unless: []string{"false"}, Why: "a router of another precision"},
		{HF: "k_rope_only_layernorm", Unless: []string{"true"}, Why: "keys without a norm"},
		{HF: "attention_gate_type", Unless: []string{"headwise"}, Why: "gates that are no number for each head"},
		{HF: "swa_attention_gate_type", Unless: []string{"headwise"}, Why: "gates that are no number for each head"},
		{HF: "normalization", Unless: []string{"RMSNorm"}, Why: "norms that are no RMS norms"},
		{HF: "final_norm", Unless: []string{"RMSNorm"}, Why: "norms that are no RMS norms"},
		{HF: "use_sliding_window", Unless: []string{"true"}, Why: "layers of one kind"},
	},
	Layer:  Layer{IndexPairs: true, RunsHalves: true, OneEps: true},
	Finish: finishDots3,
	Look:   func(_ *formats.Source, p *Params) { p.MLA.Rescale = true }, // as a folder has it
})

// rescaledRanks are rules whose norms of what is compressed are multiplied (Latent.Rescale).
func rescaledRanks(rules []Rule) []Rule {
	out := slices.Clone(rules)
	for i, r := range out {
		switch r.Role {
		case RoleQANorm:
			out[i].Do = rescale("queries", func(p *Params) int { return p.MLA.Q })
		case RoleKVANorm:
			out[i].Do = rescale("keys and values", func(p *Params) int { return p.MLA.KV })
		}
	}
	return out
}

func rescale(of string, rank func(*Params) int) Op {
	by := func(p *Params) float32 { return float32(math.Sqrt(float64(p.Embd) / float64(max(1, rank(p))))) }
	return Op{Name: "narrow " + of + " rescaled", Rounds: true,
		Forward: func(t *formats.Tensor, p *Params) *formats.Tensor {
			if !p.MLA.Rescale {
				return t
			}
			return timesBy(t, by(p), func(int) float32 { return by(p) })
		},
		Inverse: func(t *formats.Tensor, p *Params) *formats.Tensor {
			return timesBy(t, 1/by(p), func(int) float32 { return 1 / by(p) })
		},
	}
}

// finishDots3 reads which layers have a window, and the sizes of those, as published files or the library have them.
func finishDots3(c *Config, p *Params) error {
	p.MLA.Rescale = true // as the library has it
	if v, _ := c.Value("apply_mla_qkv_lora_rescale"); v != nil {
		p.MLA.Rescale = v == true
	}
	if n, err := c.Float("sliding_window_size", 0); err != nil {
		return err
	} else if n >= 1 && n < 1<<24 {
		p.Window = int(n)
	}
	kinds, err := c.dotsLayers(p)
	if err != nil {
		return err
	}
	p.WindowIn, p.Index.Full, p.HeadsIn = nil, nil, nil
	sizes := map[string]int{"num_attention_heads": 64, "q_lora_rank": 1024, "kv_lora_rank": 1024, "head_dim": 256, "qk_nope_head_dim": 192, "v_head_dim": 128, "qk_rope_head_dim": -1}
	first := slices.Index(kinds, true)
	if first < 0 {
		return c.fail("layer_types", formats.Unsupported("no layer has a window: runtimes ask for the sizes of such"), "")
	}
	for key, def := range sizes {
		at := "swa_" + key
		if c.says("per_layer_config") { // of the library: what is not said there is as in other layers
			if at = key; c.says(fmt.Sprintf("per_layer_config.%d.%s", first, key)) {
				at = fmt.Sprintf("per_layer_config.%d.%s", first, key)
			}
		}
		n, err := c.Float(at, float64(def))
		if err != nil || n != math.Trunc(n) || n > 1<<20 {
			return c.fail(at, formats.Corrupt("is no size"), "")
		}
		sizes[key] = int(n)
	}
	if sizes["qk_rope_head_dim"] < 0 {
		sizes["qk_rope_head_dim"] = sizes["head_dim"] - sizes["qk_nope_head_dim"]
	}
	if sizes["q_lora_rank"] != p.MLA.Q || sizes["qk_rope_head_dim"] != p.RopeDim || sizes["head_dim"] != sizes["qk_nope_head_dim"]+sizes["qk_rope_head_dim"] {
		return c.fail("swa_head_dim", formats.Unsupported("layers with a window have queries of rank %d, and heads of %d of which %d are rotated; others %d and %d: runtimes have one number of the first and the last",
			sizes["q_lora_rank"], sizes["head_dim"], sizes["qk_rope_head_dim"], p.MLA.Q, p.RopeDim), "")
	}
	p.MLA.NearKV, p.Near = sizes["kv_lora_rank"], HeadSizes{sizes["head_dim"], sizes["v_head_dim"], p.RopeDim}
	p.MLA.NearKey, p.MLA.NearValue = p.MLA.NearKV+p.RopeDim, p.MLA.NearKV
	full := p.Heads
	for _, near := range kinds {
		heads := full
		if near {
			heads = sizes["num_attention_heads"]
		}
		p.WindowIn, p.Index.Full, p.HeadsIn = append(p.WindowIn, near), append(p.Index.Full, !near), append(p.HeadsIn, int32(heads))
	}
	p.Heads, p.KVHeads = int(slices.Max(append(p.HeadsIn, 1))), 1
	for _, key := range []string{"shared_experts_intermediate_size", "moe_shared_expert_intermediate_size"} {
		if n, err := c.Float(key, float64(p.Mix.FF)); err != nil || n != float64(p.Mix.FF) {
			return c.fail(key, formats.Unsupported("shared experts are %v wide and the others %d: runtimes have one number", n, p.Mix.FF), "")
		}
	}
	return denseFirst(c, p)
}

// dotsLayers says of each layer whether it has a window.
func (c *Config) dotsLayers(p *Params) (near []bool, err error) {
	if p.Layers < 1 || p.Layers > maxList {
		return nil, c.fail("num_hidden_layers", formats.Corrupt("%d layers", p.Layers), "")
	}
	v, _ := c.Value("layer_types")
	list, ok := v.([]any)
	if v != nil && (!ok || len(list) < p.Layers) {
		return nil, c.wrong("layer_types", v, fmt.Sprintf("a list of %d words", p.Layers))
	}
	for i := range p.Layers {
		if v == nil {
			near = append(near, i >= 2 && i%4 != 1) // what the library assumes
			continue
		}
		word, _ := list[i].(string)
		if !slices.Contains([]string{"full_attention", "indexed_attention", "sliding_attention"}, word) {
			return nil, c.fail("layer_types", formats.Unsupported("layer %d is %.60q", i, fmt.Sprint(list[i])), "")
		}
		near = append(near, strings.HasPrefix(word, "sliding"))
	}
	return near, nil
}

// tellDots3 is the way back, as published files have it.
func tellDots3(p *Params) map[string]any {
	kinds, full := []string{}, p.Heads
	near := p.Heads
	for l := range p.Layers {
		kind := "full_attention"
		if p.WindowIn[l] {
			kind, near = "sliding_attention", int(p.HeadsIn[l])
		} else {
			full = int(p.HeadsIn[l])
		}
		kinds = append(kinds, kind)
	}
	return map[string]any{
		"layer_types": kinds, "num_attention_heads": full, "num_key_value_heads": full, "swa_num_attention_heads": near, "swa_num_key_value_heads": near, "swa_q_lora_rank": p.MLA.Q,
		"swa_kv_lora_rank": p.MLA.NearKV, "swa_head_dim": p.Near.Key, "swa_qk_nope_head_dim": p.Near.Key - p.Near.Rope, "swa_qk_rope_head_dim": p.Near.Rope, "swa_v_head_dim": p.Near.Value,
		"swa_rope_theta": decimal(p.NearBase), "rope_theta": decimal(p.RopeBase), "rope_parameters": unsaid, "sliding_window_size": p.Window, "sliding_window": unsaid, "apply_mla_qkv_lora_rescale": true,
		"use_dsa": true, "head_dim": p.HeadDim, "moe_shared_expert_intermediate_size": p.Mix.FF, "scoring_func": "sigmoid",
	}
}

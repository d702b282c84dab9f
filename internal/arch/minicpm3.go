package arch

import (
	"slices"

	"quern/formats"
)

// MiniCPM3 is the family of MiniCPM 3: MiniCPM with latent attention, whose heads are rotated in halves. Its scales are built into runtimes.
var MiniCPM3 = register(Arch{
	Name: "minicpm3",
	Variants: []Variant{{
		Type: "minicpm3",
		HF:   []string{"MiniCPM3ForCausalLM"},
		Defaults: map[string]any{
			"max_position_embeddings": 32768, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "tie_word_embeddings": true, "num_key_value_heads": 40,
			"q_lora_rank": 768, "kv_lora_rank": 256, "qk_nope_head_dim": 64, "qk_rope_head_dim": 32,
		},
	}},
	Keys: slices.Concat([]Key{{GGUF: "general.file_type"}},
		named("context_length", "embedding_length", "block_count", "feed_forward_length", "attention.head_count", "attention.head_count_kv", "attention.layer_norm_rms_epsilon"),
		sizeKeys(always)[:1], latentKeys[:2], []Key{
			nopeHead,
			{GGUF: "{a}.rope.dimension_count", HF: []string{"qk_rope_head_dim"}, Field: func(p *Params) any { return &p.RopeDim }},
			nopeKey,
			{GGUF: "{a}.attention.value_length", HF: []string{"v_head_dim"}, Field: func(p *Params) any { return &p.ValueDim },
				Default: func(p *Params) { p.ValueDim = p.Embd / max(1, p.Heads) }, When: func(p *Params) bool { return p.ValueDim*p.Heads != p.Embd }},
			{Field: func(p *Params) any { return &p.Scales.Embed }, When: never, Default: func(p *Params) { p.Scales.Embed = 12 }},
			{Field: func(p *Params) any { return &p.Scales.Residual }, When: never, Default: func(p *Params) { p.Scales.Residual = depth(p, "scale_depth", 1.4) }},
			{Field: func(p *Params) any { return &p.Scales.Logits }, When: never, Default: func(p *Params) { p.Scales.Logits = float32(p.Embd) / 256 }},
		}, otherRope[:1], when(lengthened, slices.DeleteFunc(slices.Clone(longShape), func(k Key) bool {
			return k.GGUF != "{a}.rope.scaling.type" && k.GGUF != "{a}.rope.scaling.original_context_length"
		})), []Key{
			longSize,
			{Field: func(p *Params) any { return &p.RopeContext }, When: never, Default: func(p *Params) { p.RopeContext = p.Context }},
			{Field: func(p *Params) any { return &p.RopeScale }, When: never, Default: func(p *Params) { p.RopeScale = 1 }},
		}),
	Tensors: slices.Concat(longTensors, without(latentAttention, RoleKB, RoleVB, RoleKVB), []Rule{wholeKVB}, feedForward),
	Drop:    []string{"*.rotary_emb.inv_freq"},
	Refuse: slices.Concat(plainRefuses, []Refusal{
		{HF: "scale_emb", Unless: []string{"12"}, Why: "embeddings are scaled otherwise than runtimes do"},
		{HF: "scale_depth", Unless: []string{"1.4"}, Why: "layers are scaled otherwise than runtimes do"},
		{HF: "dim_model_base", Unless: []string{"256"}, Why: "logits are scaled otherwise than runtimes do"},
	}),
	Layer: Layer{RopeNeox: true},
	Finish: func(c *Config, p *Params) error {
		for _, key := range []string{"scale_emb", "scale_depth", "dim_model_base"} {
			if v, ok := c.Value(key); ok && v == nil {
				return c.fail(key, formats.Unsupported("is null: runtimes scale in this family"), "")
			}
		}
		if p.MLA.Q == 0 || p.KVHeads != p.Heads {
			return c.fail("q_lora_rank", formats.Unsupported("queries that are not compressed, or %d heads of keys for %d of queries, which runtimes do not load for it", p.KVHeads, p.Heads), "")
		}
		if p.RopeType == "linear" {
			return c.fail("rope_scaling", formats.Unsupported("is %q, which runtimes do not know for this family", p.RopeType), "")
		}
		return nil
	},
})

// lengthened says that sequences may be longer than those that LongRoPE takes to be short.
func lengthened(p *Params) bool { return p.RopeType == "longrope" && p.RopeContext != p.Context }

package arch

import "slices"

// LLaDA is the family of LLaDA-8B: llama whose queries see all positions, which fills in masked tokens.
var LLaDA = register(Arch{
	Name: "llada",
	Variants: []Variant{{
		Type: "llada",
		HF:   []string{"LLaDAModelLM"},
		Defaults: map[string]any{
			"d_model": 768, "n_heads": 12, "n_layers": 12, "max_sequence_length": 1024, "rope_theta": 10000.0, "rms_norm_eps": 1e-5, "rope": false, "alibi": false,
			"include_bias": true, "include_qkv_bias": false, "activation_type": "swiglu", "block_type": "sequential", "layer_norm_type": "default",
		},
	}},
	Keys: slices.Concat([]Key{
		told("block_count", "n_layers"),
		told("context_length", "max_sequence_length"),
		told("attention.head_count", "n_heads"),
		told("attention.head_count_kv", "n_kv_heads"),
	}, named("rope.freq_base", "attention.layer_norm_rms_epsilon"), []Key{
		{GGUF: "general.file_type"},
		sizeKeys(always)[0],
		{GGUF: "{a}.rope.dimension_count", Field: func(p *Params) any { return &p.RopeDim }, Default: func(p *Params) { p.RopeDim = p.Embd / max(1, p.Heads) }},
		told("embedding_length", "d_model"),
		told("feed_forward_length", "mlp_hidden_size"),
	}, encoderKeys[:1], []Key{unshifted}, impliedHead, quiet(named("rope.scaling.type", "rope.scaling.factor")...)),
	Tensors: []Rule{
		{GGUF: "token_embd.weight", HF: "model.transformer.wte.weight", Role: RoleEmbed, Shape: "V E"},
		{GGUF: "blk.{}.attn_norm.weight", HF: "model.transformer.blocks.{}.attn_norm.weight", Role: RoleAttnNorm, Shape: "E"},
		{GGUF: "blk.{}.attn_q.weight", HF: "model.transformer.blocks.{}.q_proj.weight", Role: RoleQ, Shape: "Q E", Do: PermuteQ},
		{GGUF: "blk.{}.attn_k.weight", HF: "model.transformer.blocks.{}.k_proj.weight", Role: RoleK, Shape: "K E", Do: PermuteK},
		{GGUF: "blk.{}.attn_v.weight", HF: "model.transformer.blocks.{}.v_proj.weight", Role: RoleV, Shape: "K E"},
		{GGUF: "blk.{}.attn_output.weight", HF: "model.transformer.blocks.{}.attn_out.weight", Role: RoleO, Shape: "E Q"},
		{GGUF: "blk.{}.ffn_norm.weight", HF: "model.transformer.blocks.{}.ff_norm.weight", Role: RoleFFNNorm, Shape: "E"},
		{GGUF: "blk.{}.ffn_gate.weight", HF: "model.transformer.blocks.{}.ff_proj.weight", Role: RoleGate, Shape: "F E"},
		{GGUF: "blk.{}.ffn_up.weight", HF: "model.transformer.blocks.{}.up_proj.weight", Role: RoleUp, Shape: "F E"},
		{GGUF: "blk.{}.ffn_down.weight", HF: "model.transformer.blocks.{}.ff_out.weight", Role: RoleDown, Shape: "E F"},
		{GGUF: "output_norm.weight", HF: "model.transformer.ln_f.weight", Role: RoleOutputNorm, Shape: "E"},
		{GGUF: "output.weight", HF: "model.transformer.ff_out.weight", Role: RoleOutput, Shape: "V E"},
	},
	Refuse: []Refusal{
		{HF: "rope", Unless: []string{"true"}, Why: "heads that are not rotated"},
		{HF: "alibi", Unless: []string{"false"}, Why: "distances that lower scores"},
		{HF: "include_bias", Unless: []string{"false"}, Why: "projections with biases"},
		{HF: "include_qkv_bias", Unless: []string{"false"}, Why: "projections with biases"},
		{HF: "activation_type", Unless: []string{"silu"}, Why: "its feed-forward network has another form"},
		{HF: "block_type", Unless: []string{"llama"}, Why: "layers of another form"},
		{HF: "layer_norm_type", Unless: []string{"rms"}, Why: "norms that take the mean away"},
		{HF: "attention_layer_norm", Unless: []string{"false"}, Why: "norms of queries and keys"},
		{HF: "weight_tying", Unless: []string{"false"}, Why: "the embedding as output head, under which its code has no head at all"},
		{HF: "scale_logits", Unless: []string{"false"}, Why: "logits that are divided"},
		{HF: "input_emb_norm", Unless: []string{"false"}, Why: "embeddings that are multiplied"},
		{HF: "block_group_size", Unless: []string{"1"}, Why: "layers in groups"},
	},
	Layer: Layer{FillsIn: true},
})

// keyNamed is keys of which one has another name in config.json.
func keyNamed(keys []Key, name string, hf ...string) []Key {
	out := slices.Clone(keys)
	i := slices.IndexFunc(out, func(k Key) bool { return k.GGUF == "{a}."+name })
	out[i].HF = hf
	return out
}

// maskKey is the token that stands for what is to be filled in, where config.json tells it.
var maskKey = Key{GGUF: "tokenizer.ggml.mask_token_id", HF: []string{"mask_token_id"}, Field: func(p *Params) any { return &p.Mask }, Default: nothing,
	When: func(p *Params) bool { return p.Mask > 0 }}

// unshifted says that what a model that fills in says at a position is about that one.
var unshifted = Key{GGUF: "diffusion.shift_logits", Field: func(*Params) any { no := false; return &no }, Default: nothing}

// LLaDAMoE is the family of its mixtures: heads normed and rotated in halves, and experts whose weights are not divided by their sum.
var LLaDAMoE = register(Arch{
	Name: "llada-moe",
	Variants: []Variant{{
		Type: "llada_moe",
		HF:   []string{"LLaDAMoEModelLM", "LLaDAMoEModel"},
		Bare: []string{"LLaDAMoEModel"},
		Defaults: map[string]any{
			"max_position_embeddings": 8192, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "num_experts": 64, "num_experts_per_tok": 8, "qk_layernorm": true,
			"moe_router_score_function": "softmax",
		},
	}},
	Keys: slices.Concat(keyNamed(shapeKeys, "feed_forward_length", "dense_intermediate_size"), expertKeys, headKeys(ownHead), []Key{
		{GGUF: "general.file_type"},
		{GGUF: "{a}.expert_feed_forward_length", HF: []string{"expert_intermediate_size"}, Field: func(p *Params) any { return &p.Mix.FF }},
		maskKey,
	}, encoderKeys[:1], []Key{unshifted}, sizeKeys(never)),
	Tensors: slices.Concat(attention, headNorms, mlpExperts),
	Drop:    []string{"*.rotary_emb.inv_freq"},
	Refuse: slices.Concat(plainRefuses, []Refusal{
		{HF: "clip_qkv", Why: "queries, keys and values are cut off"},
		{HF: "norm_topk_prob", Unless: []string{"false"}, Why: "runtimes do not divide weights of experts by their sum"},
		{HF: "qk_layernorm", Unless: []string{"true"}, Why: "heads without norms"},
		{HF: "shared_expert_intermediate_size", Why: "a shared expert"},
		{HF: "moe_router_score_function", Unless: []string{"softmax"}, Why: "scores of experts by another function"},
		{HF: "moe_router_enable_expert_bias", Unless: []string{"false"}, Why: "biases of the router"},
		{HF: "router_num_group", Why: "experts in groups"},
		{HF: "routed_scaling_factor", Unless: []string{"1"}, Why: "weights of experts that are multiplied"},
	}),
	Layer: Layer{RopeNeox: true, FillsIn: true},
	Finish: func(c *Config, p *Params) error {
		v, _ := c.Value("moe_layer_freq")
		each, _ := v.([]any)
		for _, f := range each {
			if n, ok := number(f); !ok || n != 1 {
				return c.wrong("moe_layer_freq", v, "a 1 for each layer: runtimes know no dense ones")
			}
		}
		return nil
	},
})

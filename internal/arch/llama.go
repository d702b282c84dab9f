package arch

import (
	"slices"

	"quern/formats"
)

// Llama is the family of Llama 1 to 3.3 and of what keeps its tensors and its arithmetic: Mistral 7B and Nemo, Yi,
// DeepSeek-LLM, DeepSeek-Coder, TinyLlama, SmolLM and all their fine-tunes; and Mixtral, which runtimes call llama too (mixtral.go).
var Llama = register(Arch{
	Name: "llama",
	Variants: []Variant{
		{
			Type: "llama",
			HF:   []string{"LlamaForCausalLM", "LLaMAForCausalLM", "LlamaModel", "VLlama3ForCausalLM"}, // the last is SmolVLM's, of a Llama
			Bare: []string{"LlamaModel"},
			Defaults: map[string]any{
				"max_position_embeddings": 2048, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "num_attention_heads": 32,
			},
			Ignore: []string{"sliding_window", "num_local_experts", "num_experts_per_tok"},
		},
		{
			Type: "mistral",
			HF:   []string{"MistralForCausalLM", "MistralModel"},
			Bare: []string{"MistralModel"},
			Defaults: map[string]any{
				"max_position_embeddings": 131072, "rms_norm_eps": 1e-6, "rope_theta": 10000.0,
				"num_key_value_heads": 8, "sliding_window": 4096,
			},
			Ignore: []string{"attention_bias", "mlp_bias", "num_local_experts", "num_experts_per_tok"},
		},
		{
			Type: "internlm3",
			HF:   []string{"InternLM3ForCausalLM", "InternLM3Model"},
			Bare: []string{"InternLM3Model"},
			Defaults: map[string]any{
				"max_position_embeddings": 32768, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "num_key_value_heads": 2,
			},
			Ignore: []string{"sliding_window", "num_local_experts", "num_experts_per_tok", "attention_bias", "mlp_bias"},
		},
		{
			Type:   "iquestcoder",
			HF:     []string{"IQuestCoderForCausalLM"},
			Ignore: []string{"sliding_window", "num_local_experts", "num_experts_per_tok"}, // there is a window only where use_sliding_window says so
		},
		mixtralVariant,
	},
	Keys: slices.Concat(shapeKeys, expertKeys, headKeys(denseOrOwnHead), []Key{{GGUF: "general.file_type"}}, sizeKeys(always), []Key{
		// Not in the reference's files. Without it a Mistral 7B v0.1 in GGUF is another model from position 4096 on; the
		// runtimes that do not know the key skip it.
		{GGUF: "{a}.attention.sliding_window", HF: []string{"sliding_window"},
			Field: func(p *Params) any { return &p.Window }, Default: nothing, When: func(p *Params) bool { return p.Window > 0 }},
		narrowExperts,
	}),
	Tensors: slices.Concat([]Rule{
		ropeFreqs,
		{GGUF: "token_embd.weight", HF: "model.embed_tokens.weight", Role: RoleEmbed, Shape: "V E"},
		{GGUF: "blk.{}.attn_norm.weight", HF: "model.layers.{}.input_layernorm.weight", Role: RoleAttnNorm, Shape: "E"},
		{GGUF: "blk.{}.attn_q.weight", HF: "model.layers.{}.self_attn.q_proj.weight", Role: RoleQ, Shape: "Q E", Do: PermuteQ},
		{GGUF: "blk.{}.attn_k.weight", HF: "model.layers.{}.self_attn.k_proj.weight", Role: RoleK, Shape: "K E", Do: PermuteK},
		{GGUF: "blk.{}.attn_v.weight", HF: "model.layers.{}.self_attn.v_proj.weight", Role: RoleV, Shape: "K E"},
		{GGUF: "blk.{}.attn_output.weight", HF: "model.layers.{}.self_attn.o_proj.weight", Role: RoleO, Shape: "E Q"},
		{GGUF: "blk.{}.attn_q.bias", HF: "model.layers.{}.self_attn.q_proj.bias", Role: RoleQ, Shape: "Q", Do: PermuteQ, Optional: true, Flag: "attention_bias"},
		{GGUF: "blk.{}.attn_k.bias", HF: "model.layers.{}.self_attn.k_proj.bias", Role: RoleK, Shape: "K", Do: PermuteK, Optional: true, Flag: "attention_bias"},
		{GGUF: "blk.{}.attn_v.bias", HF: "model.layers.{}.self_attn.v_proj.bias", Role: RoleV, Shape: "K", Optional: true, Flag: "attention_bias"},
		{GGUF: "blk.{}.attn_output.bias", HF: "model.layers.{}.self_attn.o_proj.bias", Role: RoleO, Shape: "E", Optional: true, Flag: "attention_bias"},
		{GGUF: "blk.{}.ffn_norm.weight", HF: "model.layers.{}.post_attention_layernorm.weight", Role: RoleFFNNorm, Shape: "E"},
		{GGUF: "blk.{}.ffn_gate.weight", HF: "model.layers.{}.mlp.gate_proj.weight", Role: RoleGate, Shape: "F E", When: dense},
		{GGUF: "blk.{}.ffn_up.weight", HF: "model.layers.{}.mlp.up_proj.weight", Role: RoleUp, Shape: "F E", When: dense},
		{GGUF: "blk.{}.ffn_down.weight", HF: "model.layers.{}.mlp.down_proj.weight", Role: RoleDown, Shape: "E F", When: dense},
		{GGUF: "blk.{}.ffn_gate.bias", HF: "model.layers.{}.mlp.gate_proj.bias", Role: RoleGate, Shape: "F", Optional: true, Flag: "mlp_bias", When: dense},
		{GGUF: "blk.{}.ffn_up.bias", HF: "model.layers.{}.mlp.up_proj.bias", Role: RoleUp, Shape: "F", Optional: true, Flag: "mlp_bias", When: dense},
		{GGUF: "blk.{}.ffn_down.bias", HF: "model.layers.{}.mlp.down_proj.bias", Role: RoleDown, Shape: "E", Optional: true, Flag: "mlp_bias", When: dense},
		{GGUF: "output_norm.weight", HF: "model.norm.weight", Role: RoleOutputNorm, Shape: "E"},
		{GGUF: "output.weight", HF: "lm_head.weight", Role: RoleOutput, Shape: "V E", Optional: true},
	}, mixtral),
	Drop: []string{"*.rotary_emb.inv_freq", "*.attention.masked_bias", "*.attention.bias", "blk.*.attn_rot_embd"},
	Refuse: []Refusal{
		siluOnly,
		{HF: "partial_rotary_factor", Unless: []string{"1"}, Why: "only a part of each head is rotated"},
		{HF: "qkv_bias", Unless: []string{"false"}, Why: "projections with biases"}, // InternLM 3's names
		{HF: "bias", Unless: []string{"false"}, Why: "projections with biases"},
		{HF: "clip_qkv", Why: "queries, keys and values are cut off"}, // IQuest-Coder's
		{HF: "draft_vocab_size", Why: "a draft head of speculative decoding, not a model"},
	},
	Layer: Layer{RunsFull: true},
	Finish: func(c *Config, p *Params) error {
		kind, _ := c.String("model_type")
		if own, err := c.Bool("use_sliding_window"); err != nil || kind != "iquestcoder" || !own {
			return err
		}
		return c.fail("use_sliding_window", formats.Unsupported("some layers see a window only, which runtimes do not know for it"), "")
	},
})

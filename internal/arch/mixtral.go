package arch

import "slices"

// Mixtral is llama with experts, of which each token is given to two and whose weights sum to one. In GGUF it has llama's name.
var mixtralVariant = Variant{
	Type: "mixtral",
	HF:   []string{"MixtralForCausalLM", "MixtralModel"},
	Bare: []string{"MixtralModel"},
	Defaults: map[string]any{
		"max_position_embeddings": 131072, "rms_norm_eps": 1e-5, "rope_theta": 1e6, "num_key_value_heads": 8,
		"num_local_experts": 8, "num_experts_per_tok": 2,
	},
	Ignore: []string{"attention_bias", "mlp_bias"},
}

// mixtral are its experts: as they are published, and in the layout with all experts of a layer in two tensors.
var mixtral = slices.Concat(
	experts("model.layers.{}.block_sparse_moe.gate.weight", "model.layers.{}.block_sparse_moe.experts", "w1", "w3", "w2"),
	[]Rule{{GGUF: "blk.{}.ffn_gate_inp.weight", HF: "model.layers.{}.mlp.gate.weight", Role: RoleRouter, Shape: "X E", When: mixed}},
	fused("model.layers.{}.mlp.experts"),
)

// narrowExperts says that experts are as wide as dense layers would be; no file tells it, and the weights are always divided by
// their sum.
var narrowExperts = Key{GGUF: "{a}.expert_feed_forward_length", Field: func(p *Params) any { return &p.Mix.FF }, When: never,
	Default: func(p *Params) {
		if p.Mix.Count > 0 {
			p.Mix.FF, p.Mix.Norm = p.FF, true
		}
	}}

// denseOrOwnHead says whether files tell the sizes of heads: Mixtral's only where runtimes would guess wrongly.
func denseOrOwnHead(p *Params) bool { return p.Mix.Count == 0 || ownHead(p) }

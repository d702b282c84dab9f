package arch

import "slices"

// Qwen35 is the family of dense Qwen 3.5 models: gated delta networks in most layers; in the others attention with norms of heads, of which a part is rotated, and whose
// outputs are multiplied by what lies behind each head of queries. Norms are stored less one. Of the models that see it is the language model.
var Qwen35 = register(Arch{
	Name: "qwen35",
	Variants: []Variant{
		{Type: "qwen3_5_text", HF: []string{"Qwen3_5ForCausalLM"}, Defaults: qwen35},
		{Type: "qwen3_5", HF: []string{"Qwen3_5ForConditionalGeneration"}, Defaults: qwen35},
	},
	Keys:    slices.Concat(sectioned(shapeKeys), headKeys(always), []Key{{GGUF: "general.file_type"}}, deltaKeys, partKeys, furtherKeys, sizeKeys(never)[:1]),
	Tensors: slices.Concat(offset(hybrid), only(decoder, RoleGate, RoleUp, RoleDown), in(keeps, turningDelta)),
	Drop:    furtherDeltas,
	Refuse:  hybridRefuses,
	Layer:   Layer{RopeNeox: true, RopePart: true, QueryGate: true, Keeper: DeltaNet, TurnKeys: true},
	Finish:  finishQwen35,
})

// qwen35 are what transformers assumes for keys that config.json leaves out.
var qwen35 = map[string]any{
	"max_position_embeddings": 32768, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "num_key_value_heads": 4, "head_dim": 256, "partial_rotary_factor": 0.25,
	"rope_parameters.mrope_section": []any{11, 11, 10}, "linear_conv_kernel_dim": 4, "linear_key_head_dim": 128, "linear_value_head_dim": 128,
	"linear_num_key_heads": 16, "linear_num_value_heads": 32,
}

func finishQwen35(c *Config, p *Params) error {
	if err := finishDelta(c, p); err != nil {
		return err
	}
	return finishSections(c, p)
}

// hybrid are the tensors beside the feed-forward network, less those of layers that keep a state.
var hybrid = slices.Concat(without(attention, RoleFFNNorm, RoleQ, RoleK, RoleV, RoleO), []Rule{
	{GGUF: "blk.{}.post_attention_norm.weight", HF: "model.layers.{}.post_attention_layernorm.weight", Role: RoleFFNNorm, Shape: "E"},
}, in(attends, slices.Concat([]Rule{
	{GGUF: "blk.{}.attn_q.weight", HF: "model.layers.{}.self_attn.q_proj.weight", Role: RoleQ, Shape: "QQ E"},
}, only(decoder, RoleK, RoleV, RoleO), headNorms)))

// turningDelta are the tensors of a layer that keeps a state.
var turningDelta = []Rule{
	{GGUF: "blk.{}.attn_qkv.weight", HF: "model.layers.{}.linear_attn.in_proj_qkv.weight", Role: RoleStateIn, Shape: "SW E", Do: TurnsQKV},
	{GGUF: "blk.{}.attn_gate.weight", HF: "model.layers.{}.linear_attn.in_proj_z.weight", Role: RoleStateGate, Shape: "SI E", Do: TurnsGate},
	{GGUF: "blk.{}.ssm_beta.weight", HF: "model.layers.{}.linear_attn.in_proj_b.weight", Role: RoleStateBeta, Shape: "SH E", Do: TurnsHeads},
	{GGUF: "blk.{}.ssm_alpha.weight", HF: "model.layers.{}.linear_attn.in_proj_a.weight", Role: RoleStateAlpha, Shape: "SH E", Do: TurnsHeads},
	{GGUF: "blk.{}.ssm_conv1d.weight", HF: "model.layers.{}.linear_attn.conv1d.weight", Role: RoleStateConv, Shape: "SW SC", From: "SW 1 SC", Do: TurnsConv},
	{GGUF: "blk.{}.ssm_dt.bias", HF: "model.layers.{}.linear_attn.dt_bias", Role: RoleStateTime, Shape: "SH", Do: TurnsHeads},
	{GGUF: "blk.{}.ssm_a", HF: "model.layers.{}.linear_attn.A_log", Role: RoleStateDecay, Shape: "SH", Do: TurnsDecay},
	{GGUF: "blk.{}.ssm_norm.weight", HF: "model.layers.{}.linear_attn.norm.weight", Role: RoleStateNorm, Shape: "SV"},
	{GGUF: "blk.{}.ssm_out.weight", HF: "model.layers.{}.linear_attn.out_proj.weight", Role: RoleStateOut, Shape: "E SI", Do: TurnsOut},
}

// furtherDeltas are dropped: layers that guess further tokens, in checkpoints and behind the others of a file.
var furtherDeltas = []string{"*.rotary_emb.inv_freq", "mtp.*", "model.mtp.*", "blk.{+}.*"}

var hybridRefuses = []Refusal{
	siluOnly,
	{HF: "attention_bias", Unless: []string{"false"}, Why: "projections with biases"},
	{HF: "attn_output_gate", Unless: []string{"true"}, Why: "attention whose outputs nothing multiplies"},
	{HF: "output_gate_type", Unless: []string{"swish", "silu"}, Why: "what comes out of states is multiplied otherwise"},
}

// Qwen35Moe is that of its mixtures: experts whose weights sum to one, beside one that every token is given to, as much of it as a gate of its own says.
var Qwen35Moe = register(Arch{
	Name: "qwen35moe",
	Variants: []Variant{
		{Type: "qwen3_5_moe_text", HF: []string{"Qwen3_5MoeForCausalLM"}, Defaults: qwen35Moe},
		{Type: "qwen3_5_moe", HF: []string{"Qwen3_5MoeForConditionalGeneration"}, Defaults: qwen35Moe},
	},
	Keys:    slices.Concat(sectioned(hybridShape), expertKeys, headKeys(always), []Key{{GGUF: "general.file_type"}}, hybridExperts, deltaKeys, partKeys, furtherKeys, sizeKeys(never)[:1]),
	Tensors: slices.Concat(offset(hybrid), mlpExperts, sharedExpert, in(keeps, turningDelta)),
	Drop:    furtherDeltas,
	Refuse:  slices.Concat(hybridRefuses, hybridMoeRefuses),
	Layer:   Layer{RopeNeox: true, RopePart: true, QueryGate: true, Keeper: DeltaNet, TurnKeys: true},
	Finish:  finishQwen35,
})

var qwen35Moe = with(qwen35, map[string]any{
	"num_key_value_heads": 2, "num_experts": 256, "num_experts_per_tok": 8, "moe_intermediate_size": 512, "shared_expert_intermediate_size": 512,
})

// hybridShape are shapeKeys of a family all of whose layers have experts: the width of others need not be told.
var hybridShape = func() []Key {
	k := named("feed_forward_length")[0]
	k.Default, k.When = nothing, func(p *Params) bool { return p.FF > 0 }
	return replaceKey(shapeKeys, k)
}()

// hybridExperts are the widths of experts, after those of heads.
var hybridExperts = []Key{
	expertWidth("moe_intermediate_size"),
	{GGUF: "{a}.expert_shared_feed_forward_length", HF: []string{"shared_expert_intermediate_size"},
		Field: func(p *Params) any { return &p.Mix.SharedFF }, Default: func(p *Params) { p.Mix.SharedFF = p.FF }},
	sumsToOne,
}

var hybridMoeRefuses = []Refusal{
	{HF: "norm_topk_prob", Unless: []string{"true"}, Why: "runtimes divide weights of experts by their sum"},
	{HF: "mlp_only_layers", Unless: []string{"[]"}, Why: "some layers have no experts"},
	{HF: "decoder_sparse_step", Unless: []string{"1"}, Why: "some layers have no experts"},
}

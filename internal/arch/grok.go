package arch

import (
	"math"
	"slices"

	"quern/formats"
)

// Grok is the family of Grok 1 and 2: experts of GELU whose router's outputs, like scores and logits, are kept within bounds by a hyperbolic tangent; norms of what a
// layer's parts are given and of what they add. In Grok 2 a dense network stands beside the experts, both are given the same, and their sum is divided by √2; scores of
// queries far behind in a text grow. Runtimes bound no router and let no scores grow, and divide weights of experts by their sum. Grok 2 is as it is served (SGLang's
// models/grok.py), Grok 1 as it was published (xai-org/grok-1, model.py).
var Grok = register(Arch{
	Name: "grok",
	Variants: []Variant{
		{Type: "git", HF: []string{"Grok1ForCausalLM"}, Defaults: with(grokDefaults, map[string]any{"tie_word_embeddings": false})},
		{Type: "grok", HF: []string{"GrokForCausalLM"}, Defaults: with(grokDefaults, map[string]any{"tie_word_embeddings": true, "embedding_multiplier_scale": 78.38367176906169,
			"output_multiplier_scale": 0.5773502691896257})},
	},
	Keys: slices.Concat(shapeKeys, expertKeys, headKeys(grokHeads), []Key{
		{GGUF: "general.file_type"},
		{GGUF: "{a}.attn_logit_softcapping", HF: []string{"attn_logit_softcapping", "max_attn_val"}, Field: func(p *Params) any { return &p.Caps.Scores }, Default: func(p *Params) { p.Caps.Scores = 30 }},
		{GGUF: "{a}.router_logit_softcapping", HF: []string{"router_logit_softcapping"}, Field: func(p *Params) any { return &p.Caps.Router }, Default: func(p *Params) { p.Caps.Router = 30 }},
		{GGUF: "{a}.final_logit_softcapping", HF: []string{"final_logit_softcapping"}, Field: func(p *Params) any { return &p.Caps.Logits }, Default: nothing,
			When: func(p *Params) bool { return p.Caps.Logits != 0 }},
		{GGUF: "{a}.expert_feed_forward_length", HF: []string{"moe_intermediate_size"}, Field: func(p *Params) any { return &p.Mix.FF }, Default: func(p *Params) { p.Mix.FF = p.FF },
			When: func(p *Params) bool { return p.Mix.SharedFF > 0 || p.Mix.FF != p.FF }},
		{GGUF: "{a}.attention.temperature_length", HF: []string{"attn_temperature_len"}, Field: func(p *Params) any { return &p.GrowFrom }, Default: nothing,
			When: func(p *Params) bool { return p.GrowFrom > 0 }},
		{GGUF: "{a}.attention.output_scale", HF: []string{"attn_output_multiplier"}, Field: func(p *Params) any { return &p.Scales.Attention },
			Default: func(p *Params) { p.Scales.Attention = float32(1 / math.Sqrt(float64(max(1, p.HeadDim)))) }},
		{GGUF: "{a}.embedding_scale", HF: []string{"embedding_multiplier_scale"}, Field: func(p *Params) any { return &p.Scales.Embed }, Default: func(p *Params) { p.Scales.Embed = 78.38367176906169 }},
		{GGUF: "{a}.logit_scale", HF: []string{"output_multiplier_scale"}, Field: func(p *Params) any { return &p.Scales.Times }, Default: func(p *Params) { p.Scales.Times = 0.5773502691896257 }},
	}, sizeKeys(never)),
	Tensors: slices.Concat(without(attention, RoleAttnNorm, RoleFFNNorm), []Rule{
		{GGUF: "blk.{}.attn_norm.weight", HF: "model.layers.{}.pre_attn_norm.weight", Role: RoleAttnNorm, Shape: "E"},
		{GGUF: "blk.{}.attn_output_norm.weight", HF: "model.layers.{}.post_attn_norm.weight", Role: RoleAttnPost, Shape: "E"},
		{GGUF: "blk.{}.ffn_norm.weight", HF: "model.layers.{}.pre_moe_norm.weight", Role: RoleFFNNorm, Shape: "E"},
		{GGUF: "blk.{}.ffn_gate.weight", HF: "model.layers.{}.mlp.gate_proj.weight", Role: RoleGateShared, Shape: "S E", When: shares},
		{GGUF: "blk.{}.ffn_up.weight", HF: "model.layers.{}.mlp.up_proj.weight", Role: RoleUpShared, Shape: "S E", When: shares},
		{GGUF: "blk.{}.ffn_down.weight", HF: "model.layers.{}.mlp.down_proj.weight", Role: RoleDownShared, Shape: "E S", When: shares},
		{GGUF: "blk.{}.post_ffw_norm.weight", HF: "model.layers.{}.post_moe_norm.weight", Role: RoleFFNPost, Shape: "E"},
		{GGUF: "blk.{}.layer_output_norm.weight", Role: RoleFFNPost, Shape: "E", Stead: []string{"blk.{}.post_ffw_norm.weight"}}, // Grok 1's name
	}, experts("model.layers.{}.block_sparse_moe.gate.weight", "model.layers.{}.block_sparse_moe.experts", "w1", "w3", "w2"), grokFirst),
	Drop: []string{"*.rotary_emb.inv_freq"},
	Refuse: []Refusal{
		{HF: "rope_type", Unless: []string{"original"}, Why: "stretched positions"},
		{HF: "rope_rotate_half_dims", Unless: []string{"false"}, Why: "only a part of each head is rotated"},
		{HF: "attn_logit_softcapping_method", Unless: []string{"tanh"}, Why: "scores are kept within bounds in another way"},
		{HF: "sliding_window_size", Unless: []string{"-1"}, Why: "some layers see a window only"},
		{HF: "global_attn_every_n", Unless: []string{"1"}, Why: "some layers see a window only"},
	},
	Layer: Layer{RopeNeox: true, Act: GELUTanh, Levelled: true, RunsSum: true},
	Look: func(src *formats.Source, p *Params) {
		if src.Tensor("blk.0.ffn_up.weight") != nil {
			p.Mix.SharedFF = p.FF
		}
	},
	Finish: func(c *Config, p *Params) error {
		beside, err := c.Bool("residual_moe")
		if beside {
			p.Mix.SharedFF = p.FF
		}
		if p.GrowFrom == 1 {
			return c.fail("attn_temperature_len", formats.Corrupt("scores cannot grow with a logarithm to the base of 1"), "")
		}
		return err
	},
})

var grokDefaults = map[string]any{"max_position_embeddings": 8192, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "num_local_experts": 8, "num_experts_per_tok": 2}

// grokHeads says whether files tell sizes of heads: those of Grok 1 do not.
func grokHeads(p *Params) bool { return p.Mix.SharedFF > 0 || ownHead(p) }

// grokFirst are Grok 1's names.
var grokFirst = slices.Concat([]Rule{
	{GGUF: "token_embd.weight", HF: "transformer.in_out_embed.weight", Role: RoleEmbed, Shape: "V E"},
	{GGUF: "blk.{}.attn_norm.weight", HF: "transformer.decoder_layer.{}.rms_norm.weight", Role: RoleAttnNorm, Shape: "E"},
	{GGUF: "blk.{}.attn_q.weight", HF: "transformer.decoder_layer.{}.multi_head_attention.query.weight", Role: RoleQ, Shape: "Q E"},
	{GGUF: "blk.{}.attn_k.weight", HF: "transformer.decoder_layer.{}.multi_head_attention.key.weight", Role: RoleK, Shape: "K E"},
	{GGUF: "blk.{}.attn_v.weight", HF: "transformer.decoder_layer.{}.multi_head_attention.value.weight", Role: RoleV, Shape: "K E"},
	{GGUF: "blk.{}.attn_output.weight", HF: "transformer.decoder_layer.{}.multi_head_attention.linear.weight", Role: RoleO, Shape: "E Q"},
	{GGUF: "blk.{}.attn_output_norm.weight", HF: "transformer.decoder_layer.{}.rms_norm_1.weight", Role: RoleAttnPost, Shape: "E"},
	{GGUF: "blk.{}.ffn_norm.weight", HF: "transformer.decoder_layer.{}.rms_norm_2.weight", Role: RoleFFNNorm, Shape: "E"},
	{GGUF: "blk.{}.post_ffw_norm.weight", HF: "transformer.decoder_layer.{}.rms_norm_3.weight", Role: RoleFFNPost, Shape: "E"},
	{GGUF: "output_norm.weight", HF: "transformer.rms_norm.weight", Role: RoleOutputNorm, Shape: "E"},
}, experts("transformer.decoder_layer.{}.router.weight", "transformer.decoder_layer.{}.moe", "linear", "linear_v", "linear_1"))

// tellGrok is the way back.
func tellGrok(p *Params) map[string]any {
	return map[string]any{"residual_moe": p.Mix.SharedFF > 0, "rope_type": unsaid}
}

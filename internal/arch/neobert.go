package arch

import (
	"slices"

	"quern/formats"
)

// NeoBert is the family of NeoBERT: llama's layers, whose queries see all positions, with queries, keys and values of a head behind each other in one matrix,
// and gate and up in another.
var NeoBert = register(Arch{
	Name:  "neo-bert",
	Strip: []string{"model."},
	Variants: []Variant{{
		Type: "neobert",
		HF:   []string{"NeoBERT", "NeoBERTLMHead", "NeoBERTForSequenceClassification"},
		Defaults: map[string]any{
			"vocab_size": 30522, "hidden_size": 768, "num_hidden_layers": 28, "num_attention_heads": 12, "intermediate_size": 3072, "max_length": 1024, "norm_eps": 1e-6,
		},
	}},
	Keys: slices.Concat(
		named("block_count", "context_length", "embedding_length", "feed_forward_length", "attention.head_count", "attention.layer_norm_rms_epsilon"),
		[]Key{{GGUF: "general.file_type"}}, encoderKeys[:1], []Key{labelKey, told("rope.freq_base"), unscaled, {
			GGUF: "{a}.pooling_type", Field: func(p *Params) any { return &p.Pooling }, Default: func(p *Params) { p.Pooling = PoolFirst }}}, typeKeys[1:],
		quiet(told("attention.head_count_kv")), impliedHead, sizeKeys(never), quiet(named("rope.scaling.factor")...)),
	Tensors: slices.Concat([]Rule{
		{GGUF: "token_embd.weight", HF: "encoder.weight", Role: RoleEmbed, Shape: "V E"},
		{GGUF: "blk.{}.attn_norm.weight", HF: "transformer_encoder.{}.attention_norm.weight", Role: RoleAttnNorm, Shape: "E"},
		{GGUF: "blk.{}.attn_qkv.weight", HF: "transformer_encoder.{}.qkv.weight", Role: RoleQ, And: keysValues, Shape: "A E", Do: Ungroup},
		{GGUF: "blk.{}.attn_output.weight", HF: "transformer_encoder.{}.wo.weight", Role: RoleO, Shape: "E Q"},
		{GGUF: "blk.{}.ffn_norm.weight", HF: "transformer_encoder.{}.ffn_norm.weight", Role: RoleFFNNorm, Shape: "E"},
		{GGUF: "blk.{}.ffn_up.weight", HF: "transformer_encoder.{}.ffn.w12.weight", Role: RoleGate, And: []Role{RoleUp}, Shape: "G E"},
		{GGUF: "blk.{}.ffn_down.weight", HF: "transformer_encoder.{}.ffn.w3.weight", Role: RoleDown, Shape: "E F"},
		{GGUF: "enc.output_norm.weight", HF: "layer_norm.weight", Role: RoleOutputNorm, Shape: "E"},
	}, bertClass("dense", "classifier")),
	Drop: []string{"decoder.*", "freqs_cis"},
	Refuse: slices.Concat(encoderRefuses, []Refusal{
		{HF: "hidden_act", Unless: []string{"swiglu", "SwiGLU"}, Why: "its feed-forward network has another form"},
		{HF: "rms_norm", Unless: []string{"true"}, Why: "norms that take the mean away"},
		{HF: "rope", Unless: []string{"true"}, Why: "positions with vectors"},
		{HF: "ngpt", Unless: []string{"false"}, Why: "states of length one"},
	}),
	Layer: Layer{Encoder: true},
	Finish: func(c *Config, p *Params) error {
		p.FF = (2*p.FF/3 + 7) / 8 * 8 // as its code has it
		if p.KVHeads != p.Heads {
			return c.fail("num_key_value_heads", formats.Unsupported("heads share keys"), "")
		}
		return readLabels(c, p)
	},
	Beside: readPooling,
})

// tellNeo is the way back.
func tellNeo(p *Params) map[string]any {
	out := tellLabels("NeoBERTForSequenceClassification")(p)
	if out == nil {
		out = map[string]any{}
	}
	out["intermediate_size"], out["num_key_value_heads"] = p.FF*3/2, unsaid
	return out
}

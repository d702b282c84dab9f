package arch

import (
	"slices"

	"quern/formats"
)

// NomicBert is the family of nomic-embed-text 1 and 1.5: BERT with rotated heads, gates, and no biases but those of norms.
var NomicBert = register(Arch{
	Name: "nomic-bert",
	Variants: []Variant{{
		Type:     "nomic_bert",
		HF:       []string{"NomicBertModel"},
		If:       func(c *Config) bool { return !nomicMixed(c) },
		Defaults: nomicDefaults,
	}},
	Keys: slices.Concat([]Key{
		told("block_count", "n_layer", "num_hidden_layers"),
		told("context_length", "n_positions", "max_position_embeddings"),
		told("embedding_length", "n_embd", "hidden_size"),
		told("feed_forward_length", "n_inner", "intermediate_size"),
		told("attention.head_count", "n_head", "num_attention_heads"),
		told("rope.freq_base", "rotary_emb_base", "rope_parameters.rope_theta", "rope_theta"),
		told("attention.layer_norm_epsilon", "layer_norm_epsilon", "layer_norm_eps"),
		{GGUF: "general.file_type"},
	}, encoderKeys, typeKeys, quiet(told("attention.head_count_kv")), impliedHead, sizeKeys(never), quiet(named("rope.scaling.type", "rope.scaling.factor")...)),
	Tensors: slices.Concat([]Rule{
		{GGUF: "token_embd.weight", HF: "embeddings.word_embeddings.weight", Role: RoleEmbed, Shape: "V E"},
		{GGUF: "token_types.weight", HF: "embeddings.token_type_embeddings.weight", Role: RoleTypes, Shape: "T E", When: hasTypes},
	}, biased(Rule{GGUF: "token_embd_norm.weight", HF: "emb_ln.weight", Role: RoleEmbedNorm, Shape: "E"}), []Rule{
		{GGUF: "blk.{}.attn_qkv.weight", HF: "encoder.layers.{}.attn.Wqkv.weight", Role: RoleQ, And: keysValues, Shape: "A E"},
		{GGUF: "blk.{}.attn_output.weight", HF: "encoder.layers.{}.attn.out_proj.weight", Role: RoleO, Shape: "E Q"},
		{GGUF: "blk.{}.ffn_up.weight", HF: "encoder.layers.{}.mlp.fc11.weight", Role: RoleUp, Shape: "F E"},
		{GGUF: "blk.{}.ffn_gate.weight", HF: "encoder.layers.{}.mlp.fc12.weight", Role: RoleGate, Shape: "F E"},
		{GGUF: "blk.{}.ffn_down.weight", HF: "encoder.layers.{}.mlp.fc2.weight", Role: RoleDown, Shape: "E F"},
	}, biased(
		Rule{GGUF: "blk.{}.attn_output_norm.weight", HF: "encoder.layers.{}.norm1.weight", Role: RoleAttnSum, Shape: "E"},
		Rule{GGUF: "blk.{}.layer_output_norm.weight", HF: "encoder.layers.{}.norm2.weight", Role: RoleFFNSum, Shape: "E"},
	)),
	Drop: []string{"pooler.dense.*", "cls.*", "*.rotary_emb.inv_freq"},
	Refuse: slices.Concat(encoderRefuses, []Refusal{
		{HF: "activation_function", Unless: []string{"swiglu"}, Why: "its feed-forward network has another form"},
		{HF: "hidden_act", Unless: []string{"silu"}, Why: "its feed-forward network has another function"},
		{HF: "moe_every_n_layers", Unless: []string{"0"}, Why: "experts without gates"},
	}, nomicRefuses),
	Layer:  Layer{RopeNeox: true, MeanNorm: true, Encoder: true},
	Finish: nomicFinish,
	Beside: readPooling,
	Look:   lookTypes,
})

var nomicDefaults = map[string]any{
	"vocab_size": 30528, "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072, "max_position_embeddings": 2048,
	"type_vocab_size": 2, "layer_norm_eps": 1e-12, "rope_theta": 1000.0,
}

// nomicFinish takes, of a configuration as it was published, the positions that models were trained with for the context, not those that they may be stretched to.
func nomicFinish(c *Config, p *Params) error {
	if _, _, published := c.Find("n_positions"); !published {
		return nil
	}
	trained, err := c.Float("max_trained_positions", 2048)
	if err != nil || trained < 1 || trained > 1<<24 {
		return c.fail("max_trained_positions", formats.Corrupt("%v is no number of positions", trained), "")
	}
	p.Context = min(p.Context, int(trained))
	return nil
}

// nomicRefuses are settings of the code of both kinds.
var nomicRefuses = []Refusal{
	{HF: "prenorm", Unless: []string{"false"}, Why: "norms before the parts of a layer"},
	{HF: "causal", Unless: []string{"false"}, Why: "queries see only what stands before them"},
	{HF: "qkv_proj_bias", Unless: []string{"false"}, Why: "projections with biases"},
	{HF: "mlp_fc1_bias", Unless: []string{"false"}, Why: "projections with biases"},
	{HF: "mlp_fc2_bias", Unless: []string{"false"}, Why: "projections with biases"},
	{HF: "rotary_emb_fraction", Unless: []string{"1"}, Why: "only a part of each head is rotated"},
	{HF: "rotary_emb_interleaved", Unless: []string{"false"}, Why: "heads are rotated in pairs"},
	{HF: "rotary_emb_scale_base", Why: "rotations that shrink"},
	{HF: "use_rms_norm", Unless: []string{"false"}, Why: "norms that keep the mean"},
}

package arch

import (
	"slices"

	"quern/formats"
)

// Falcon is the family of Falcon 7B, 40B, 180B and Falcon 2: both parts of a layer are given the same, by one norm or by two, and groups of
// heads share keys and values, which stand behind their queries in one matrix. The first Falcons (RW), whose heads know distances instead of
// being rotated, are another one, which runtimes do not have.
var Falcon = register(Arch{
	Name:   "falcon",
	Prefix: "transformer.",
	Variants: []Variant{
		{Type: "falcon", HF: []string{"FalconForCausalLM"}, Defaults: falconDefaults},
		{Type: "RefinedWeb", HF: []string{"RWForCausalLM"}, Defaults: falconDefaults},
		{Type: "RefinedWebModel", HF: []string{"RWForCausalLM"}, Defaults: falconDefaults},
	},
	Keys: slices.Concat([]Key{
		told("context_length", "max_position_embeddings"),
		{GGUF: "{a}.tensor_data_layout", Field: func(*Params) any { layout := "jploski"; return &layout }, Default: nothing},
		told("embedding_length", "hidden_size", "n_embed"),
		fourfold(told("feed_forward_length", "ffn_hidden_size")),
		told("block_count", "num_hidden_layers", "n_layer"),
		told("attention.head_count", "num_attention_heads", "n_head"),
		told("attention.head_count_kv", "num_kv_heads", "n_head_kv"),
		told("attention.layer_norm_epsilon", "layer_norm_epsilon"),
		{GGUF: "general.file_type"},
		geluKey("activation", "gelu"),
	}, otherRope, impliedHead, sizeKeys(never)),
	Tensors: slices.Concat([]Rule{
		{GGUF: "token_embd.weight", HF: "transformer.word_embeddings.weight", Role: RoleEmbed, Shape: "V E"},
	}, biased(
		Rule{GGUF: "blk.{}.attn_norm.weight", HF: "transformer.h.{}.input_layernorm.weight", Role: RoleAttnNorm, Shape: "E", When: oneNorm},
		Rule{GGUF: "blk.{}.attn_norm.weight", HF: "transformer.h.{}.ln_mlp.weight", Role: RoleFFNNorm, Shape: "E", When: twoNorms},
		Rule{GGUF: "blk.{}.attn_norm_2.weight", HF: "transformer.h.{}.ln_attn.weight", Role: RoleAttnNorm, Shape: "E", When: twoNorms},
	), []Rule{
		{GGUF: "blk.{}.attn_qkv.weight", HF: "transformer.h.{}.self_attention.query_key_value.weight", Role: RoleQ, And: keysValues, Shape: "A E", Do: Ungroup},
		{GGUF: "blk.{}.attn_output.weight", HF: "transformer.h.{}.self_attention.dense.weight", Role: RoleO, Shape: "E Q"},
		{GGUF: "blk.{}.ffn_up.weight", HF: "transformer.h.{}.mlp.dense_h_to_4h.weight", Role: RoleUp, Shape: "F E"},
		{GGUF: "blk.{}.ffn_down.weight", HF: "transformer.h.{}.mlp.dense_4h_to_h.weight", Role: RoleDown, Shape: "E F"},
	}, biased(
		Rule{GGUF: "output_norm.weight", HF: "transformer.ln_f.weight", Role: RoleOutputNorm, Shape: "E"},
	), only(decoder, RoleOutput)),
	Drop: []string{"*.rotary_emb.inv_freq"},
	Refuse: []Refusal{
		geluOnly("activation"),
		{HF: "alibi", Unless: []string{"false"}, Why: "heads that know distances and are not rotated"},
		{HF: "parallel_attn", Unless: []string{"true"}, Why: "parts of a layer one after the other"},
		{HF: "bias", Unless: []string{"false"}, Why: "projections with biases"},
	},
	Layer: Layer{MeanNorm: true, Ungated: true, Act: GELU, Parallel: true, RopeNeox: true},
	Look:  func(src *formats.Source, p *Params) { p.TwoNorms = src.Tensor("blk.0.attn_norm_2.weight") != nil },
	Finish: func(c *Config, p *Params) error {
		_, grouped := c.Value("n_head_kv")
		said, err := c.Bool("new_decoder_architecture")
		if err != nil {
			return err
		}
		norms, err := c.Float("num_ln_in_parallel_attn", 2)
		if err != nil {
			return err
		}
		if grouped || said {
			p.TwoNorms = norms == 2
			return nil
		}
		p.KVHeads = p.Heads
		if many, ok := c.Value("multi_query"); !ok || many == true { // num_kv_heads says something else in the files of Falcon 7B
			p.KVHeads = 1
		}
		return nil
	},
})

var falconDefaults = map[string]any{
	"max_position_embeddings": 2048, "layer_norm_epsilon": 1e-5, "rope_theta": 10000.0, "activation": "gelu", "tie_word_embeddings": true, "alibi": false,
	"parallel_attn": true, "bias": false,
}

func oneNorm(p *Params, _ int) bool  { return !p.TwoNorms }
func twoNorms(p *Params, _ int) bool { return p.TwoNorms }

// falconConfig says which of the two designs it is.
func falconConfig(p *Params) map[string]any {
	if !p.TwoNorms && p.KVHeads == 1 {
		return map[string]any{"new_decoder_architecture": false, "multi_query": true}
	}
	norms := 1
	if p.TwoNorms {
		norms = 2
	}
	return map[string]any{"new_decoder_architecture": true, "num_ln_in_parallel_attn": norms}
}

package arch

import (
	"fmt"
	"slices"

	"quern/formats"
)

// JinaBertV3 is the family of jina-embeddings-v3: XLM-RoBERTa with rotated heads instead of vectors of positions. Checkpoints hold adapters for tasks beside the weights, which
// are left out: what is converted is the model without a task, unless an adapter is added before.
var JinaBertV3 = register(Arch{
	Name:  "jina-bert-v3",
	Strip: []string{"roberta."},
	Variants: []Variant{{
		Type:     "jina_embeddings_v3",
		HF:       []string{"JinaEmbeddingsV3Model"},
		Defaults: jinaV3Defaults,
	}, {
		Type:     "xlm-roberta",
		HF:       []string{"XLMRobertaModel"},
		If:       adapted,
		Defaults: jinaV3Defaults,
	}},
	Keys: slices.Concat(named("block_count", "context_length", "embedding_length", "feed_forward_length", "attention.head_count"), []Key{
		told("rope.freq_base", "rotary_emb_base", "rope_parameters.rope_theta", "rope_theta"),
		told("attention.layer_norm_epsilon", "layer_norm_eps"),
		{GGUF: "general.file_type"},
	}, encoderKeys, []Key{geluKey("hidden_act", "gelu")}, typeKeys, quiet(told("attention.head_count_kv")), impliedHead, sizeKeys(never), quiet(named("rope.scaling.type", "rope.scaling.factor")...)),
	Tensors: slices.Concat(jinaV3(".parametrizations.weight.original"), jinaV3(".weight"), jinaV3Rest),
	Drop:    []string{"pooler.dense.*", "*.rotary_emb.inv_freq", "*.lora_A", "*.lora_B"},
	Refuse: slices.Concat(encoderRefuses, []Refusal{
		geluOnly("hidden_act"),
		{HF: "position_embedding_type", Unless: []string{"rotary"}, Why: "positions with vectors"},
	}),
	Layer: Layer{RopeNeox: true, MeanNorm: true, Ungated: true, Act: GELU, Encoder: true},
	Finish: func(c *Config, p *Params) error {
		err := padRows(c, p)
		p.PadRows = 0 // there is no table of positions to leave them out of
		return err
	},
	Beside: func(src *formats.Source, b *Bound) error {
		if v, _ := b.Config.Value("lora_adaptations"); v != nil && fmt.Sprint(v) != "[]" {
			b.Notes = append(b.Notes, fmt.Sprintf("its adapters for tasks (%.200v) are left out: this is the model without a task; quern lora merge --task adds one, quern lora convert --task writes one for llama.cpp", v))
		}
		return readPooling(src, b)
	},
	Look: lookTypes,
})

var jinaV3Defaults = map[string]any{
	"vocab_size": 250002, "hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096, "max_position_embeddings": 8194,
	"type_vocab_size": 1, "layer_norm_eps": 1e-5, "hidden_act": "gelu", "position_embedding_type": "rotary", "rope_theta": 20000.0,
}

// adapted says of an encoder that it has adapters for tasks, which those of XLM-RoBERTa's class have that are of this family.
func adapted(c *Config) bool {
	v, _ := c.Value("lora_adaptations")
	return v != nil
}

// jinaV3 are the matrices, whose names end so where adapters may change them.
func jinaV3(weight string) []Rule {
	layer := "encoder.layers.{}."
	return []Rule{
		{GGUF: "token_embd.weight", HF: "embeddings.word_embeddings" + weight, Role: RoleEmbed, Shape: "V E"},
		{GGUF: "token_types.weight", HF: "embeddings.token_type_embeddings" + weight, Role: RoleTypes, Shape: "T E", When: hasTypes},
		{GGUF: "blk.{}.attn_qkv.weight", HF: layer + "mixer.Wqkv" + weight, Role: RoleQ, And: keysValues, Shape: "A E"},
		{GGUF: "blk.{}.attn_output.weight", HF: layer + "mixer.out_proj" + weight, Role: RoleO, Shape: "E Q"},
		{GGUF: "blk.{}.ffn_up.weight", HF: layer + "mlp.fc1" + weight, Role: RoleUp, Shape: "F E"},
		{GGUF: "blk.{}.ffn_down.weight", HF: layer + "mlp.fc2" + weight, Role: RoleDown, Shape: "E F"},
	}
}

// jinaV3Rest are all other tensors.
var jinaV3Rest = slices.Concat([]Rule{
	{GGUF: "blk.{}.attn_qkv.bias", HF: "encoder.layers.{}.mixer.Wqkv.bias", Role: RoleQ, And: keysValues, Shape: "A"},
	{GGUF: "blk.{}.attn_output.bias", HF: "encoder.layers.{}.mixer.out_proj.bias", Role: RoleO, Shape: "E"},
	{GGUF: "blk.{}.ffn_up.bias", HF: "encoder.layers.{}.mlp.fc1.bias", Role: RoleUp, Shape: "F"},
	{GGUF: "blk.{}.ffn_down.bias", HF: "encoder.layers.{}.mlp.fc2.bias", Role: RoleDown, Shape: "E"},
}, biased(
	Rule{GGUF: "token_embd_norm.weight", HF: "emb_ln.weight", Role: RoleEmbedNorm, Shape: "E"},
	Rule{GGUF: "blk.{}.attn_output_norm.weight", HF: "encoder.layers.{}.norm1.weight", Role: RoleAttnSum, Shape: "E"},
	Rule{GGUF: "blk.{}.layer_output_norm.weight", HF: "encoder.layers.{}.norm2.weight", Role: RoleFFNSum, Shape: "E"},
))

// tellJinaV3 is the way back.
func tellJinaV3(p *Params) map[string]any {
	return map[string]any{"max_position_embeddings": p.Context + 2, "pad_token_id": 1}
}

package arch

import "slices"

// JinaBert is the family of jina-embeddings-v2: BERT with distances that lower scores to both sides instead of positions, and gates.
var JinaBert = register(Arch{
	Name:  "jina-bert-v2",
	Strip: []string{"bert."},
	Variants: []Variant{{
		Type: "jina_bert", // published files say bert
		HF:   []string{"JinaBertModel", "JinaBertForMaskedLM"},
		Defaults: map[string]any{
			"vocab_size": 30522, "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072, "max_position_embeddings": 512,
			"type_vocab_size": 2, "layer_norm_eps": 1e-12,
		},
	}},
	Keys: slices.Concat(
		named("block_count", "context_length", "embedding_length", "feed_forward_length", "attention.head_count"), []Key{
			told("attention.layer_norm_epsilon", "layer_norm_eps"),
			{GGUF: "general.file_type"},
		}, encoderKeys, typeKeys, []Key{
			{GGUF: "{a}.attention.max_alibi_bias", Field: func(p *Params) any { return &p.Alibi }, When: never, Default: func(p *Params) { p.Alibi = 8 }},
		}, quiet(told("attention.head_count_kv")), stillKeys),
	Tensors: slices.Concat([]Rule{
		{GGUF: "token_embd.weight", HF: "embeddings.word_embeddings.weight", Role: RoleEmbed, Shape: "V E"},
		{GGUF: "token_types.weight", HF: "embeddings.token_type_embeddings.weight", Role: RoleTypes, Shape: "T E", When: hasTypes},
	}, biased(Rule{GGUF: "token_embd_norm.weight", HF: "embeddings.LayerNorm.weight", Role: RoleEmbedNorm, Shape: "E"}),
		without(bertLayers("encoder.layer.{}.", "attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense", "attention.output.LayerNorm",
			"", "mlp.wo", "mlp.layernorm"), RoleUp), []Rule{
			{GGUF: "blk.{}.ffn_up.weight", HF: "encoder.layer.{}.mlp.gated_layers.weight", Role: RoleGate, And: []Role{RoleUp}, Shape: "G E"},
		}),
	Drop: []string{"embeddings.position_ids", "pooler.dense.*", "cls.*"},
	Refuse: slices.Concat(encoderRefuses, []Refusal{
		{HF: "position_embedding_type", Unless: []string{"alibi"}, Why: "positions with vectors"},
		{HF: "feed_forward_type", Unless: []string{"geglu"}, Why: "its feed-forward network has another form"},
	}),
	Layer:  Layer{MeanNorm: true, Act: GELU, StillEvery: 1, Encoder: true},
	Beside: readPooling,
	Look:   lookTypes,
})

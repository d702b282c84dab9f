package arch

import (
	"slices"

	"quern/formats"
)

// Bert is the family of BERT and what has its layers: DistilBERT, RoBERTa, XLM-RoBERTa, CamemBERT, and the rerankers made of them. A text's tokens see each other, the
// stream is normed behind each part of a layer, positions have vectors.
var Bert = register(Arch{
	Name:  "bert",
	Strip: []string{"bert.", "roberta.", "distilbert."},
	Variants: []Variant{{
		Type: "bert",
		HF:   []string{"BertModel", "BertForMaskedLM", "BertForSequenceClassification"},
		Defaults: map[string]any{
			"vocab_size": 30522, "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072, "max_position_embeddings": 512,
			"type_vocab_size": 2, "layer_norm_eps": 1e-12, "hidden_act": "gelu",
		},
	}, {
		Type:   "distilbert",
		HF:     []string{"DistilBertModel", "DistilBertForMaskedLM", "DistilBertForSequenceClassification"},
		Ignore: []string{"type_vocab_size", "hidden_act"},
		Defaults: map[string]any{
			"vocab_size": 30522, "dim": 768, "n_layers": 6, "n_heads": 12, "hidden_dim": 3072, "max_position_embeddings": 512, "layer_norm_eps": 1e-12, "activation": "gelu",
		},
	},
		robertas("roberta", "RobertaModel", "RobertaForMaskedLM", "RobertaForSequenceClassification"),
		unadapted(robertas("xlm-roberta", "XLMRobertaModel", "XLMRobertaForMaskedLM", "XLMRobertaForSequenceClassification")),
		robertas("camembert", "CamembertModel", "CamembertForMaskedLM", "CamembertForSequenceClassification"),
	},
	Keys: slices.Concat(
		named("block_count", "context_length", "embedding_length", "feed_forward_length", "attention.head_count"), []Key{
			told("attention.layer_norm_epsilon", "layer_norm_eps"),
			{GGUF: "general.file_type"},
		}, encoderKeys, []Key{labelKey, bertAct}, typeKeys, quiet(told("attention.head_count_kv")), stillKeys),
	Tensors: slices.Concat([]Rule{
		{GGUF: "token_embd.weight", HF: "embeddings.word_embeddings.weight", Role: RoleEmbed, Shape: "V E"},
		{GGUF: "position_embd.weight", HF: "embeddings.position_embeddings.weight", Role: RolePositions, Shape: "C E", From: "PC E", Do: SkipPads},
		{GGUF: "token_types.weight", HF: "embeddings.token_type_embeddings.weight", Role: RoleTypes, Shape: "T E", When: hasTypes},
	}, biased(Rule{GGUF: "token_embd_norm.weight", HF: "embeddings.LayerNorm.weight", Role: RoleEmbedNorm, Shape: "E"}),
		bertLayers("encoder.layer.{}.", "attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense", "attention.output.LayerNorm",
			"intermediate.dense", "output.dense", "output.LayerNorm"),
		bertLayers("transformer.layer.{}.", "attention.q_lin", "attention.k_lin", "attention.v_lin", "attention.out_lin", "sa_layer_norm",
			"ffn.lin1", "ffn.lin2", "output_layer_norm"),
		bertClass("pooler.dense", "classifier"),
		bertClass("classifier.dense", "classifier.out_proj"),
	),
	Drop: []string{"embeddings.position_ids", "embeddings.token_type_ids", "pooler.dense.*", "cls.*", "vocab_*", "lm_head.*"},
	Refuse: slices.Concat(encoderRefuses, []Refusal{
		geluOnly("hidden_act"), geluOnly("activation"),
		{HF: "position_embedding_type", Unless: []string{"absolute"}, Why: "positions without vectors"},
		{HF: "lora_adaptations", Why: "adapters for tasks beside the weights"},
	}),
	Layer:  Layer{MeanNorm: true, Ungated: true, Act: GELU, StillEvery: 1, Encoder: true},
	Finish: bertFinish,
	Beside: readPooling,
	Look:   lookTypes,
})

// robertas is a type of RoBERTa's kind: positions begin behind the padding token's number.
func robertas(kind string, classes ...string) Variant {
	return Variant{Type: kind, HF: classes, Defaults: map[string]any{
		"vocab_size": 50265, "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072, "max_position_embeddings": 512,
		"type_vocab_size": 2, "layer_norm_eps": 1e-12, "hidden_act": "gelu",
	}}
}

// unadapted leaves what has adapters for tasks to another family.
func unadapted(v Variant) Variant {
	v.If = func(c *Config) bool { return !adapted(c) }
	return v
}

// bertAct is the kind of GELU.
var bertAct = func() Key {
	k := geluKey("activation", "gelu")
	k.HF = append(k.HF, "hidden_act")
	return k
}()

// bertLayers are a layer's tensors under their names behind a prefix: queries, keys, values, what follows attention and its norm, the feed-forward network and its
// norm.
func bertLayers(at, q, k, v, o, attn, up, down, ffn string) []Rule {
	w := func(name string) string { return at + name + ".weight" }
	return biased(
		Rule{GGUF: "blk.{}.attn_q.weight", HF: w(q), Role: RoleQ, Shape: "Q E"},
		Rule{GGUF: "blk.{}.attn_k.weight", HF: w(k), Role: RoleK, Shape: "K E"},
		Rule{GGUF: "blk.{}.attn_v.weight", HF: w(v), Role: RoleV, Shape: "K E"},
		Rule{GGUF: "blk.{}.attn_output.weight", HF: w(o), Role: RoleO, Shape: "E Q"},
		Rule{GGUF: "blk.{}.attn_output_norm.weight", HF: w(attn), Role: RoleAttnSum, Shape: "E"},
		Rule{GGUF: "blk.{}.ffn_up.weight", HF: w(up), Role: RoleUp, Shape: "F E"},
		Rule{GGUF: "blk.{}.ffn_down.weight", HF: w(down), Role: RoleDown, Shape: "E F"},
		Rule{GGUF: "blk.{}.layer_output_norm.weight", HF: w(ffn), Role: RoleFFNSum, Shape: "E"},
	)
}

// bertClass are the two matrices that sort texts. Of BERT's the first is its pooler.
func bertClass(dense, out string) []Rule {
	return whenLabelled(biased(
		Rule{GGUF: "cls.weight", HF: dense + ".weight", Role: RoleClass, Shape: "E E"},
		Rule{GGUF: "cls.output.weight", HF: out + ".weight", Role: RoleClassOut, Shape: "L E"},
	))
}

// bertFinish reads what follows from the class.
func bertFinish(c *Config, p *Params) error {
	switch kind, err := c.String("model_type"); {
	case err != nil:
		return err
	case kind == "distilbert" && c.class() == "DistilBertForSequenceClassification":
		return c.fail("architectures", formats.Unsupported("DistilBERT sorts texts by a matrix with a rectifier, and runtimes follow that matrix by a hyperbolic tangent"),
			`its encoder alone is a DistilBertModel: say that in "architectures", and take "pre_classifier" and "classifier" out of the weights`)
	case kind == "roberta" || kind == "xlm-roberta" || kind == "camembert":
		if err := padRows(c, p); err != nil {
			return err
		}
	}
	return readLabels(c, p)
}

package arch

import (
	"fmt"
	"slices"

	"quern/formats"
)

// ModernBert is the family of ModernBERT: rotated heads, gates, norms before each part of a layer, and windows to both sides in all layers but the first of so
// many. The first layer's attention is given embeddings, which are normed already.
var ModernBert = register(Arch{
	Name:  "modern-bert",
	Strip: []string{"model."},
	Variants: []Variant{{
		Type: "modernbert",
		HF:   []string{"ModernBertModel", "ModernBertForMaskedLM", "ModernBertForSequenceClassification"},
		Defaults: map[string]any{
			"vocab_size": 50368, "hidden_size": 768, "intermediate_size": 1152, "num_hidden_layers": 22, "num_attention_heads": 12, "max_position_embeddings": 8192,
			"norm_eps": 1e-5, "hidden_activation": "gelu", "local_attention": 128, "global_rope_theta": 160000.0, "local_rope_theta": 10000.0,
		},
	}},
	Keys: slices.Concat(
		named("block_count", "context_length", "embedding_length", "feed_forward_length", "attention.head_count", "rope.freq_base"), []Key{
			{GGUF: "{a}.rope.freq_base_swa", HF: []string{"rope_parameters.sliding_attention.rope_theta", "local_rope_theta"},
				Field: func(p *Params) any { return &p.NearBase }, Default: func(p *Params) { p.NearBase = p.RopeBase }},
			told("attention.layer_norm_epsilon", "norm_eps", "layer_norm_eps"),
			{GGUF: "general.file_type"},
		}, encoderKeys, []Key{
			classPooling, labelKey,
			{GGUF: "{a}.attention.sliding_window", HF: []string{"local_attention"}, Field: func(p *Params) any { return &p.Window }, Default: nothing},
			{GGUF: "{a}.attention.sliding_window_pattern", HF: []string{"global_attn_every_n_layers"}, Field: func(p *Params) any { return &p.FullFirst },
				Default: func(p *Params) { p.FullFirst = 3 }},
			{Field: func(p *Params) any { return &p.WindowIn }, When: never, Default: func(p *Params) {
				for i := 0; p.Window > 0 && i < min(p.Layers, maxList); i++ {
					p.WindowIn = append(p.WindowIn, i%p.FullFirst != 0)
				}
			}},
			unscaled,
			sizeKeys(always)[0],
			{GGUF: "{a}.hidden_activation", HF: []string{"hidden_activation"}, Field: func(p *Params) any { return &p.Act }, Default: func(p *Params) { p.Act = "gelu" }},
		}, impliedHead, sizeKeys(never)[1:], quiet(told("attention.head_count_kv")), quiet(named("rope.scaling.factor")...)),
	Tensors: slices.Concat([]Rule{
		{GGUF: "token_embd.weight", HF: "embeddings.tok_embeddings.weight", Role: RoleEmbed, Shape: "V E"},
		{GGUF: "token_embd_norm.weight", HF: "embeddings.norm.weight", Role: RoleEmbedNorm, Shape: "E"},
		{GGUF: "blk.{}.attn_norm.weight", HF: "layers.{}.attn_norm.weight", Role: RoleAttnNorm, Shape: "E", When: func(_ *Params, layer int) bool { return layer > 0 }},
		{GGUF: "blk.{}.attn_qkv.weight", HF: "layers.{}.attn.Wqkv.weight", Role: RoleQ, And: keysValues, Shape: "A E"},
		{GGUF: "blk.{}.attn_output.weight", HF: "layers.{}.attn.Wo.weight", Role: RoleO, Shape: "E Q"},
		{GGUF: "blk.{}.ffn_norm.weight", HF: "layers.{}.mlp_norm.weight", Role: RoleFFNNorm, Shape: "E"},
		{GGUF: "blk.{}.ffn_up.weight", HF: "layers.{}.mlp.Wi.weight", Role: RoleGate, And: []Role{RoleUp}, Shape: "G E"},
		{GGUF: "blk.{}.ffn_down.weight", HF: "layers.{}.mlp.Wo.weight", Role: RoleDown, Shape: "E F"},
		{GGUF: "output_norm.weight", HF: "final_norm.weight", Role: RoleOutputNorm, Shape: "E"},
		{GGUF: "cls.weight", HF: "head.dense.weight", Role: RoleClass, Shape: "E E", When: labelled},
		{GGUF: "cls.norm.weight", HF: "head.norm.weight", Role: RoleClassNorm, Shape: "E", When: labelled},
	}, whenLabelled(biased(Rule{GGUF: "cls.output.weight", HF: "classifier.weight", Role: RoleClassOut, Shape: "L E"}))),
	Drop: []string{"head.*", "decoder.*"},
	Refuse: slices.Concat(encoderRefuses, []Refusal{
		{HF: "hidden_activation", Unless: []string{"gelu", "silu", "gelu_new", "gelu_pytorch_tanh"}, Why: "its activation function is neither GELU nor SiLU"},
		{HF: "classifier_activation", Unless: []string{"gelu"}, Why: "its classifier has another function"},
		{HF: "norm_bias", Unless: []string{"false"}, Why: "norms with biases"},
		{HF: "attention_bias", Unless: []string{"false"}, Why: "projections with biases"},
		{HF: "mlp_bias", Unless: []string{"false"}, Why: "projections with biases"},
		{HF: "classifier_bias", Unless: []string{"false"}, Why: "a matrix of the classifier with biases"},
		{HF: "rope_parameters.sliding_attention.rope_type", Unless: []string{"default"}, Why: "positions within windows are scaled"},
	}),
	Layer:  Layer{RopeNeox: true, MeanNorm: true, Encoder: true, ClassAct: true},
	Finish: modernFinish,
	Beside: readPooling,
})

// classPooling is how a text's states become the vector that sorts it. Runtimes take silence for their mean.
var classPooling = Key{GGUF: "{a}.classifier.pooling_type", HF: []string{"classifier_pooling"}, Words: map[string]int{"mean": PoolMean, "cls": PoolFirst},
	Field: func(p *Params) any { return &p.ClassPooling }, Default: func(p *Params) { p.ClassPooling = PoolFirst }}

// modernFinish reads which layers have windows.
func modernFinish(c *Config, p *Params) error {
	if p.ClassPooling != PoolMean && p.ClassPooling != PoolFirst {
		return c.fail("classifier_pooling", formats.Unsupported("is no mean and no first token"), "")
	}
	const key = "layer_types"
	list, err := c.words(key, p.Layers)
	if err != nil {
		return err
	}
	if list != nil {
		if p.FullFirst = slices.Index(list[min(1, len(list)):], any("full_attention")) + 1; p.FullFirst == 0 {
			p.FullFirst = max(3, p.Layers)
		}
		for i, kind := range list {
			full := i%p.FullFirst == 0
			if full != (kind == "full_attention") || !full && kind != "sliding_attention" {
				return c.fail(key, formats.Unsupported("layer %d is %.60q, and files tell only how many layers lie between those without a window", i, fmt.Sprint(kind)), "")
			}
			if p.Window > 0 {
				p.WindowIn[i] = !full
			}
		}
	}
	return readLabels(c, p)
}

// tellModern is the way back.
func tellModern(p *Params) map[string]any {
	out := tellLabels("ModernBertForSequenceClassification")(p)
	if out == nil {
		out = map[string]any{}
	}
	out["classifier_pooling"] = "cls"
	if p.ClassPooling == PoolMean {
		out["classifier_pooling"] = "mean"
	}
	return out
}

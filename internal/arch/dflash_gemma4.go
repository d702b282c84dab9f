package arch

import (
	"math"
	"slices"

	"quern/formats"
)

// Gemma4DSpark is DSpark for Gemma 4: its layers have that family's norms, activation and scales, keys that are the values, and the sizes of its layers without a window. Files are told
// from DFlash's by their activation.
var Gemma4DSpark = register(Arch{
	Name: "dflash",
	Kin:  func(src *formats.Source) bool { return src.Meta.Has("dflash.hidden_activation") },
	Variants: []Variant{{Type: "gemma4_dspark", HF: []string{"Gemma4DSparkModel"}, Defaults: map[string]any{
		"max_position_embeddings": 131072, "rms_norm_eps": 1e-6, "hidden_activation": "gelu_pytorch_tanh", "rope_parameters.full_attention.rope_theta": 1e6}}},
	Keys: slices.Concat(gemma4SparkShape(), []Key{{GGUF: "general.file_type"}},
		[]Key{{GGUF: "{a}.rope.dimension_count", Field: func(p *Params) any { return &p.RopeDim }, Default: func(p *Params) { p.RopeDim = p.HeadDim }}},
		slices.DeleteFunc(slices.Clone(flashKeys), func(k Key) bool {
			return k.GGUF == "{a}.rope.dimension_count" || k.GGUF == "{a}.embedding_scale" || slices.Contains(k.HF, "partial_rotary_factor")
		}), []Key{
			{GGUF: "{a}.embedding_scale", Field: func(p *Params) any { return &p.Scales.Embed }, Default: func(p *Params) { p.Scales.Embed = float32(math.Sqrt(float64(p.Embd))) }},
			{GGUF: "{a}.attention.scale", Field: func(p *Params) any { return &p.Scales.Attention }, Default: func(p *Params) { p.Scales.Attention = 1 }},
			{GGUF: "{a}.hidden_activation", HF: []string{"hidden_activation"}, Field: func(p *Params) any { return &p.Act }},
		}, sparkKeys, []Key{flashVocab}),
	Strip: []string{"model."},
	Tensors: slices.Concat([]Rule{ropeFreqs}, flashEnds,
		atRoot(slices.Concat(without(decoder, RoleEmbed, RoleV, RoleFFNNorm, RoleOutputNorm, RoleOutput), headNorms, postNorms)), []Rule{
			{GGUF: "blk.{}.layer_output_scale.weight", HF: "layers.{}.layer_scalar", Role: RoleLayerScale, Shape: "1"},
		}, sparkRules),
	Drop: DFlash.Drop,
	Refuse: append([]Refusal{
		{HF: "attention_k_eq_v", Unless: []string{"true"}, Why: "values of their own"},
		{HF: "hidden_activation", Unless: []string{"gelu_pytorch_tanh"}, Why: "another activation function"},
		{HF: "enable_moe_block", Unless: []string{"false"}, Why: "experts"},
		{HF: "final_logit_softcapping", Unless: []string{"0"}, Why: "logits within bounds"},
	}, flashRefuses...),
	Layer:  Layer{RopeNeox: true, PartPairs: true},
	Beside: besideFlash,
	Look:   lookFlash,
	Finish: finishGemma4Spark,
	Meet:   meetFlash,
})

// gemma4SparkShape are DFlash's keys, with the names that the sizes of layers without a window have.
func gemma4SparkShape() []Key {
	keys := slices.Concat(flashShape(), headKeys(always))
	for i := range keys {
		switch keys[i].GGUF {
		case "{a}.attention.head_count_kv":
			keys[i].HF, keys[i].Default = []string{"num_global_key_value_heads"}, nil
		case "{a}.attention.key_length":
			keys[i].HF = []string{"global_head_dim"}
		case "{a}.attention.value_length":
			keys[i].HF = nil
		}
	}
	return keys
}

func finishGemma4Spark(c *Config, p *Params) error {
	list, err := c.words("layer_types", p.Layers)
	if err != nil {
		return err
	}
	for _, kind := range list {
		if kind != "full_attention" {
			return c.fail("layer_types", formats.Unsupported("some layers have windows, which runtimes do not know in it"), "")
		}
	}
	if p.RopeType == "" {
		if v, _ := c.Value("rope_parameters"); v == nil {
			p.RopeType, p.RopePart = "proportional", 0.25 // so the library
		}
	}
	switch p.RopeType {
	case "":
	case "proportional":
		p.RopeFactors = pairFactors(p.HeadDim, p.RopePart)
	default:
		return c.fail("rope_parameters", formats.Unsupported("%s scaling: runtimes know heads of which a part is rotated, or all", p.RopeType), "")
	}
	p.Draft.allRows(p.Vocab)
	if p.Draft.Rows != 0 {
		return c.fail("draft_vocab_size", formats.Unsupported("is %d of %d: runtimes want all tokens in it", p.Draft.Rows, p.Vocab), "")
	}
	return finishFlash(c, p)
}

// tellGemma4Spark is the way back.
func tellGemma4Spark(p *Params) map[string]any {
	out := tellFlash(p)
	full := map[string]any{"rope_type": "default", "rope_theta": decimal(p.RopeBase)}
	if p.RopeType == "proportional" {
		full["rope_type"], full["partial_rotary_factor"] = "proportional", decimal(float32(2*rotated(p.RopeFactors))/float32(p.HeadDim))
	}
	inner := out["dflash_config"].(map[string]any)
	delete(inner, "input_embedding_scale") // it follows from the width
	out["model_type"], out["rope_parameters"], out["rope_theta"], out["rope_scaling"] = "gemma4_dspark", map[string]any{"full_attention": full}, unsaid, unsaid
	out["head_dim"], out["rope_parameters.full_attention.rope_theta"] = p.HeadDim, unsaid
	return out
}

package arch

import (
	"encoding/json"
	"slices"
	"strconv"

	"quern/formats"
)

// The towers of Pixtral's kind are transformers with RMS norms whose heads are rotated by row and by column, before a projector of two matrices. That of
// Mistral Small 3.1 and later, and of Ministral 3, joins squares of patches first, Pixtral's own, in LLaVA's class, does not. Behind each row of an
// image stands the embedding of a token that says so: runtimes want it in the tower's file. LightOnOCR has no such token.
var (
	PixtralTower = registerTower(pixtral("pixtral", []Variant{
		{Type: "mistral3", HF: []string{"Mistral3ForConditionalGeneration"}, Language: "Mistral3ForConditionalGeneration",
			Defaults: with(pixtralDefaults, map[string]any{"spatial_merge_size": 2})},
		{Type: "llava", HF: []string{"LlavaForConditionalGeneration"}, Tower: "pixtral", Inner: llavaInner,
			Defaults: with(pixtralDefaults, map[string]any{"multimodal_projector_bias": true, "vision_feature_layer": -2, "vision_feature_select_strategy": "default"})},
	}, []Key{
		{HF: []string{"text_config.vocab_size"}, Field: func(p *Params) any { return &p.Vocab }, When: never},
		{HF: []string{"preprocessor.img_break"}, Field: func(p *Params) any { return &p.Vision.Break }, Default: nothing, When: never},
	}, Rule{
		GGUF: "v.token_embd.img_break", HF: "model.embed_tokens.weight", Role: RoleTower, Shape: "text", From: "V text", Do: rowOfBreak, Store: "F32",
	}, func(c *Config, p *Params) error {
		if p.Vision.Break < 1 || p.Vision.Break >= p.Vocab {
			return c.fail("[IMG_BREAK]", formats.Corrupt("token %d of %d", p.Vision.Break, p.Vocab), "the tower's file holds its embedding: tokenizer.json beside config.json says which it is")
		}
		return c.sameEps(p)
	}))

	LightOnTower = registerTower(pixtral("lightonocr", []Variant{{
		Type: "lighton_ocr", HF: []string{"LightOnOCRForConditionalGeneration", "LightOnOcrForConditionalGeneration"}, Inner: tiedInside("qwen3"),
		Defaults: with(pixtralDefaults, map[string]any{"spatial_merge_size": 2, "vision_config.image_size": 1540, "vision_config.patch_size": 14, "vision_config.hidden_act": "silu"}),
	}}, nil, Rule{}, nil))
)

var pixtralDefaults = with(clipColours, map[string]any{
	"vision_config.hidden_size": 1024, "vision_config.intermediate_size": 4096, "vision_config.num_hidden_layers": 24, "vision_config.num_attention_heads": 16,
	"vision_config.image_size": 1024, "vision_config.patch_size": 16, "vision_config.hidden_act": "gelu",
})

// pixtral is a tower of that kind, with keys and a tensor of its own.
func pixtral(name string, variants []Variant, keys []Key, own Rule, finish func(*Config, *Params) error) Arch {
	merges := func(p *Params, _ int) bool { return p.Vision.Merge > 0 }
	a := Arch{
		Projector: name,
		Variants:  variants,
		Own:       []string{"vision_tower.*", "multi_modal_projector.*"},
		Keys: slices.Concat(visionKeys, []Key{
			projector(name),
			{GGUF: towerEps().GGUF, Field: towerEps().Field, Default: func(p *Params) { p.NormEps = 1e-5 }}, // built in
		}, towerAct, []Key{
			{GGUF: "clip.vision.spatial_merge_size", HF: []string{"spatial_merge_size"}, Field: func(p *Params) any { return &p.Vision.Merge }, Default: nothing,
				When: func(p *Params) bool { return merges(p, -1) }},
		}, keys),
		Tensors: slices.Concat([]Rule{
			{GGUF: "v.patch_embd.weight", HF: clipAt + "patch_conv.weight", Role: RoleTower, Shape: "E rgb patch patch", Store: StoreConv},
			{GGUF: "v.pre_ln.weight", HF: clipAt + "ln_pre.weight", Role: RoleTower, Shape: "E"},
		}, pixtralLayers, []Rule{
			{GGUF: "mm.input_norm.weight", HF: "multi_modal_projector.norm.weight", Role: RoleTower, Shape: "E", When: merges},
			{GGUF: "mm.patch_merger.weight", HF: "multi_modal_projector.patch_merger.merging_layer.weight", Role: RoleTower, Shape: "E merged", Store: StoreConv, When: merges},
			{GGUF: "mm.1.weight", HF: "multi_modal_projector.linear_1.weight", Role: RoleTower, Shape: "text E"},
			{GGUF: "mm.2.weight", HF: "multi_modal_projector.linear_2.weight", Role: RoleTower, Shape: "text text"},
			{GGUF: "mm.1.bias", HF: "multi_modal_projector.linear_1.bias", Role: RoleTower, Shape: "text", Optional: true, Flag: "multimodal_projector_bias"},
			{GGUF: "mm.2.bias", HF: "multi_modal_projector.linear_2.bias", Role: RoleTower, Shape: "text", Optional: true, Flag: "multimodal_projector_bias"},
		}),
		Refuse: []Refusal{
			{HF: "projector_hidden_act", Unless: []string{"gelu"}, Why: "the projector's activation function is not gelu"},
			{HF: "vision_config.model_type", Unless: []string{"pixtral"}, Why: "the tower is not Pixtral's"},
			{HF: "vision_config.num_channels", Unless: []string{"3"}, Why: "images without three colours"},
			{HF: "vision_config.rope_theta", Unless: []string{"10000"}, Why: "places are rotated with another base"},
			{HF: "vision_config.rope_parameters.rope_theta", Unless: []string{"10000"}, Why: "places are rotated with another base"},
			{HF: "vision_feature_layer", Unless: []string{"-1"}, Why: "features are taken before the last layer"},
			{HF: "vision_feature_select_strategy", Unless: []string{"full"}, Why: "the first patch is left out"},
		},
		Finish: finish,
	}
	if own.GGUF != "" {
		a.Tensors = append(a.Tensors, own)
	}
	return a
}

// sameEps refuses a projector whose norm has another epsilon than the tower's, which is built into runtimes.
func (c *Config) sameEps(p *Params) error {
	eps, err := c.Float("text_config.rms_norm_eps", 1e-5)
	if err == nil && p.Vision.Merge > 0 && eps != 1e-5 {
		return c.fail("text_config.rms_norm_eps", formats.Unsupported("is %v: the projector's norm has another epsilon than the tower's", eps), "")
	}
	return err
}

// pixtralLayers have names of their own, and heads that runtimes rotate in pairs.
var pixtralLayers = func() (rules []Rule) {
	for _, t := range []struct {
		gguf, hf, shape string
		do              Op
	}{
		{"ln1", "attention_norm", "E", Op{}}, {"ln2", "ffn_norm", "E", Op{}},
		{"attn_q", "attention.q_proj", "E E", PermuteQ}, {"attn_k", "attention.k_proj", "E E", PermuteQ},
		{"attn_v", "attention.v_proj", "E E", Op{}}, {"attn_out", "attention.o_proj", "E E", Op{}},
		{"ffn_gate", "feed_forward.gate_proj", "F E", Op{}}, {"ffn_up", "feed_forward.up_proj", "F E", Op{}}, {"ffn_down", "feed_forward.down_proj", "E F", Op{}},
	} {
		rules = append(rules, Rule{GGUF: "v.blk.{}." + t.gguf + ".weight", HF: clipAt + "transformer.layers.{}." + t.hf + ".weight", Role: RoleTower, Shape: t.shape, Do: t.do})
	}
	return rules
}()

// rowOfBreak takes the embedding of the token that ends a row of an image out of the language model's.
var rowOfBreak = Op{Name: "row of break", Lent: true, Forward: func(t *formats.Tensor, p *Params) *formats.Tensor {
	return picked(t, pick{p.Vision.Break, 1, t.Shape[0]}, t.Shape[1:])
}}

// breakID is the id of a token by the name that Mistral gives it, read from what a tokenizer's file says of added tokens.
func breakID(text []byte) (id int, ok bool) {
	var file struct {
		Added []struct {
			ID      int
			Content string
		} `json:"added_tokens"`
		Decoder map[string]struct{ Content string } `json:"added_tokens_decoder"`
	}
	if json.Unmarshal(text, &file) != nil {
		return 0, false
	}
	const name = "[IMG_BREAK]"
	for _, t := range file.Added {
		if t.Content == name {
			return t.ID, true
		}
	}
	for key, t := range file.Decoder {
		if n, err := strconv.Atoi(key); err == nil && t.Content == name {
			return n, true
		}
	}
	return 0, false
}

package arch

import (
	"fmt"
	"maps"
	"slices"

	"quern/formats"
)

// DFlash is the family of DFlash's draft heads, which guess a whole block of tokens at once: layers of Qwen 3 whose keys and values are also made of what a matrix makes of
// the target's states. DFlash 2 has convolutions over the block and codebooks by which guesses are chosen; DSpark (dspark.go) has a matrix that says how likely a token is
// behind another. Embedding and output head are the target's where they are not there.
var DFlash = register(Arch{
	Name: "dflash",
	Variants: []Variant{
		{Type: "dflash", HF: []string{"DFlashDraftModel"}, Defaults: flashDefaults},
		{Type: "dflash2", HF: []string{"DFlash2DraftModel"}, Defaults: flashDefaults},
		{Type: "dspark", HF: []string{"Qwen3DSparkModel", "DSparkDraftModel", "Lfm2DSparkDraftModel", "LingDSparkModel"}, Defaults: flashDefaults},
		{Type: "dspark_speculators", HF: []string{"DSparkSpeculator"}, Defaults: flashDefaults},
		{Type: "muse_glimmer_assistant", HF: []string{"MuseGlimmerAssistantModel"}, Defaults: with(flashDefaults, map[string]any{
			"max_position_embeddings": 131072, "rms_norm_eps": 1e-5, "head_dim": 128, "sliding_window": 2048, "block_size": 16, "mask_token_id": 201818})},
	},
	Keys:  slices.Concat(flashShape(), headKeys(always), []Key{{GGUF: "general.file_type"}}, flashKeys, sparkKeys, []Key{flashVocab}),
	Strip: []string{"model."},
	Tensors: slices.Concat(flashEnds, flashLayer(), flashSinks, flash2, sparkRules, []Rule{
		{GGUF: "fc.weight", HF: "encoder.fc.weight", Role: RoleDraftStates, Shape: "E DS"}, // Muse Glimmer's names
		{GGUF: "enc.output_norm.weight", HF: "encoder.output_norm_enc.weight", Role: RoleDraftNorm, Shape: "E"},
	}),
	Drop: []string{"t2d", "*.rotary_emb.inv_freq", "embed_tokens.weight", "lm_head.weight"},
	Refuse: append([]Refusal{
		siluOnly,
		{HF: "mlp_bias", Unless: []string{"false"}, Why: "projections with biases"},
	}, flashRefuses...),
	Layer:  Layer{RopeNeox: true, RopePart: true},
	Beside: besideFlash,
	Look:   lookFlash,
	Finish: finishFlash,
	Meet:   meetFlash,
})

var flashDefaults = map[string]any{"max_position_embeddings": 32768, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "hidden_act": "silu"}

// flashRefuses are what no draft head of this kind has.
var flashRefuses = []Refusal{
	{HF: "attention_bias", Unless: []string{"false"}, Why: "projections with biases"},
	{HF: "markov_head_type", Unless: []string{"vanilla"}, Why: "a Markov head of another kind"},
	{HF: "dflash_config.markov_head_type", Unless: []string{"vanilla"}, Why: "a Markov head of another kind"},
}

// flashEnds are what stands before and behind the layers.
var flashEnds = []Rule{
	{GGUF: "token_embd.weight", HF: "embed_tokens.weight", Role: RoleEmbed, Shape: "V E", Optional: true, When: func(p *Params, _ int) bool { return !p.Draft.NoEmbed }},
	{GGUF: "fc.weight", HF: "fc.weight", Role: RoleDraftStates, Shape: "E DS"},
	{GGUF: "enc.output_norm.weight", HF: "hidden_norm.weight", Role: RoleDraftNorm, Shape: "E"},
	{GGUF: "output_norm.weight", HF: "norm.weight", Role: RoleOutputNorm, Shape: "E"},
	{GGUF: "output.weight", HF: "lm_head.weight", Role: RoleOutput, Shape: "DR E", Optional: true, When: func(p *Params, _ int) bool { return !p.Draft.Spark || p.Draft.Rows > 0 }},
	draftTable,
}

// turnHeads brings heads whose neighbours are rotated in pairs into halves, as runtimes rotate them; it leaves those that are so.
var turnHeads = Op{Name: "halves of heads", OneWay: true, Forward: func(t *formats.Tensor, p *Params) *formats.Tensor {
	if !p.Draft.Turned {
		return t
	}
	return permuted(t, permutation{p.HeadDim, true}.from)
}}

// flashLayer are Qwen 3's layers.
func flashLayer() []Rule {
	rules := atRoot(slices.Concat(without(decoder, RoleEmbed, RoleOutputNorm, RoleOutput), headNorms))
	for i, r := range rules {
		if slices.Contains([]Role{RoleQ, RoleK, RoleQNorm, RoleKNorm}, r.Role) {
			rules[i].Do = turnHeads
		}
	}
	return rules
}

// flashSinks are of each head what it gives to nothing, under one name or another.
var flashSinks = func() (rules []Rule) {
	for _, hf := range []string{"attention_sink_bias", "sinks", "learnable_sink_param"} {
		for _, end := range []string{"", ".weight"} {
			rules = append(rules, Rule{GGUF: "blk.{}.attn_sinks.weight", HF: "layers.{}.self_attn." + hf + end, Role: RoleSinks, Shape: "H", Optional: true})
		}
	}
	return rules
}()

// flash2 are DFlash 2's convolutions and codebooks.
var flash2 = func() []Rule {
	rules := []Rule{
		{GGUF: "selector_predecessor.weight", HF: "candidate_selector.predecessor_codebook", Role: RoleDraftBook, Shape: "V DC"},
		{GGUF: "selector_successor.weight", HF: "candidate_selector.successor_codebook", Role: RoleDraftBook, Shape: "V DC"},
		{GGUF: "selector_hidden.weight", HF: "candidate_selector.hidden_projection.weight", Role: RoleDraftBookMake, Shape: "DC E"},
	}
	for _, of := range [][2]string{{"attn_conv", "attention_conv"}, {"ffn_conv", "mlp_conv"}} {
		gguf, hf := "blk.{}."+of[0], "layers.{}."+of[1]
		rules = append(rules,
			Rule{GGUF: gguf + "_base", HF: hf + ".base_kernel", Role: RoleDraftConv, Shape: "two DK E"},
			Rule{GGUF: gguf + "_proj.weight", HF: hf + ".kernel_projection.weight", Role: RoleDraftConvMake, Shape: "DKG E"})
	}
	for i := range rules {
		rules[i].When = func(p *Params, _ int) bool { return p.Draft.Rank > 0 }
	}
	return rules
}()

// flashShape are the keys of all decoders, with what guesses see among them.
func flashShape() []Key {
	keys := slices.Clone(shapeKeys)
	i := slices.IndexFunc(keys, func(k Key) bool { return k.GGUF == "{a}.rope.scaling.type" })
	return slices.Insert(keys, i, causalKey(false))
}

// causalKey says whether a guess sees those behind it, in the place where the reference writes it for one setting or the other.
func causalKey(late bool) Key {
	return Key{GGUF: "{a}.attention.causal", Field: func(p *Params) any { return &p.Draft.CausalIs }, Default: nothing,
		When: func(p *Params) bool { return p.Draft.SaysCausal && p.Draft.LateCausal == late }}
}

// flashKeys are DFlash's own.
var flashKeys = []Key{
	{HF: []string{"rope_parameters.partial_rotary_factor", "partial_rotary_factor"}, Field: func(p *Params) any { return &p.RopePart }, When: never, Default: nothing},
	{GGUF: "{a}.rope.dimension_count", Field: func(p *Params) any { return &p.RopeDim }, When: func(p *Params) bool { return p.RopePart > 0 || p.RopeDim != p.HeadDim }, Default: func(p *Params) {
		if p.RopeDim = p.HeadDim; p.RopePart > 0 {
			p.RopeDim = int(float64(float64(p.RopePart)*float64(p.HeadDim)) + 1e-3)
		}
	}},
	{GGUF: "{a}.attention.value_scale", HF: []string{"dflash_config.attention_value_scale"}, Field: func(p *Params) any { return &p.Scales.Values }, Default: nothing,
		When: func(p *Params) bool { return p.Scales.Values != 0 }},
	{GGUF: "{a}.block_size", HF: []string{"dflash_config.block_size", "block_size"}, Field: func(p *Params) any { return &p.Draft.Block }, Default: func(p *Params) { p.Draft.Block = 16 }},
	{GGUF: "{a}.conv_kernel_size", HF: []string{"dflash_config.conv_kernel_size"}, Field: func(p *Params) any { return &p.Draft.Kernel }, Default: nothing, When: convolves},
	{GGUF: "{a}.conv_group_size", HF: []string{"dflash_config.conv_group_size"}, Field: func(p *Params) any { return &p.Draft.Group }, Default: nothing, When: convolves},
	{GGUF: "{a}.selector_rank", HF: []string{"dflash_config.selector_rank"}, Field: func(p *Params) any { return &p.Draft.Rank }, Default: nothing, When: convolves},
	{GGUF: "{a}.selector_top_k", HF: []string{"dflash_config.selector_top_k"}, Field: func(p *Params) any { return &p.Draft.Top }, Default: nothing, When: convolves},
	{GGUF: "{a}.logit_scale", HF: []string{"dflash_config.output_multiplier", "output_multiplier"}, Field: func(p *Params) any { return &p.Scales.Times }, Default: nothing,
		When: func(p *Params) bool { return p.Scales.Times != 0 }},
	{GGUF: "{a}.final_logit_softcapping", HF: []string{"dflash_config.final_logit_softcapping", "final_logit_softcapping"}, Field: func(p *Params) any { return &p.Caps.Logits }, Default: nothing,
		When: func(p *Params) bool { return p.Caps.Logits > 0 }},
	{GGUF: "{a}.embedding_scale", HF: []string{"dflash_config.input_embedding_scale", "input_embedding_scale"}, Field: func(p *Params) any { return &p.Scales.Embed }, Default: nothing,
		When: func(p *Params) bool { return p.Scales.Embed != 0 }},
	{GGUF: "{a}.target_layers", Field: func(p *Params) any { return &p.Draft.Reads }, Default: nothing},
	{GGUF: "{a}.attention.sliding_window", Field: func(p *Params) any { return &p.Window }, Default: nothing, When: func(p *Params) bool { return p.Window > 0 }},
	{GGUF: "{a}.attention.sliding_window_pattern", Field: func(p *Params) any { return &p.WindowIn }, Default: nothing, When: func(p *Params) bool { return p.Window > 0 }},
	causalKey(true),
	{GGUF: "{a}.rope.dimension_sections", Field: func(p *Params) any { return &p.Sections }, Default: nothing, When: func(p *Params) bool { return len(p.Sections) > 0 }},
	draftMask,
}

func convolves(p *Params) bool { return p.Draft.Kernel > 0 }

// flashVocab is the number of the target's tokens, where config.json tells it.
var flashVocab = Key{HF: []string{"vocab_size"}, Field: func(p *Params) any { return &p.Vocab }, Default: nothing, When: never}

// besideFlash takes sizes from tensors, and the embedding of what is to be guessed from a file of its own.
func besideFlash(src *formats.Source, b *Bound) error {
	if err := b.readMask(src); err != nil {
		return err
	}
	d := &b.Params.Draft
	for _, at := range []string{"", "model."} {
		d.narrowed(src, at+"fc.weight", at+"encoder.fc.weight")
		if t := src.Tensor(at + "markov_head.markov_w1.weight"); t != nil && len(t.Shape) == 2 {
			d.Markov = t.Shape[1]
		}
		for _, conf := range sparkConfidence {
			d.Confidence = d.Confidence || src.Tensor(at+conf+"weight") != nil
		}
	}
	if d.Width != b.Params.Embd {
		return &formats.Error{File: src.Path, Tensor: "fc.weight", Err: formats.Corrupt("is given %d states of %d numbers, and the draft head's own have %d", d.states(), d.Width, b.Params.Embd)}
	}
	return nil
}

// lookFlash takes sizes from a file's tensors, and from which keys are there.
func lookFlash(src *formats.Source, p *Params) {
	d := &p.Draft
	d.rows(src)
	d.Width = p.Embd
	if t := src.Tensor("markov_w1.weight"); t != nil && len(t.Shape) == 2 {
		d.Markov = t.Shape[1]
	}
	d.Spark, d.SaysCausal = src.Meta.Has("dflash.sample_from_anchor"), src.Meta.Has("dflash.attention.causal")
}

// finishFlash reads what several keys of config.json say together.
func finishFlash(c *Config, p *Params) error {
	d := &p.Draft
	d.Width = p.Embd
	if err := flashReads(c, p); err != nil {
		return err
	}
	has, _ := c.Value("has_embed_tokens")
	neox, _ := c.Value("rope_is_neox_style")
	d.NoEmbed, d.Turned = has == false, neox == false
	for _, key := range []string{"is_causal", "dflash_config.causal"} {
		if v, _ := c.Value(key); v != nil && !d.SaysCausal {
			if d.CausalIs, _ = v.(bool); v != d.CausalIs {
				return c.wrong(key, v, "true or false")
			}
			d.SaysCausal, d.LateCausal = true, key != "is_causal"
		}
	}
	if err := flashWindows(c, p); err != nil {
		return err
	}
	return finishSpark(c, p)
}

// flashReads reads which of the target's states are given: DFlash counts the layers that they come out of, files those that they would go into.
func flashReads(c *Config, p *Params) error {
	key, v, ok := c.Find("aux_hidden_state_layer_ids", "dflash_config.target_layer_ids", "target_layer_ids")
	by := int32(1)
	if key == "aux_hidden_state_layer_ids" {
		by = 0
	}
	if !ok || v == nil {
		return c.fail("dflash_config.target_layer_ids", formats.Corrupt("missing: nothing tells which of the target's states the draft head is given"), "")
	}
	if err := c.assignInts(key, v, &p.Draft.Reads); err != nil {
		return err
	}
	for i := range p.Draft.Reads {
		p.Draft.Reads[i] += by
	}
	return nil
}

// flashWindows reads which layers have a window: those that layer_types names, or all.
func flashWindows(c *Config, p *Params) error {
	own, err := c.Bool("use_sliding_window")
	all, err2 := c.Bool("dflash_config.use_swa")
	kind, err3 := c.String("model_type")
	for _, err := range []error{err, err2, err3} {
		if err != nil {
			return err
		}
	}
	width, err := c.Float("dflash_config.swa_window_size", 0)
	if err == nil && width == 0 {
		width, err = c.Float("sliding_window", 0)
	}
	list, _ := c.Value("layer_types")
	words, _ := list.([]any)
	if muse := kind == "muse_glimmer_assistant"; muse {
		own, all = true, len(words) == 0
		if width == 0 {
			width = 2048 // so the library
		}
	}
	if err != nil || !own && !all || width == 0 {
		return err
	}
	if width < 0 || width > 1<<27 {
		return c.wrong("sliding_window", width, "a number of positions")
	}
	p.Window, p.WindowIn = int(width), slices.Repeat([]bool{all}, min(p.Layers, 512))
	if all {
		return nil
	}
	if len(words) != p.Layers {
		return c.wrong("layer_types", list, fmt.Sprintf("a list of %d words", p.Layers))
	}
	return c.windowWords(words, p.WindowIn)
}

// meetFlash sees whether the target's heads are rotated by time, height and width: guesses are texts, which time alone rotates.
func meetFlash(b *Bound, t *Target) error {
	if t.Sections {
		b.Params.Sections = []int32{int32(b.Params.HeadDim / 2), 0, 0, 0}
	}
	if t.Embd != b.Params.Embd {
		return b.Config.fail("hidden_size", formats.Corrupt("is %d, and the target's states have %d numbers", b.Params.Embd, t.Embd), wrongTarget)
	}
	return nil
}

// tellFlash is the way back: DFlash's settings lie at a level of their own.
func tellFlash(p *Params) map[string]any {
	d := &p.Draft
	inner, out := map[string]any{}, map[string]any{"model_type": "qwen3", "block_size": d.Block, "use_sliding_window": p.Window > 0, "markov_head_type": unsaid}
	for name, of := range map[string]struct {
		is bool
		v  any
	}{
		"mask_token_id": {p.Mask > 0, p.Mask}, "attention_value_scale": {p.Scales.Values != 0, decimal(p.Scales.Values)}, "output_multiplier": {p.Scales.Times != 0, decimal(p.Scales.Times)},
		"final_logit_softcapping": {p.Caps.Logits > 0, decimal(p.Caps.Logits)}, "input_embedding_scale": {p.Scales.Embed != 0, decimal(p.Scales.Embed)},
		"conv_kernel_size": {d.Kernel > 0, d.Kernel}, "conv_group_size": {d.Kernel > 0, d.Group}, "selector_rank": {d.Kernel > 0, d.Rank}, "selector_top_k": {d.Kernel > 0, d.Top},
		"causal": {d.SaysCausal, d.CausalIs},
	} {
		out[name] = unsaid
		if of.is {
			inner[name] = of.v
		}
	}
	inner["target_layer_ids"], out["dflash_config"] = d.behind(), inner
	out["vocab_size"], out["sliding_window"] = p.Vocab, nil
	if p.Window > 0 {
		out["sliding_window"] = p.Window
	}
	if p.RopeDim == p.HeadDim {
		out["partial_rotary_factor"] = unsaid
	}
	maps.Copy(out, tellSpark(p))
	return out
}

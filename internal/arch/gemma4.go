package arch

import (
	"fmt"
	"slices"
	"strconv"

	"quern/formats"
)

// Gemma4 is the language model of Gemma 4: Gemma 3 whose values are normed too, with wider heads in layers without a window, of which only some pairs
// are rotated. The small ones have inputs for every layer beside the stream, and last layers that use the keys and values of earlier ones; the large dense
// one has no values but its keys where there is no window; the mixture has experts beside a dense network.
var Gemma4 = register(Arch{
	Name: "gemma4",
	Variants: []Variant{{
		Type: "gemma4_text",
		HF:   []string{"Gemma4ForCausalLM", "Gemma4ForConditionalGeneration"},
		Defaults: with(gemma4Defaults, map[string]any{
			"max_position_embeddings": 131072, "sliding_window": 512, "vocab_size_per_layer_input": 262144, "hidden_size_per_layer_input": 256,
		}),
	}, {
		Type:     "gemma4_unified_text", // of the model that has no towers, but what makes embeddings of patches and sound at once
		Defaults: with(gemma4Defaults, map[string]any{"max_position_embeddings": 262144, "sliding_window": 1024}),
	}},
	Keys: slices.Concat(gemma4Shape(), expertKeys, []Key{
		{GGUF: "{a}.attention.key_length", HF: []string{"global_head_dim"}, Field: func(p *Params) any { return &p.HeadDim }},
		{GGUF: "{a}.attention.value_length", Field: func(p *Params) any { return &p.ValueDim }, Default: func(p *Params) { p.ValueDim = p.HeadDim }},
		{GGUF: "general.file_type"},
		{GGUF: logitCap.GGUF, HF: logitCap.HF, Field: logitCap.Field, Default: nothing}, // none is told, too: runtimes take silence for 30
		{GGUF: "{a}.attention.sliding_window", HF: []string{"sliding_window"}, Field: func(p *Params) any { return &p.Window }},
		{GGUF: "{a}.attention.shared_kv_layers", HF: []string{"num_kv_shared_layers"}, Field: func(p *Params) any { return &p.Borrow }, Default: nothing},
		sideKey,
		{GGUF: "{a}.attention.sliding_window_pattern", Field: func(p *Params) any { return &p.WindowIn }, Default: gemma4Windows},
		{GGUF: "{a}.attention.key_length_swa", HF: []string{"head_dim"}, Field: func(p *Params) any { return &p.Near.Key }},
		{GGUF: "{a}.attention.value_length_swa", Field: func(p *Params) any { return &p.Near.Value }, Default: func(p *Params) { p.Near.Value = p.Near.Key }},
		{GGUF: "{a}.expert_feed_forward_length", HF: []string{"moe_intermediate_size", "expert_intermediate_size"}, Field: func(p *Params) any { return &p.Mix.FF },
			Default: nothing, When: hasExperts},
		{GGUF: "{a}.rope.dimension_count", Field: func(p *Params) any { return &p.RopeDim }, Default: func(p *Params) { p.RopeDim = p.HeadDim }},
		{GGUF: "{a}.rope.dimension_count_swa", Field: func(p *Params) any { return &p.Near.Rope }, Default: func(p *Params) { p.Near.Rope = p.Near.Key }},
		{HF: []string{"attention_k_eq_v"}, Field: func(p *Params) any { return &p.OneKV }, Default: nothing, When: never},
		sumsToOne,
		plainScores,
	}, sizeKeys(never)),
	Tensors: slices.Concat([]Rule{wholeList(ropeFreqs)}, sideRules, owned(without(decoder, RoleFFNNorm)), owned(headNorms), postNorms, []Rule{
		{GGUF: "blk.{}.layer_output_scale.weight", HF: "model.layers.{}.layer_scalar", Role: RoleLayerScale, Shape: "1"},
		{GGUF: "blk.{}.ffn_gate_inp.weight", HF: "model.layers.{}.router.proj.weight", Role: RoleRouter, Shape: "X E", When: mixed},
		{GGUF: "blk.{}.ffn_gate_inp.scale", HF: "model.layers.{}.router.scale", Role: RoleRouterScale, Shape: "E", When: mixed},
		{GGUF: "blk.{}.ffn_down_exps.scale", HF: "model.layers.{}.router.per_expert_scale", Role: RoleExpertScale, Shape: "X", When: mixed},
		{GGUF: "blk.{}.pre_ffw_norm_2.weight", HF: "model.layers.{}.pre_feedforward_layernorm_2.weight", Role: RoleExpsNorm, Shape: "E", When: mixed},
		{GGUF: "blk.{}.post_ffw_norm_1.weight", HF: "model.layers.{}.post_feedforward_layernorm_1.weight", Role: RoleDensePost, Shape: "E", When: mixed},
		{GGUF: "blk.{}.post_ffw_norm_2.weight", HF: "model.layers.{}.post_feedforward_layernorm_2.weight", Role: RoleExpsPost, Shape: "E", When: mixed},
		{GGUF: "blk.{}.ffn_gate_up_exps.weight", HF: "model.layers.{}.experts.gate_up_proj", Role: RoleGateExps, And: []Role{RoleUpExps}, Shape: "X MM E", When: mixed},
		{GGUF: "blk.{}.ffn_down_exps.weight", HF: "model.layers.{}.experts.down_proj", Role: RoleDownExps, Shape: "X E M", When: mixed},
	}),
	Drop: []string{"*.rotary_emb.inv_freq"},
	Refuse: []Refusal{
		{HF: "hidden_activation", Unless: []string{"gelu_pytorch_tanh"}, Why: "its activation function is not gelu"},
		{HF: "attention_bias", Unless: []string{"false"}, Why: "projections with biases"},
		{HF: "use_bidirectional_attention", Unless: []string{"vision", "false"}, Why: "tokens see what follows"},
		{HF: "rope_parameters.sliding_attention.rope_type", Unless: []string{"default"}, Why: "positions within windows are scaled"},
		{HF: "rope_parameters.sliding_attention.partial_rotary_factor", Unless: []string{"1"}, Why: "only a part of each head is rotated within windows"},
	},
	Layer:  Layer{RopeNeox: true, Act: GELUTanh, ScaleEmbed: true, BareValue: true, PartPairs: true, Beside: true},
	Finish: finishGemma4,
	Look:   lookGemma4,
})

var gemma4Defaults = map[string]any{
	"vocab_size": 262144, "hidden_size": 2304, "intermediate_size": 9216, "num_hidden_layers": 30, "num_attention_heads": 8, "num_key_value_heads": 4,
	"head_dim": 256, "global_head_dim": 512, "rms_norm_eps": 1e-6, "tie_word_embeddings": true,
}

// gemma4Shape are gemma3's keys before the sizes of heads, of which two may be lists.
func gemma4Shape() []Key {
	keys := gemma3Rope()
	for i := range keys {
		switch keys[i].GGUF {
		case "{a}.feed_forward_length":
			keys[i].Each = func(p *Params) *[]int32 { return &p.FFIn }
		case "{a}.attention.head_count_kv":
			keys[i].Each = func(p *Params) *[]int32 { return &p.KVHeadsIn }
		case "{a}.rope.freq_base":
			keys[i].Default = func(p *Params) { p.RopeBase = 1e6 }
		}
	}
	return keys
}

var (
	// logitCap bounds logits in files that say so.
	logitCap = Key{GGUF: "{a}.final_logit_softcapping", HF: []string{"final_logit_softcapping"}, Field: func(p *Params) any { return &p.Caps.Logits }, Default: nothing,
		When: func(p *Params) bool { return p.Caps.Logits > 0 }}
	// sideKey is the width of what every layer is given beside the stream.
	sideKey = Key{GGUF: "{a}.embedding_length_per_layer_input", HF: []string{"hidden_size_per_layer_input"}, Field: func(p *Params) any { return &p.Side }, Default: nothing}
	// plainScores says that scores are what queries and keys make; no file tells it.
	plainScores = Key{Field: func(p *Params) any { return &p.Scales.Attention }, When: never, Default: func(p *Params) { p.Scales.Attention = 1 }}
)

// sideRules are the tensors of inputs of every layer.
var sideRules = []Rule{
	{GGUF: "per_layer_token_embd.weight", HF: "model.embed_tokens_per_layer.weight", Role: RoleSideEmbed, Shape: "V LP", When: sided},
	{GGUF: "per_layer_model_proj.weight", HF: "model.per_layer_model_projection.weight", Role: RoleSideProj, Shape: "LP E", When: sided},
	{GGUF: "per_layer_proj_norm.weight", HF: "model.per_layer_projection_norm.weight", Role: RoleSideProjNorm, Shape: "P", When: sided},
	{GGUF: "blk.{}.inp_gate.weight", HF: "model.layers.{}.per_layer_input_gate.weight", Role: RoleSideGate, Shape: "P E", When: sided},
	{GGUF: "blk.{}.proj.weight", HF: "model.layers.{}.per_layer_projection.weight", Role: RoleSideOut, Shape: "E P", When: sided},
	{GGUF: "blk.{}.post_norm.weight", HF: "model.layers.{}.post_per_layer_input_norm.weight", Role: RoleSideNorm, Shape: "E", When: sided},
}

func sided(p *Params, _ int) bool { return p.Side > 0 }

// wholeList is a rule whose tensor must be there.
func wholeList(r Rule) Rule {
	r.Optional = false
	return r
}

// owned is rules of which those of keys and values hold for layers that have their own. What the others were trained with and do not use lies in published files.
func owned(rules []Rule) (out []Rule) {
	for _, r := range rules {
		if !slices.Contains([]Role{RoleK, RoleV, RoleKNorm}, r.Role) {
			out = append(out, r)
			continue
		}
		idle := r
		r.When = func(p *Params, layer int) bool {
			return !p.Borrows(layer) && (r.Role != RoleV || !p.OneKV || p.WindowIn[layer])
		}
		idle.When, idle.Idle, idle.Optional = (*Params).Borrows, true, true
		out = append(out, r, idle)
	}
	return out
}

// gemma4Windows is what the library takes a configuration to mean that does not tell: one layer in six, and the last, has no window.
func gemma4Windows(p *Params) {
	windowsBut(p, 6)
	if n := len(p.WindowIn); n > 0 {
		p.WindowIn[n-1] = false
	}
}

// lookGemma4 finds layers without values of their own, and what runtimes assume where the cap of logits is not told.
func lookGemma4(src *formats.Source, p *Params) {
	if !src.Meta.Has("gemma4.final_logit_softcapping") {
		p.Caps.Logits = 30
	}
	for l := 0; l < min(p.Layers-p.Borrow, len(p.WindowIn)); l++ {
		if !p.WindowIn[l] && src.Tensor(fmt.Sprintf("blk.%d.attn_v.weight", l)) == nil {
			p.OneKV = true
		}
	}
}

// windowsBut gives all but one layer in so many a window.
func windowsBut(p *Params, every int) {
	for i := range min(p.Layers, 512) {
		p.WindowIn = append(p.WindowIn, i%every != every-1)
	}
}

func finishGemma4(c *Config, p *Params) error {
	if err := gemma4Kinds(c, p); err != nil {
		return err
	}
	if err := borrowed(c, p); err != nil {
		return err
	}
	const rows = "vocab_size_per_layer_input"
	if n, err := c.Float(rows, float64(p.Vocab)); err != nil || p.Side > 0 && n != float64(p.Vocab) {
		if err == nil {
			err = c.fail(rows, formats.Unsupported("is %v in a vocabulary of %d: runtimes want a row for every token", n, p.Vocab), "")
		}
		return err
	}
	return nil
}

// gemma4Kinds reads what layers of either kind are.
func gemma4Kinds(c *Config, p *Params) error {
	if err := windowed(c, p); err != nil {
		return err
	}
	if len(p.WindowIn) != p.Layers || p.Layers == 0 {
		return c.fail("num_hidden_layers", formats.Corrupt("is %d", p.Layers), "")
	}
	if p.Window == 0 {
		return c.fail("sliding_window", formats.Corrupt("is not set"), "")
	}
	p.WindowIn[p.Layers-1] = false // so the library, whatever layer_types says
	if on, err := c.Bool("enable_moe_block"); err != nil || !on {
		if err != nil {
			return err
		}
		p.Mix = Mixture{}
	}
	if p.RopeType == "" {
		if kind, _ := c.String("rope_parameters.full_attention.rope_type"); kind != "" {
			return c.fail("rope_parameters.full_attention.rope_type", formats.Unsupported("is %q; files of this family tell which pairs are rotated (proportional)", kind), "")
		}
		p.RopeType, p.RopePart = "proportional", 0.25 // so the library
	}
	if p.RopeType != "proportional" {
		return c.fail("rope_parameters.full_attention.rope_type", formats.Unsupported("is %q; runtimes take positions to be plainScores in this family", p.RopeType), "")
	}
	if err := wideHeads(c, p); err != nil {
		return err
	}
	p.RopeFactors = pairFactors(p.HeadDim, p.RopePart)
	if wide, err := c.Bool("use_double_wide_mlp"); err != nil || wide {
		if err != nil {
			return err
		}
		for l := range p.Layers {
			ff := int32(p.FF)
			if p.Borrows(l) {
				ff *= 2
			}
			p.FFIn = append(p.FFIn, ff)
		}
		p.FF = int(slices.Max(p.FFIn))
	}
	return nil
}

// borrowed refuses layers that runtimes would give other keys than the library does: those of the last layer but one before the first that borrows, or of
// the last.
func borrowed(c *Config, p *Params) error {
	first := p.Layers - p.Borrow
	if p.Borrow == 0 {
		return nil
	}
	if first < 2 || p.WindowIn[first-1] || !p.WindowIn[first-2] {
		return c.fail("num_kv_shared_layers", formats.Unsupported("is %d of %d layers: runtimes take the last two layers with keys of their own to be one with a window and one without", p.Borrow, p.Layers), "")
	}
	return nil
}

// wideHeads reads the sizes of attention in layers without a window: since version 5.20 of the library for every single layer, before for all of them.
func wideHeads(c *Config, p *Params) error {
	const key = "per_layer_config"
	layers, err := c.Object(key)
	if err != nil {
		return err
	}
	kv, err := c.Float("num_global_key_value_heads", 0)
	if err != nil {
		return err
	}
	if !p.OneKV {
		kv = 0 // so the library
	}
	if layers != nil {
		var told map[string]any
		for l, near := range p.WindowIn {
			own, _ := layers[strconv.Itoa(l)].(map[string]any)
			if near && own != nil || !near && told != nil && fmt.Sprint(own) != fmt.Sprint(told) {
				return c.fail(fmt.Sprintf("%s.%d", key, l), formats.Unsupported("layers of one kind differ in size"), "")
			}
			if !near {
				told = own
			}
		}
		p.HeadDim, kv = p.Near.Key, 0
		for name, v := range told {
			x, ok := number(v)
			switch {
			case !ok || x < 1 || x > 1<<16:
				return c.wrong(key+"."+name, v, "a size")
			case name == "head_dim":
				p.HeadDim = int(x)
			case name == "num_key_value_heads":
				kv = x
			default:
				return c.fail(key+"."+name, formats.Unsupported("a setting of single layers that is not known"), "")
			}
		}
	}
	p.ValueDim, p.RopeDim = p.HeadDim, p.HeadDim
	if kv > 1<<16 || kv < 0 {
		return c.wrong("num_global_key_value_heads", kv, "a number of heads")
	}
	if kv == 0 {
		return nil
	}
	for _, near := range p.WindowIn {
		if near {
			p.KVHeadsIn = append(p.KVHeadsIn, int32(p.KVHeads))
		} else {
			p.KVHeadsIn = append(p.KVHeadsIn, int32(kv))
		}
	}
	p.KVHeads = int(slices.Max(p.KVHeadsIn))
	return nil
}

// gemma4Config tells the sizes of layers as either version of the library has them.
func gemma4Config(p *Params) map[string]any {
	kv, full := p.KVHeads, map[string]any{"head_dim": p.HeadDim}
	out := map[string]any{"global_head_dim": p.HeadDim, "enable_moe_block": p.Mix.Count > 0, "vocab_size_per_layer_input": p.Vocab, "use_double_wide_mlp": false,
		"rope_theta": unsaid, "rope_local_base_freq": unsaid}
	for l := range p.KVHeadsIn {
		if p.WindowIn[l] {
			kv = int(p.KVHeadsIn[l])
		} else {
			full["num_key_value_heads"] = int(p.KVHeadsIn[l])
			out["num_global_key_value_heads"] = int(p.KVHeadsIn[l])
		}
	}
	if len(p.FFIn) > 0 {
		out["intermediate_size"], out["use_double_wide_mlp"] = p.FFIn[0], slices.Max(p.FFIn) > p.FFIn[0]
	}
	layers := map[string]any{}
	for l, near := range p.WindowIn {
		if !near {
			layers[strconv.Itoa(l)] = full
		}
	}
	out["num_key_value_heads"], out["per_layer_config"] = kv, layers
	if p.Mix.Count == 0 {
		for _, k := range []string{"num_local_experts", "num_experts_per_tok", "moe_intermediate_size"} {
			out[k] = unsaid
		}
	}
	return out
}

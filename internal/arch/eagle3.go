package arch

import (
	"slices"

	"quern/formats"
)

// Eagle3 is the family of EAGLE 3's draft heads (arXiv 2503.01840): one layer of llama whose attention is given two things side by side, the embedding of a token
// and what a matrix makes of three of the target's states. Its output head often has the most frequent tokens only.
var Eagle3 = register(Arch{
	Name: "eagle3",
	Variants: []Variant{
		{Type: "eagle3", HF: []string{"LlamaForCausalLMEagle3", "Eagle3LlamaForCausalLM", "Eagle3Speculator", "Eagle3DraftModel"}, Defaults: eagleDefaults},
		{Type: "eagle3_llama", HF: []string{"LlamaForCausalLM"}, Defaults: eagleDefaults, If: func(c *Config) bool {
			_, drafts := c.Value("draft_vocab_size")
			layers, _ := c.Float("num_hidden_layers", 0)
			return drafts && layers == 1
		}},
	},
	Keys: slices.Concat([]Key{
		{GGUF: "{a}.target_layers", HF: []string{"eagle_aux_hidden_state_layer_ids"}, Field: func(p *Params) any { return &p.Draft.Reads }, Default: nothing},
		{GGUF: "{a}.target_hidden_size", HF: []string{"target_hidden_size"}, Field: func(p *Params) any { return &p.Draft.Width }, Default: nothing},
		{GGUF: "{a}.norm_before_residual", HF: []string{"norm_before_residual"}, Field: func(p *Params) any { return &p.Draft.NormStream }, Default: nothing},
		{GGUF: "{a}.norm_before_fc", HF: []string{"norm_before_fc"}, Field: func(p *Params) any { return &p.Draft.NormStates }, Default: nothing},
		{HF: []string{"draft_vocab_size"}, Field: func(p *Params) any { return &p.Draft.Rows }, Default: nothing, When: never},
	}, shapeKeys, headKeys(always), []Key{{GGUF: "general.file_type"}}, sizeKeys(always)),
	Strip: []string{"model."},
	Tensors: slices.Concat([]Rule{
		ropeFreqs,
		{GGUF: "token_embd.weight", HF: "embed_tokens.weight", Role: RoleEmbed, Shape: "V E", Optional: true},
		{GGUF: "fc.weight", HF: "fc.weight", Role: RoleDraftStates, Shape: "E DS"},
		{GGUF: "enc.output_norm.weight", HF: "input_norm.weight", Role: RoleDraftNorm, Shape: "DS", When: func(p *Params, _ int) bool { return p.Draft.NormStates }},
	}, eagleLayer("midlayer."), eagleLayer("layers.0."), []Rule{
		{GGUF: "output_norm.weight", HF: "norm.weight", Role: RoleOutputNorm, Shape: "E"},
		{GGUF: "output.weight", HF: "lm_head.weight", Role: RoleOutput, Shape: "DR E", Optional: true},
		draftTable,
	}),
	Drop: []string{"t2d", "*.rotary_emb.inv_freq"},
	Refuse: []Refusal{
		siluOnly,
		{HF: "attention_bias", Unless: []string{"false"}, Why: "projections with biases"},
		{HF: "mlp_bias", Unless: []string{"false"}, Why: "projections with biases"},
		{HF: "num_hidden_layers", Unless: []string{"1"}, Why: "more than one layer"},
	},
	Beside: func(src *formats.Source, b *Bound) error {
		b.Params.Draft.narrowed(src, "fc.weight", "model.fc.weight")
		return nil
	},
	Look:   func(src *formats.Source, p *Params) { p.Draft.rows(src) },
	Finish: finishEagle,
	Meet:   meetEagle,
})

var eagleDefaults = map[string]any{"max_position_embeddings": 2048, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "hidden_act": "silu"}

// eagleLayer are the tensors of the layer, under the names of one library or the other.
func eagleLayer(at string) (rules []Rule) {
	for _, r := range []Rule{
		{GGUF: "attn_norm.weight", HF: "input_layernorm.weight", Role: RoleAttnNorm, Shape: "E"},
		{GGUF: "attn_norm_2.weight", HF: "hidden_norm.weight", Role: RoleDraftNorm, Shape: "E"},
		{GGUF: "attn_q.weight", HF: "self_attn.q_proj.weight", Role: RoleQ, Shape: "Q 2E", Do: PermuteQ},
		{GGUF: "attn_k.weight", HF: "self_attn.k_proj.weight", Role: RoleK, Shape: "K 2E", Do: PermuteK},
		{GGUF: "attn_v.weight", HF: "self_attn.v_proj.weight", Role: RoleV, Shape: "K 2E"},
		{GGUF: "attn_output.weight", HF: "self_attn.o_proj.weight", Role: RoleO, Shape: "E Q"},
		{GGUF: "ffn_norm.weight", HF: "post_attention_layernorm.weight", Role: RoleFFNNorm, Shape: "E"},
		{GGUF: "ffn_gate.weight", HF: "mlp.gate_proj.weight", Role: RoleGate, Shape: "F E"},
		{GGUF: "ffn_up.weight", HF: "mlp.up_proj.weight", Role: RoleUp, Shape: "F E"},
		{GGUF: "ffn_down.weight", HF: "mlp.down_proj.weight", Role: RoleDown, Shape: "E F"},
	} {
		r.GGUF, r.HF = "blk.0."+r.GGUF, at+r.HF
		rules = append(rules, r)
	}
	return rules
}

// finishEagle refuses what runtimes do not load.
func finishEagle(c *Config, p *Params) error {
	if n := len(p.Draft.Reads); n != 0 && n != 3 {
		return c.fail("eagle_aux_hidden_state_layer_ids", formats.Unsupported("%d of the target's states are read; runtimes read three", n), "")
	}
	p.Draft.allRows(p.Vocab)
	if p.Draft.Width == 0 {
		p.Draft.Width = p.Embd // where no tensor tells
	}
	return nil
}

// meetEagle fills what config.json leaves to the target: states that lie near its beginning, its middle and its end.
func meetEagle(b *Bound, t *Target) error {
	d := &b.Params.Draft
	if d.Reads == nil {
		d.Reads = []int32{2, int32(t.Layers / 2), int32(t.Layers - 3)}
	}
	if told, _ := b.Config.Value("target_hidden_size"); told == nil && d.Width != t.Embd {
		return b.Config.fail("target_hidden_size", formats.Corrupt("the draft head is given states of %d numbers, and the target's have %d", d.Width, t.Embd), wrongTarget)
	}
	if !b.has(RoleEmbed) && t.Embd != b.Params.Embd {
		return b.Config.fail("hidden_size", formats.Corrupt("is %d, and the target's embedding, which the draft head has none beside, %d", b.Params.Embd, t.Embd), wrongTarget)
	}
	return nil
}

// tellEagle is the way back.
func tellEagle(p *Params) map[string]any {
	out := map[string]any{"model_type": "llama", "draft_vocab_size": p.Vocab}
	if p.Draft.Rows > 0 {
		out["draft_vocab_size"] = p.Draft.Rows
	}
	return out
}

package arch

import (
	"slices"

	"quern/formats"
)

// Gemma4Assistant is the family of Gemma 4's draft heads: a few layers of Gemma 4 whose queries look at the target's keys and values, between a matrix that makes a state of the target's
// embedding and its last state, and one that makes of it what stands for the target's next state. They have the target's tokens in files of their own.
var Gemma4Assistant = register(Arch{
	Name: "gemma4-assistant",
	Variants: []Variant{{
		Type: "gemma4_assistant",
		HF:   assistants,
		Defaults: with(gemma4Defaults, map[string]any{"max_position_embeddings": 131072, "sliding_window": 512, "backbone_hidden_size": 1536, "num_kv_shared_layers": 0,
			"vocab_size_per_layer_input": 0, "hidden_size_per_layer_input": 0}),
	}},
	Keys: slices.Concat(assistantKeys(), []Key{
		{GGUF: "{a}.embedding_length_out", HF: []string{"backbone_hidden_size"}, Field: func(p *Params) any { return &p.Draft.Width }},
		{GGUF: "{a}.nextn_predict_layers", Field: func(p *Params) any { return &p.Draft.Block }, Default: func(p *Params) { p.Draft.Block = p.Layers }},
	}),
	Tensors: slices.Concat([]Rule{wholeList(ropeFreqs)}, without(decoder, RoleFFNNorm, RoleK, RoleV, RoleOutput), only(headNorms, RoleQNorm), postNorms, []Rule{
		{GGUF: "blk.{}.layer_output_scale.weight", HF: "model.layers.{}.layer_scalar", Role: RoleLayerScale, Shape: "1"},
		{GGUF: "nextn.pre_projection.weight", HF: "pre_projection.weight", Role: RoleDraftStates, Shape: "E 2DW"},
		{GGUF: "nextn.post_projection.weight", HF: "post_projection.weight", Role: RoleDraftOut, Shape: "DW E"},
	}),
	Drop: []string{"masked_embedding.*", "*.rotary_emb.inv_freq"},
	Refuse: slices.Concat(Gemma4.Refuse, []Refusal{
		{HF: "enable_moe_block", Unless: []string{"false"}, Why: "experts"},
		{HF: "use_double_wide_mlp", Unless: []string{"false"}, Why: "layers of two widths"},
		{HF: "hidden_size_per_layer_input", Unless: []string{"0"}, Why: "inputs for every layer"},
	}),
	Layer: Gemma4.Layer,
	Finish: func(c *Config, p *Params) error {
		if n := p.Draft.Shared; n != p.Layers {
			return c.fail("num_kv_shared_layers", formats.Unsupported("is %d of %d layers: all use the target's keys and values", n, p.Layers), "")
		}
		return gemma4Kinds(c, p)
	},
	Meet: func(b *Bound, t *Target) error {
		if w := b.Params.Draft.Width; w != t.Embd {
			return b.Config.fail("backbone_hidden_size", formats.Corrupt("is %d, and the target's states have %d numbers", w, t.Embd), wrongTarget)
		}
		return nil
	},
	OwnTokens: true,
})

// assistantKeys are Gemma 4's, in which all layers use keys and values of the target instead of some those of others.
func assistantKeys() []Key {
	keys := slices.DeleteFunc(slices.Clone(Gemma4.Keys), func(k Key) bool { return k.GGUF == logitCap.GGUF })
	for i := range keys {
		if keys[i].GGUF == "{a}.attention.shared_kv_layers" {
			keys[i].Field = func(p *Params) any { return &p.Draft.Shared }
			keys[i].Default = func(p *Params) { p.Draft.Shared = p.Layers } // so the library
		}
	}
	return keys
}

var assistants = []string{"Gemma4AssistantForCausalLM", "Gemma4UnifiedAssistantForCausalLM"}

// tellAssistant is the way back: all but the target's width lies at the level of the language model.
func tellAssistant(p *Params) map[string]any {
	out := gemma4Config(p)
	out["num_key_value_heads"] = p.KVHeads
	for l, near := range p.WindowIn {
		if near && l < len(p.KVHeadsIn) {
			out["num_key_value_heads"] = int(p.KVHeadsIn[l])
		}
	}
	out["model_type"] = "gemma4_text"
	out["vocab_size_per_layer_input"], out["vocab_size"] = 0, p.Vocab
	return out
}

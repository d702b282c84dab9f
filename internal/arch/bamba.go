package arch

import (
	"slices"

	"quern/formats"
)

// bamba is what the library assumes of Bamba, whose layers are Granite 4's (granitehybrid.go).
var bamba = Variant{
	Type: "bamba",
	HF:   []string{"BambaForCausalLM"},
	Defaults: map[string]any{
		"vocab_size": 128000, "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8, "rms_norm_eps": 1e-5,
		"max_position_embeddings": 262144, "rope_theta": 10000.0, "mamba_n_heads": 128, "mamba_n_groups": 1, "mamba_d_state": 256, "mamba_d_conv": 4, "tie_word_embeddings": false,
	},
	Ignore: []string{"num_local_experts", "num_experts_per_tok", "shared_intermediate_size", "attention_multiplier", "embedding_multiplier", "residual_multiplier", "logits_scaling"},
}

// bambaNames are the tensors that it calls as Jamba does.
var bambaNames = renamed(slices.Concat(only(decoder, RoleFFNNorm, RoleOutputNorm), in(dense, only(decoder, RoleGate, RoleUp, RoleDown))), jambaNames)

// finishBamba reads which layers have attention. A half of each head is rotated, whatever config.json says.
func finishBamba(c *Config, p *Params) error {
	const key = "attn_layer_indices"
	v, _ := c.Value(key)
	list, ok := v.([]any)
	if !ok || len(list) == 0 {
		return c.fail(key, formats.Unsupported("names no layer with attention, which runtimes do not load"), "")
	}
	keeps := slices.Repeat([]bool{true}, min(p.Layers, maxList))
	for _, x := range list {
		l, is := number(x)
		if !is || l < 0 || l >= float64(len(keeps)) || l != float64(int(l)) {
			return c.wrong(key, v, "a list of layers")
		}
		keeps[int(l)] = false
	}
	p.keepInstead(keeps)
	p.Rotates, p.RopeDim = true, p.HeadDim/2
	if dim, err := c.Float("attn_rotary_emb", float64(p.RopeDim)); err != nil || dim != float64(p.RopeDim) {
		return c.fail("attn_rotary_emb", formats.Unsupported("is %v; the library rotates %d dimensions of a head, a half", dim, p.RopeDim), "")
	}
	if err := innerSize(c, p, "mamba_expand", "mamba_d_head"); err != nil {
		return err
	}
	return freeSteps(c)
}

// tellBamba is the way back.
func tellBamba(p *Params) map[string]any {
	var attention []int
	for l := range p.Layers {
		if !p.Keeps(l) {
			attention = append(attention, l)
		}
	}
	return map[string]any{"attn_layer_indices": attention, "attn_rotary_emb": p.RopeDim, "num_key_value_heads": p.KVHeads, "mamba_expand": 2, "mamba_d_head": p.State.Inner / p.State.Heads}
}

package arch

import (
	"fmt"
	"slices"

	"quern/formats"
)

// SmolLM3 is the family of that name: llama whose every fourth layer rotates nothing.
var SmolLM3 = register(Arch{
	Name: "smollm3",
	Variants: []Variant{{
		Type: "smollm3",
		HF:   []string{"SmolLM3ForCausalLM", "SmolLM3Model"},
		Bare: []string{"SmolLM3Model"},
		Defaults: map[string]any{
			"max_position_embeddings": 32768, "rms_norm_eps": 1e-6, "rope_theta": 2e6, "num_key_value_heads": 4, "tie_word_embeddings": true,
		},
	}},
	Keys:    llamaKeys,
	Tensors: slices.Concat(without(attention, RoleQ, RoleK), permutedQK, feedForward),
	Drop:    []string{"*.rotary_emb.inv_freq"},
	Refuse: slices.Concat(plainRefuses, []Refusal{
		{HF: "use_sliding_window", Unless: []string{"false"}, Why: "some layers see a window only"},
	}),
	Layer: Layer{StillEvery: 4},
	Finish: func(c *Config, p *Params) error {
		return stillLayers(c, p, Layer{StillEvery: 4})
	},
})

// stillLayers refuses a model whose layers without rotation are not the family's: files do not tell them.
func stillLayers(c *Config, p *Params, l Layer) error {
	const key = "no_rope_layers" // 1 where a layer rotates
	v, _ := c.Value(key)
	list, ok := v.([]any)
	switch {
	case v == nil:
		every, err := c.Float("no_rope_layer_interval", float64(l.StillEvery))
		if err == nil && every != float64(l.StillEvery) {
			err = c.fail("no_rope_layer_interval", formats.Unsupported("is %v; runtimes take it to be %d, and files do not tell it", every, l.StillEvery), "")
		}
		return err
	case !ok || len(list) < p.Layers:
		return c.wrong(key, v, fmt.Sprintf("a list of %d numbers", p.Layers))
	}
	for i := range p.Layers {
		if n, ok := number(list[i]); !ok || (n == 0) != l.Still(p, i) {
			return c.fail(key, formats.Unsupported("says %v of layer %d; runtimes rotate in all but every %dth, and files do not tell it", list[i], i, l.StillEvery), "")
		}
	}
	return nil
}

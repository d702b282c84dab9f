package arch

import (
	"fmt"
	"slices"

	"quern/formats"
)

// SmallThinker is the family of that name: experts with a rectifier, which a router chooses by what the layer is given, before attention; of four layers the
// first sees all and rotates nothing, the others have a window, which is built into runtimes.
var SmallThinker = register(Arch{
	Name: "smallthinker",
	Variants: []Variant{{
		Type: "smallthinker",
		HF:   []string{"SmallThinkerForCausalLM"},
		Defaults: map[string]any{
			"max_position_embeddings": 32768, "rms_norm_eps": 1e-6, "rope_theta": 1.5e6, "head_dim": 128, "sliding_window_size": thinkerWindow,
			"moe_primary_router_apply_softmax": false, "norm_topk_prob": true,
		},
	}},
	Keys: slices.Concat(named("block_count", "context_length", "embedding_length", "attention.head_count", "attention.head_count_kv", "rope.scaling.type", "rope.scaling.factor", "rope.freq_base",
		"attention.layer_norm_rms_epsilon"), headKeys(always), []Key{
		{GGUF: "general.file_type"},
		{GGUF: "{a}.expert_count", HF: []string{"moe_num_primary_experts"}, Field: func(p *Params) any { return &p.Mix.Count }},
		{GGUF: "{a}.expert_used_count", HF: []string{"moe_num_active_primary_experts"}, Field: func(p *Params) any { return &p.Mix.Used }},
		{GGUF: "{a}.expert_feed_forward_length", HF: []string{"moe_ffn_hidden_size"}, Field: func(p *Params) any { return &p.Mix.FF }},
		{GGUF: "{a}.feed_forward_length", Field: func(p *Params) any { return &p.FF }, Default: func(p *Params) { p.FF = p.Mix.FF }},
		{GGUF: "{a}.expert_gating_func", Field: func(p *Params) any { return &p.Mix.Gate }, Default: func(p *Params) { p.Mix.Gate = GateSigmoid }},
		{GGUF: "{a}.attention.sliding_window", Field: func(p *Params) any { return &p.Window }, Default: nothing, When: func(p *Params) bool { return p.Window > 0 }},
		{Field: func(p *Params) any { return &p.WindowIn }, When: never, Default: func(p *Params) {
			for i := 0; p.Window > 0 && i < min(p.Layers, maxList); i++ {
				p.WindowIn = append(p.WindowIn, i%4 != 0)
			}
		}},
		sumsToOne,
	}, sizeKeys(never)),
	Tensors: slices.Concat(attention, experts("model.layers.{}.block_sparse_moe.primary_router.weight", "model.layers.{}.block_sparse_moe.experts", "gate", "up", "down")),
	Drop:    []string{"*.rotary_emb.inv_freq"},
	Refuse: []Refusal{
		{HF: "attention_bias", Unless: []string{"false"}, Why: "projections with biases"},
		{HF: "norm_topk_prob", Unless: []string{"true"}, Why: "runtimes divide weights of experts by their sum"},
		{HF: "moe_enable_secondary_experts", Unless: []string{"false"}, Why: "experts of a second kind"},
		{HF: "moe_enable_early_router", Unless: []string{"true"}, Why: "a router behind attention"},
		{GGUF: "{a}.attention.sliding_window", Unless: []string{fmt.Sprint(thinkerWindow)}, Why: "another window"},
	},
	Layer:  Layer{RopeNeox: true, StillFull: true, Act: ReLU, EarlyRouter: true},
	Finish: thinkerLayers,
})

// thinkerWindow is the window that runtimes take the family to have.
const thinkerWindow = 4096

// thinkerLayers reads what makes scores of experts, and refuses layers in another order than runtimes take them to have.
func thinkerLayers(c *Config, p *Params) error {
	soft, err := c.Bool("moe_primary_router_apply_softmax")
	if err != nil {
		return err
	}
	if soft {
		p.Mix.Gate = GateSoftmax
	}
	var windows, turns []int32
	for key, to := range map[string]*[]int32{"sliding_window_layout": &windows, "rope_layout": &turns} {
		v, _ := c.Value(key)
		if v == nil {
			return c.fail(key, formats.Corrupt("missing"), "")
		}
		if err := c.assignInts(key, v, to); err != nil {
			return err
		}
		if len(*to) != p.Layers {
			return c.wrong(key, v, fmt.Sprintf("a list of %d numbers", p.Layers))
		}
	}
	some := slices.Max(windows) > 0
	for i := range p.Layers {
		window, turn := some && i%4 != 0, !some || i%4 != 0
		if (windows[i] != 0) != window || (turns[i] != 0) != turn {
			return c.fail("sliding_window_layout", formats.Unsupported("layer %d is not as runtimes take it to be: window %v, rotated %v", i, window, turn), "")
		}
		if some {
			p.WindowIn = append(p.WindowIn, window)
		}
	}
	if !some {
		return nil
	}
	size, err := c.Float("sliding_window_size", thinkerWindow)
	if p.Window = thinkerWindow; err == nil && size != thinkerWindow {
		err = c.fail("sliding_window_size", formats.Unsupported("is %v: runtimes take it to be %d", size, thinkerWindow), "")
	}
	return err
}

// tellThinker is the way back.
func tellThinker(p *Params) map[string]any {
	windows, turns := make([]int, p.Layers), make([]int, p.Layers)
	for i := range p.Layers {
		if turns[i] = 1; p.Window > 0 {
			windows[i] = min(i%4, 1)
			turns[i] = windows[i]
		}
	}
	return map[string]any{"sliding_window_layout": windows, "rope_layout": turns, "sliding_window_size": thinkerWindow, "moe_primary_router_apply_softmax": p.Mix.Gate == GateSoftmax}
}

package arch

import (
	"math"
	"slices"

	"quern/formats"
)

// PLaMo3 is the third family of that name: norms of what a layer's parts are given and of what they add, the latter small from the start, and of heads; queries, keys and
// values in one matrix, gate and up in another; windows in all layers but the last of so many, each kind with a base of its own.
var PLaMo3 = register(Arch{
	Name: "plamo3",
	Variants: []Variant{{
		Type: "plamo3",
		HF:   []string{"Plamo3ForCausalLM", "PLaMo3ForCausalLM"},
		Defaults: map[string]any{
			"max_position_embeddings": 2048, "rms_norm_eps": 1e-6, "num_key_value_heads": 4, "head_dim": 128, "sliding_window_pattern": 8, "rope_theta": 150000.0,
			"rope_local_theta": 10000.0, "tie_word_embeddings": true,
		},
	}},
	Keys: slices.Concat(plamo3Rope(), headKeys(always), []Key{{GGUF: "general.file_type"}}, sizeKeys(always)[:1], []Key{
		{GGUF: "{a}.attention.sliding_window", HF: []string{"window_size"}, Field: func(p *Params) any { return &p.Window }, Default: nothing},
		{GGUF: "{a}.attention.sliding_window_pattern", HF: []string{"sliding_window_pattern"}, Field: func(p *Params) any { return &p.FullLast },
			Default: func(p *Params) { p.FullLast = 8 }},
		{Field: func(p *Params) any { return &p.WindowIn }, When: never, Default: func(p *Params) { windowsBut(p, p.FullLast) }},
	}, sizeKeys(never)[1:]),
	Tensors: plamo3Tensors,
	Drop:    []string{"*.rotary_emb.inv_freq"},
	Refuse: []Refusal{
		{HF: "scale_embedding", Unless: []string{"false"}, Why: "embeddings are multiplied"},
		{HF: "linear_type", Unless: []string{"normal"}, Why: "matrices of another kind"},
	},
	Layer:  Layer{RopeNeox: true, SmoothRamp: true},
	Finish: finishPLaMo3,
})

var plamo3Tensors = slices.Concat(only(decoder, RoleEmbed), []Rule{
	{GGUF: "blk.{}.attn_norm.weight", HF: "model.layers.layers.{}.pre_mixer_norm.weight", Role: RoleAttnNorm, Shape: "E", Do: PlusOne},
	{GGUF: "blk.{}.attn_qkv.weight", HF: "model.layers.layers.{}.mixer.qkv_proj.weight", Role: RoleQ, And: keysValues, Shape: "A E"},
	{GGUF: "blk.{}.attn_q_norm.weight", HF: "model.layers.layers.{}.mixer.q_norm.weight", Role: RoleQNorm, Shape: "D", Do: PlusOne},
	{GGUF: "blk.{}.attn_k_norm.weight", HF: "model.layers.layers.{}.mixer.k_norm.weight", Role: RoleKNorm, Shape: "D", Do: PlusOne},
	{GGUF: "blk.{}.attn_output.weight", HF: "model.layers.layers.{}.mixer.o_proj.weight", Role: RoleO, Shape: "E Q"},
	{GGUF: "blk.{}.post_attention_norm", HF: "model.layers.layers.{}.post_mixer_norm.weight", Role: RoleAttnPost, Shape: "E", Do: added("plus a fifth", 1.0/5)},
	{GGUF: "blk.{}.ffn_norm.weight", HF: "model.layers.layers.{}.pre_mlp_norm.weight", Role: RoleFFNNorm, Shape: "E", Do: PlusOne},
	{GGUF: "blk.{}.ffn_up.weight", HF: "model.layers.layers.{}.mlp.gate_up_proj.weight", Role: RoleGate, And: []Role{RoleUp}, Shape: "G E"},
	{GGUF: "blk.{}.ffn_down.weight", HF: "model.layers.layers.{}.mlp.down_proj.weight", Role: RoleDown, Shape: "E F"},
	{GGUF: "blk.{}.post_ffw_norm", HF: "model.layers.layers.{}.post_mlp_norm.weight", Role: RoleFFNPost, Shape: "E", Do: added("plus 5^-1.5", float32(1/math.Sqrt(125)))},
}, offset(only(decoder, RoleOutputNorm)), only(decoder, RoleOutput))

// plamo3Rope are the keys before the sizes of heads.
func plamo3Rope() []Key {
	keys := gemma3Rope()
	for i, k := range keys {
		switch k.GGUF {
		case "{a}.rope.freq_base_swa":
			keys[i].HF = []string{"rope_parameters.sliding_attention.rope_theta", "rope_local_theta"}
		case "{a}.rope.freq_base":
			keys[i].HF = []string{"rope_parameters.full_attention.rope_theta", "rope_global_theta", "rope_theta"}
		}
	}
	return keys
}

// finishPLaMo3 reads how long windows are, which older files say layer by layer, and how positions are stretched.
func finishPLaMo3(c *Config, p *Params) error {
	if err := p.plamo3Windows(c); err != nil {
		return err
	}
	if p.Window == 0 {
		return c.fail("window_size", formats.Corrupt("missing"), "")
	}
	if every, err := c.Float("sliding_window_pattern", 8); err != nil || every < 1 {
		return c.fail("sliding_window_pattern", formats.Corrupt("of how many layers the last has no window must be positive"), "")
	}
	p.WindowIn = nil
	windowsBut(p, p.FullLast)
	if err := windowed(c, p); err != nil {
		return err
	}
	factor, err := c.Float("rope_scaling_factor", 1)
	if err != nil || factor == 1 {
		return err
	}
	const key = "initial_context_length"
	context, err := c.Float(key, 0)
	switch {
	case err != nil:
		return err
	case !(factor > 0) || factor > math.MaxFloat32:
		return c.fail("rope_scaling_factor", formats.Corrupt("must be positive"), "")
	case !(context >= 1) || context > 1<<27 || context != math.Trunc(context):
		return c.fail(key, formats.Corrupt("positions are stretched by %v, and %v is no context before that", factor, context), "")
	}
	p.RopeType, p.RopeScale, p.RopeContext = "yarn", float32(factor), int(context)
	p.Yarn.Fast, p.Yarn.Slow = 32, 1 // as the published code has it
	return nil
}

// plamo3Windows reads sliding_window, the older name of window_size: a number, or one for each layer, null in those without a window.
func (p *Params) plamo3Windows(c *Config) error {
	const key = "sliding_window"
	v, _ := c.Value(key)
	list, ok := v.([]any)
	if !ok {
		if v == nil {
			return nil
		}
		return c.assign(key, v, &p.Window)
	}
	if len(list) != p.Layers {
		return c.wrong(key, v, "a number for each layer")
	}
	window := 0
	for i, size := range list {
		if size == nil != ((i+1)%max(1, p.FullLast) == 0) {
			return c.fail(key, formats.Unsupported("layer %d contradicts sliding_window_pattern, of which files tell", i), "")
		}
		if size == nil {
			continue
		}
		was := window
		if err := c.assign(key, size, &window); err != nil {
			return err
		}
		if was != 0 && was != window {
			return c.fail(key, formats.Unsupported("layers have windows of %d and %d; files tell one number", was, window), "")
		}
	}
	if window != 0 {
		p.Window = window
	}
	return nil
}

// tellPLaMo3 is the way back: the published code has names of its own for how positions are stretched.
func tellPLaMo3(p *Params) map[string]any {
	out := map[string]any{"rope_parameters": unsaid, "rope_scaling": unsaid, "layer_types": unsaid}
	if p.RopeType == "yarn" {
		out["rope_scaling_factor"], out["initial_context_length"] = decimal(p.RopeScale), p.RopeContext
	}
	return out
}

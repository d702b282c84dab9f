package arch

import (
	"slices"

	"quern/formats"
)

// Gemma4Tower is the tower with which Gemma 4 sees: places by column and by row, RMS norms before and behind attention and feed-forward network, heads
// normed and rotated by column and by row; patches averaged in squares and projected by one matrix. Matrices of small models cut off what they are given
// and what they give. Small models hear, too (tower_gemma4_hears.go).
var Gemma4Tower = registerTower(Arch{
	Projector: "gemma4v",
	Variants: []Variant{{
		Type: "gemma4", HF: []string{"Gemma4ForConditionalGeneration"},
		Defaults: with(gemma4HearsDefaults, map[string]any{
			"vision_config.hidden_size": 768, "vision_config.intermediate_size": 3072, "vision_config.num_hidden_layers": 16, "vision_config.num_attention_heads": 12,
			"vision_config.head_dim": 64, "vision_config.patch_size": 16, "vision_config.hidden_activation": "gelu_pytorch_tanh", "vision_config.rms_norm_eps": 1e-6,
			"vision_config.position_embedding_size": 10240, "vision_config.pooling_kernel_size": 3, "hidden_size": 2304,
			"preprocessor.image_mean": []float32{0, 0, 0}, "preprocessor.image_std": []float32{1, 1, 1},
		}),
	}},
	Own: []string{"vision_tower.*", "embed_vision.*", "model.embed_vision.*", "audio_tower.*", "embed_audio.*", "model.embed_audio.*"},
	Keys: slices.Concat(replaceKey(visionKeys, ofAnySize(224)), hearingKeys("audio_config."), []Key{
		{HF: []string{"vision_config.position_embedding_size"}, Field: func(p *Params) any { return &p.Vision.Places }, Default: nothing, When: never},
		projectorAt("clip.vision.projector_type", "gemma4v"),
		towerEps("vision_config.rms_norm_eps"),
	}, towerAct, []Key{
		gemma4Squares,
		{HF: []string{"audio_config.subsampling_conv_channels"}, Field: func(p *Params) any { return &p.Hear.Channels }, Default: nothing, When: never},
		{HF: []string{"audio_config.conv_kernel_size"}, Field: func(p *Params) any { return &p.Hear.Kernel }, Default: nothing, When: never},
		{HF: []string{"audio_config.output_proj_dims"}, Field: func(p *Params) any { return &p.Hear.Out }, Default: nothing, When: never},
	}, hearingEnds("gemma4a", "audio_config.input_feat_size")),
	Tensors: slices.Concat([]Rule{
		{GGUF: "v.patch_embd.weight", HF: clipAt + "patch_embedder.input_proj.weight", Role: RoleTower, Shape: "E rgb patch patch", From: "E pixels", Do: coloursFirst, Store: StoreConv},
		{GGUF: "v.position_embd.weight", HF: clipAt + "patch_embedder.position_embedding_table", Role: RoleTower, Shape: "two table E", Store: "F32"},
		{GGUF: "v.std_bias", HF: clipAt + "std_bias", Role: RoleTower, Shape: "E", Optional: true, Flag: "vision_config.standardize"},
		{GGUF: "v.std_scale", HF: clipAt + "std_scale", Role: RoleTower, Shape: "E", Optional: true, Flag: "vision_config.standardize"},
		{GGUF: "mm.input_projection.weight", HF: "model.embed_vision.embedding_projection.weight", Role: RoleTower, Shape: "text E"},
	}, gemma4Layers, gemma4Hears),
	Refuse: append([]Refusal{
		{HF: "vision_config.attention_bias", Unless: []string{"false"}, Why: "projections with biases"},
		{HF: "vision_config.rope_parameters.rope_theta", Unless: []string{"100"}, Why: "places are rotated with another base"},
	}, gemma4HearsRefuses...),
	Finish: func(c *Config, p *Params) error {
		for _, k := range []string{"vision_config.head_dim", "vision_config.num_key_value_heads"} {
			want := map[string]int{"vision_config.head_dim": p.Embd / max(1, p.Heads), "vision_config.num_key_value_heads": p.Heads}[k]
			if v, err := c.Float(k, float64(want)); err != nil {
				return err
			} else if v != float64(want) {
				return c.fail(k, formats.Unsupported("is %v in a tower of width %d with %d heads, in which runtimes take it to be %d", v, p.Embd, p.Heads, want), "")
			}
		}
		return finishGemma4Hears(c, p)
	},
	Look: func(src *formats.Source, p *Params) {
		if t := src.Tensor("v.position_embd.weight"); t != nil && len(t.Shape) == 3 {
			p.Vision.Places = t.Shape[1]
		}
		lookGemma4Hears(src, p)
	},
})

// gemma4Squares is how many patches along each side become one embedding, of which runtimes assume 3.
var gemma4Squares = Key{GGUF: "clip.vision.projector.scale_factor", HF: []string{"vision_config.pooling_kernel_size"}, Field: func(p *Params) any { return &p.Vision.Scale },
	Default: func(p *Params) { p.Vision.Scale = 3 }, When: func(p *Params) bool { return p.Vision.Scale != 3 }}

var gemma4Layers = func() (rules []Rule) {
	at := clipAt + "encoder.layers.{}."
	for _, n := range []struct{ gguf, hf, shape string }{
		{"ln1", "input_layernorm", "E"}, {"ln2", "pre_feedforward_layernorm", "E"}, {"attn_post_norm", "post_attention_layernorm", "E"},
		{"ffn_post_norm", "post_feedforward_layernorm", "E"}, {"attn_q_norm", "self_attn.q_norm", "head"}, {"attn_k_norm", "self_attn.k_norm", "head"},
	} {
		rules = append(rules, Rule{GGUF: "v.blk.{}." + n.gguf + ".weight", HF: at + n.hf + ".weight", Role: RoleTower, Shape: n.shape})
	}
	for _, m := range []struct{ gguf, hf, shape string }{
		{"attn_q", "self_attn.q_proj", "E E"}, {"attn_k", "self_attn.k_proj", "E E"}, {"attn_v", "self_attn.v_proj", "E E"}, {"attn_out", "self_attn.o_proj", "E E"},
		{"ffn_gate", "mlp.gate_proj", "F E"}, {"ffn_up", "mlp.up_proj", "F E"}, {"ffn_down", "mlp.down_proj", "E F"},
	} {
		rules = append(rules, clipped("v.blk.{}."+m.gguf, at+m.hf, m.shape, "vision_config.use_clipped_linears")...)
	}
	return rules
}()

// oneNumber makes a vector of a number without dimensions.
var oneNumber = Op{Name: "one number",
	Forward: func(t *formats.Tensor, _ *Params) *formats.Tensor { return shapedAs(t, 1) },
	Inverse: func(t *formats.Tensor, _ *Params) *formats.Tensor { return shapedAs(t) },
}

// coloursFirst makes a convolution of a matrix that is given patches pixel by pixel.
var coloursFirst = Op{Name: "colours first",
	Forward: func(t *formats.Tensor, p *Params) *formats.Tensor {
		n := shapedAs(t, t.Shape[0], 3, p.Vision.Patch, p.Vision.Patch)
		if n.Raw = nil; t.Rows != nil {
			n.Rows = pixelRows{t.Rows, p.Vision.Patch, false}
		}
		return n
	},
	Inverse: func(t *formats.Tensor, p *Params) *formats.Tensor {
		n := shapedAs(t, t.Shape[0], 3*p.Vision.Patch*p.Vision.Patch)
		if n.Raw = nil; t.Rows != nil {
			n.Rows = pixelRows{t.Rows, p.Vision.Patch, true}
		}
		return n
	},
}

// pixelRows are the rows of a convolution, of patch numbers each, that lie in a matrix pixel by pixel; or the other way round.
type pixelRows struct {
	rows    formats.Rows
	patch   int
	inverse bool
}

func (r pixelRows) ReadRows(dst []float32, row int) error {
	whole := 3 * r.patch * r.patch
	in := make([]float32, whole)
	for at := row * r.stride(); len(dst) > 0; {
		e, first := at/whole, at%whole
		from := e
		if r.inverse {
			from = e * 3 * r.patch
		}
		if err := r.rows.ReadRows(in, from); err != nil {
			return err
		}
		n := min(len(dst), whole-first)
		for i := range n {
			dst[i] = in[r.from(first+i)]
		}
		dst, at = dst[n:], at+n
	}
	return nil
}

// stride is how many numbers a row has.
func (r pixelRows) stride() int {
	if r.inverse {
		return 3 * r.patch * r.patch
	}
	return r.patch
}

func (r pixelRows) from(i int) int {
	if r.inverse { // pixel by pixel
		return i%3*r.patch*r.patch + i/3
	}
	return i%(r.patch*r.patch)*3 + i/(r.patch*r.patch)
}

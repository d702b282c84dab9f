package arch

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"slices"

	"quern/formats"
)

// Gemma3n is the language model of Gemma 3n: Gemma 3 whose values are normed too, with inputs for every layer beside the stream, last layers that use the keys
// and values of earlier ones, four streams of which a layer computes with one and predicts the others (AltUp, arXiv:2301.13310), a narrow way past
// attention (LAuReL, arXiv:2411.07501), and gates of which in the first layers only the largest count.
var Gemma3n = register(Arch{
	Name: "gemma3n",
	Variants: []Variant{{
		Type: "gemma3n_text",
		HF:   []string{"Gemma3nForCausalLM", "Gemma3nForConditionalGeneration"},
		Defaults: map[string]any{
			"vocab_size": 262400, "hidden_size": 2048, "intermediate_size": 16384, "num_hidden_layers": 35, "num_attention_heads": 8, "num_key_value_heads": 2,
			"head_dim": 256, "max_position_embeddings": 32768, "rms_norm_eps": 1e-6, "rope_theta": 1e6, "rope_local_base_freq": 10000.0, "tie_word_embeddings": true,
			"sliding_window": 512, "final_logit_softcapping": 30.0, "vocab_size_per_layer_input": 262144, "hidden_size_per_layer_input": 256,
			"altup_active_idx": 0, "altup_num_inputs": 4, "num_kv_shared_layers": 15, "laurel_rank": 64,
		},
	}},
	Keys: slices.Concat(gemma4Shape(), headKeys(always), []Key{
		{GGUF: "general.file_type"},
		{GGUF: logitCap.GGUF, HF: logitCap.HF, Field: logitCap.Field, Default: func(p *Params) { p.Caps.Logits = 30 }},
		{GGUF: "{a}.attention.sliding_window", HF: []string{"sliding_window"}, Field: func(p *Params) any { return &p.Window }},
		{GGUF: "{a}.altup.active_idx", HF: []string{"altup_active_idx"}, Field: func(p *Params) any { return &p.AltUp.Active }, Default: nothing},
		{GGUF: "{a}.altup.num_inputs", HF: []string{"altup_num_inputs"}, Field: func(p *Params) any { return &p.AltUp.Inputs }, Default: func(p *Params) { p.AltUp.Inputs = 4 }},
		sideKey,
		{GGUF: "{a}.attention.shared_kv_layers", HF: []string{"num_kv_shared_layers"}, Field: func(p *Params) any { return &p.Borrow }, Default: nothing},
		{GGUF: "{a}.activation_sparsity_scale", HF: []string{"activation_sparsity_pattern"}, Field: func(p *Params) any { return &p.Sparsity }, Default: nothing},
		{GGUF: "{a}.attention.sliding_window_pattern", Field: func(p *Params) any { return &p.WindowIn }, Default: func(p *Params) { windowsBut(p, 5) }},
		{HF: []string{"laurel_rank"}, Field: func(p *Params) any { return &p.AltUp.Laurel }, Default: func(p *Params) { p.AltUp.Laurel = laurelRank }, When: never},
		plainScores,
	}, sizeKeys(never), []Key{
		{HF: []string{"vocab_size_per_layer_input"}, Field: func(p *Params) any { return &p.SideRows }, Default: func(p *Params) { p.SideRows = p.Vocab }, When: never},
	}),
	Tensors: slices.Concat(padded(sideRules), owned(without(decoder, RoleFFNNorm)), owned(headNorms), postNorms, []Rule{
		{GGUF: "altup_proj.weight", HF: "model.altup_projections.{u}.weight", Role: RoleAltProj, Shape: "U1 E E"},
		{GGUF: "altup_unembd_proj.weight", HF: "model.altup_unembed_projections.{u}.weight", Role: RoleAltUnembed, Shape: "U1 E E"},
		{GGUF: "blk.{}.altup_router.weight", HF: "model.layers.{}.altup.modality_router.weight", Role: RoleAltRouter, Shape: "U E"},
		{GGUF: "blk.{}.altup_router_norm.weight", HF: "model.layers.{}.altup.router_norm.weight", Role: RoleAltNorm, Shape: "E"},
		{GGUF: "blk.{}.altup_predict_coef.weight", HF: "model.layers.{}.altup.prediction_coefs.weight", Role: RoleAltPredict, Shape: "UU U"},
		{GGUF: "blk.{}.altup_correct_coef.weight", HF: "model.layers.{}.altup.correction_coefs.weight", Role: RoleAltCorrect, Shape: "U U"},
		{GGUF: "blk.{}.altup_correct_scale.weight", HF: "model.layers.{}.altup.correct_output_scale", Role: RoleAltScale, Shape: "E"},
		{GGUF: "blk.{}.laurel_l.weight", HF: "model.layers.{}.laurel.linear_left.weight", Role: RoleLaurelLeft, Shape: "LR E"},
		{GGUF: "blk.{}.laurel_r.weight", HF: "model.layers.{}.laurel.linear_right.weight", Role: RoleLaurelRight, Shape: "E LR"},
		{GGUF: "blk.{}.laurel_post_norm.weight", HF: "model.layers.{}.laurel.post_laurel_norm.weight", Role: RoleLaurelNorm, Shape: "E"},
	}),
	Drop: []string{"*.rotary_emb.inv_freq"},
	Refuse: []Refusal{
		{HF: "hidden_activation", Unless: []string{"gelu_pytorch_tanh"}, Why: "its activation function is not gelu"},
		{HF: "attention_bias", Unless: []string{"false"}, Why: "projections with biases"},
		{HF: "altup_num_inputs", Unless: []string{"4"}, Why: "another number of streams"},
		{HF: "altup_active_idx", Unless: []string{"0"}, Why: "layers compute with another stream than the first"},
		{HF: "altup_correct_scale", Unless: []string{"true"}, Why: "corrected streams are not scaled"},
		{HF: "rope_parameters.sliding_attention.rope_type", Unless: []string{"default"}, Why: "positions within windows are scaled"},
		{GGUF: "{a}.altup.num_inputs", Unless: []string{"4"}, Why: "another number of streams"},
		{GGUF: "{a}.altup.active_idx", Unless: []string{"0"}, Why: "layers compute with another stream than the first"},
	},
	Layer:    Layer{RopeNeox: true, Act: GELUTanh, ScaleEmbed: true, BareValue: true, Streams: true},
	Finish:   finishGemma3n,
	Look:     lookGemma3n,
	Mistaken: mistakenGemma3n,
})

// An AltUp is several streams of a model, of which each layer computes with one.
type AltUp struct {
	Inputs int // U: how many
	Active int // that one
	Laurel int // LR: numbers between the matrices of the way past attention
}

func (u *AltUp) dim(letter string) int {
	switch letter {
	case "U":
		return u.Inputs
	case "U1": // without the first
		return u.Inputs - 1
	case "UU":
		return u.Inputs * u.Inputs
	case "LR":
		return u.Laurel
	}
	return 0
}

// What runtimes have built in.
const (
	laurelRank   = 64
	sideWidth    = 256
	ownedLayers  = 20 // with keys of their own
	sparseLayers = 10
	sparseShare  = float32(0.95)
	sparseScale  = float32(1.6448535919189453) // standard deviations above the mean, of that share: as torch computes it; in runtimes its last bits differ
)

// finishGemma3n reads which gates count, and refuses what files do not tell.
func finishGemma3n(c *Config, p *Params) error {
	if err := windowed(c, p); err != nil {
		return err
	}
	switch {
	case len(p.WindowIn) != p.Layers || p.Layers == 0:
		return c.fail("num_hidden_layers", formats.Corrupt("is %d", p.Layers), "")
	case p.Window == 0:
		return c.fail("sliding_window", formats.Corrupt("is not set"), "")
	case p.RopeType != "":
		return c.fail("rope_parameters.full_attention.rope_type", formats.Unsupported("is %q; runtimes take positions to be unscaled in this family", p.RopeType), "")
	case p.SideRows > p.Vocab:
		return c.fail("vocab_size_per_layer_input", formats.Corrupt("is %d in a vocabulary of %d", p.SideRows, p.Vocab), "")
	case p.Side == 0:
		return c.fail("hidden_size_per_layer_input", formats.Corrupt("is not set"), "")
	}
	if p.FFIn == nil {
		p.FFIn = slices.Repeat([]int32{int32(p.FF)}, min(p.Layers, 512))
	}
	p.FF = int(slices.Max(p.FFIn))
	if v, ok := c.Value("final_logit_softcapping"); ok && v == nil {
		return c.fail("final_logit_softcapping", formats.Unsupported("is not set; runtimes take it to be 30"), "")
	}
	if err := borrowed(c, p); err != nil {
		return err
	}
	const key = "activation_sparsity_pattern"
	shares := p.Sparsity
	if len(shares) == 0 {
		shares = make([]float32, min(p.Layers, 512))
		for i := 0; i < sparseLayers && p.Layers > sparseLayers; i++ {
			shares[i] = sparseShare
		}
	}
	p.Sparsity = nil
	for i, share := range shares {
		switch share {
		case 0:
			p.Sparsity = append(p.Sparsity, float32(math.Inf(-1)))
		case sparseShare:
			p.Sparsity = append(p.Sparsity, sparseScale)
		default:
			return c.fail(key, formats.Unsupported("is %v for layer %d; runtimes know no other share than %v, and none", share, i, sparseShare), "")
		}
	}
	return nil
}

// lookGemma3n takes from a file's tensors and from what runtimes assume what its keys do not tell.
func lookGemma3n(src *formats.Source, p *Params) {
	if t := src.Tensor("blk.0.laurel_l.weight"); t != nil && len(t.Shape) == 2 {
		p.AltUp.Laurel = t.Shape[0]
	}
	for i, scale := range p.Sparsity {
		if math.Abs(float64(scale-sparseScale)) < 1e-6 {
			p.Sparsity[i] = sparseScale
		}
	}
	for i := len(p.Sparsity); i < min(p.Layers, 512); i++ {
		scale := float32(math.Inf(-1))
		if i < sparseLayers {
			scale = sparseScale
		}
		p.Sparsity = append(p.Sparsity, scale)
	}
}

// mistakenGemma3n says what llama.cpp has built in and a model has otherwise.
func mistakenGemma3n(b *Bound) string {
	p := &b.Params
	idle, stored := 0, false // a plan from a config.json alone does not know what is stored
	for i, o := range b.Origins {
		if raw := b.Tensors[i].Raw; raw != nil && !stored {
			_, err := raw.ReadAt(make([]byte, 1), 0)
			stored = !errors.Is(err, fs.ErrNotExist)
		}
		if o.Rule.Idle {
			idle++
		}
	}
	for l, scale := range p.Sparsity {
		if (l < sparseLayers) != (scale == sparseScale) {
			return fmt.Sprintf("llama.cpp takes the gates of the first %d layers to be sparse, and no others: it computes another model", sparseLayers)
		}
	}
	switch {
	case p.Layers-p.Borrow != ownedLayers:
		return fmt.Sprintf("llama.cpp takes the first %d layers to have keys and values of their own, and %d have: it computes another model", ownedLayers, p.Layers-p.Borrow)
	case p.AltUp.Laurel != laurelRank || p.Side != sideWidth:
		return fmt.Sprintf("llama.cpp has room for %d and %d numbers past attention and for layers' inputs, not for %d and %d: it will not load this one", laurelRank, sideWidth, p.AltUp.Laurel, p.Side)
	case slices.Max(p.FFIn) != slices.Min(p.FFIn):
		return "llama.cpp takes all layers to be of one width: it will not load this one"
	case stored && idle < 3*p.Borrow:
		return "llama.cpp wants keys and values in every layer, also where those of others are used, and newer versions of the library do not store them: it will not load this one"
	}
	return ""
}

// gemma3nConfig tells lists for all layers.
func gemma3nConfig(p *Params) map[string]any {
	var shares []float32
	for _, scale := range p.Sparsity {
		share := float32(0)
		if scale == sparseScale {
			share = sparseShare
		}
		shares = append(shares, share)
	}
	return map[string]any{"intermediate_size": p.FFIn, "activation_sparsity_pattern": decimals(shares), "altup_correct_scale": true, "altup_num_inputs": 4, "altup_active_idx": 0,
		"rope_theta": unsaid, "rope_local_base_freq": unsaid}
}

// padded is rules of which the table of layers' inputs gets rows of zeros for tokens that have none, which stand for images and sound.
func padded(rules []Rule) []Rule {
	rules = slices.Clone(rules)
	rules[0].From, rules[0].Do = "VS LP", PadRows
	return rules
}

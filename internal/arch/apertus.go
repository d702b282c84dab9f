package arch

import (
	"errors"
	"io/fs"
	"slices"

	"quern/formats"
)

// Apertus is the family of that name: llama with normed heads and no gate, whose function (xIELU, arXiv:2411.13010) has numbers that are trained in every
// layer. A checkpoint holds them as tensors, a GGUF as keys.
var Apertus = register(Arch{
	Name: "apertus",
	Variants: []Variant{{
		Type:     "apertus",
		HF:       []string{"ApertusForCausalLM", "ApertusModel"},
		Bare:     []string{"ApertusModel"},
		Defaults: map[string]any{"max_position_embeddings": 65536, "rms_norm_eps": 1e-5, "rope_theta": 12e6, "hidden_act": "xielu"},
	}},
	Keys: slices.Concat(shapeKeys, headKeys(ownHead), []Key{{GGUF: "general.file_type"}}, sizeKeys(always), []Key{
		{GGUF: "xielu.alpha_n", Field: func(p *Params) any { return &p.Xielu.AlphaN }},
		{GGUF: "xielu.alpha_p", Field: func(p *Params) any { return &p.Xielu.AlphaP }},
		{GGUF: "xielu.beta", Field: func(p *Params) any { return &p.Xielu.Beta }},
		{GGUF: "xielu.eps", Field: func(p *Params) any { return &p.Xielu.Eps }},
	}),
	Tensors: slices.Concat([]Rule{ropeFreqs}, renamed(without(decoder, RoleGate), map[Role]string{
		RoleAttnNorm: "model.layers.{}.attention_layernorm.weight", RoleFFNNorm: "model.layers.{}.feedforward_layernorm.weight",
	}), headNorms, []Rule{
		xielu("alpha_n", "1", func(p *Params) *[]float32 { return &p.Xielu.AlphaN }),
		xielu("alpha_p", "1", func(p *Params) *[]float32 { return &p.Xielu.AlphaP }),
		xielu("beta", "", func(p *Params) *[]float32 { return &p.Xielu.Beta }),
		xielu("eps", "", func(p *Params) *[]float32 { return &p.Xielu.Eps }),
	}),
	Drop: []string{"*.rotary_emb.inv_freq"},
	Refuse: slices.Concat([]Refusal{
		{HF: "hidden_act", Unless: []string{"xielu"}, Why: "its activation function is not xIELU"},
		{HF: "tie_word_embeddings", Unless: []string{"false"}, Why: "the embedding as output head, which runtimes do not load"},
		{HF: "post_norm", Unless: []string{"false"}, Why: "norms behind the parts of a layer"},
		{HF: "qk_norm", Unless: []string{"true"}, Why: "queries and keys without norms"},
	}, plainRefuses[1:]),
	Layer: Layer{RopeNeox: true, Ungated: true, Act: XIELU},
	Finish: func(c *Config, _ *Params) error {
		if _, _, ok := c.Find("rope_parameters", "rope_scaling"); !ok {
			return c.fail("rope_scaling", formats.Corrupt("missing"), "the library takes its absence for Llama 3.1's scaling by 8; null says that there is none")
		}
		return nil
	},
})

// Xielu are the numbers of a function, one for each layer: for positive x softplus(AlphaP)·x² + Beta·x, else (e^min(x, Eps) - 1 - x)·(Beta + softplus(AlphaN)) + Beta·x.
type Xielu struct{ AlphaP, AlphaN, Beta, Eps []float32 }

// xielu is the rule of one of them.
func xielu(name, shape string, list func(*Params) *[]float32) Rule {
	return Rule{GGUF: "blk.{}.xielu." + name, HF: "model.layers.{}.mlp.act_fn." + name, Shape: shape, Number: func(p *Params, layer int) *float32 {
		of := list(p)
		if *of == nil {
			*of = make([]float32, p.Layers)
		}
		return &(*of)[layer]
	}}
}

// keep reads a tensor of one number that files tell as one of a key.
func (b *binder) keep(t *formats.Tensor, g *goal) error {
	if g.Rule.Whole != nil {
		return b.keepWhole(t, g)
	}
	one := make([]float32, 1)
	if t.Rows == nil {
		return b.fail(t.Name, formats.Unsupported("type %s cannot be decoded", t.Type), "")
	}
	if err := t.Rows.ReadRows(one, 0); err != nil && !errors.Is(err, fs.ErrNotExist) { // a plan from config.json alone has no weights
		return err
	}
	if one[0]-one[0] != 0 {
		return b.fail(t.Name, formats.Corrupt("holds %v, which is no number", one[0]), "")
	}
	*g.Rule.Number(&b.bound.Params, g.Layer) = one[0]
	b.made[g.name] = true
	return nil
}

// number is the same way back.
func (r *Rule) number(p *Params, layer int, name string) *formats.Tensor {
	if r.Whole != nil {
		return wholes(name, *r.Whole(p))
	}
	t := Floats(name, []float32{*r.Number(p, layer)})
	t.Shape = r.Dims(p)
	return t
}

package arch

import (
	"fmt"
	"math"
	"slices"

	"quern/formats"
	"quern/quantize"
)

// Baichuan is the family of Baichuan and Baichuan 2: llama whose queries, keys and values are one matrix. The second multiplies states with rows
// of its output head brought to length one; files hold them so. The models of 40 layers rotate nothing, and lower scores by distance instead.
var Baichuan = register(Arch{
	Name: "baichuan",
	Variants: []Variant{{
		Type:     "baichuan",
		HF:       []string{"BaichuanForCausalLM", "BaiChuanForCausalLM"},
		Defaults: map[string]any{"vocab_size": 64000, "rms_norm_eps": 1e-6},
	}},
	Keys: slices.Concat(baichuanShape, headKeys(ownHead), []Key{{GGUF: "general.file_type"}, dataLayout}, sizeKeys(always)[1:], sizeKeys(never)[:1], []Key{
		{Field: func(p *Params) any { return &p.Alibi }, When: never, Default: func(p *Params) {
			if p.Layers == farLayers {
				p.Alibi = 8
			}
		}},
	}),
	Tensors: slices.Concat(without(decoder, RoleQ, RoleK, RoleV, RoleOutput), fusedQKV("model.layers.{}.self_attn.W_pack.weight"), []Rule{
		{GGUF: "output.weight", HF: "lm_head.weight", Role: RoleOutput, Shape: "V E", Optional: true, Do: NormRows},
	}),
	Drop:   []string{"*.rotary_emb.inv_freq"},
	Refuse: plainRefuses,
	Finish: func(c *Config, p *Params) error {
		_, _, second := c.Find("z_loss_weight") // only the second has it; published ones can be told by their vocabulary
		p.NormHead = second || p.Vocab == 125696
		if _, _, rotated := c.Find("max_position_embeddings"); rotated == (p.Layers == farLayers) {
			return c.fail("max_position_embeddings", formats.Unsupported("there is %v: runtimes take models of %d layers, and no others, to rotate nothing", rotated, farLayers), "")
		}
		if p.KVHeads != p.Heads {
			return c.fail("num_key_value_heads", formats.Unsupported("is %d of %d heads: queries, keys and values are of one size", p.KVHeads, p.Heads), "")
		}
		return nil
	},
	Mistaken: func(b *Bound) string {
		if l := b.Params.Layers; l != farLayers && l != nearLayers {
			return fmt.Sprintf("llama.cpp rotates heads in models of %d layers only: with %d it computes another model", nearLayers, l)
		}
		return ""
	},
})

// nearLayers is the number of layers by which runtimes know the models that rotate heads.
const nearLayers = 32

// farLayers is the number of layers by which runtimes know the models that rotate nothing.
const farLayers = 40

// baichuanShape has the length of sequences under the name of the models that rotate nothing, too.
var baichuanShape = func() []Key {
	keys := slices.Clone(shapeKeys)
	for i := range keys {
		if keys[i].GGUF == "{a}.context_length" {
			keys[i].HF = append(slices.Clone(keys[i].HF), "model_max_length")
		}
	}
	return keys
}()

// dataLayout is a key of llama's first files, which some families' still have.
var dataLayout = Key{GGUF: "{a}.tensor_data_layout", Field: func(p *Params) any { return &p.Layout }, Default: func(p *Params) { p.Layout = "Meta AI original pth" }}

// NormRows brings the rows of a matrix to length one, where a model does that whenever it computes with them.
var NormRows = Op{Name: "norm rows", OneWay: true, Forward: func(t *formats.Tensor, p *Params) *formats.Tensor {
	if !p.NormHead || t.Rows == nil {
		return t
	}
	n := *t
	n.Type, n.Raw = quantize.ByName("F32"), nil
	n.Rows = unitRows{t.Rows, t.Cols()}
	return &n
}}

type unitRows struct {
	rows formats.Rows
	cols int
}

func (r unitRows) ReadRows(dst []float32, row int) error {
	if err := r.rows.ReadRows(dst, row); err != nil {
		return err
	}
	for ; len(dst) > 0; dst = dst[r.cols:] {
		sum := 0.0
		for _, v := range dst[:r.cols] {
			sum += float64(v) * float64(v) // exact products: nothing to fuse
		}
		norm := max(float32(math.Sqrt(sum)), 1e-12)
		for i := range dst[:r.cols] {
			dst[i] /= norm
		}
	}
	return nil
}

// baichuanContext names the length of sequences as a model's code looks for it.
func baichuanContext(p *Params) map[string]any {
	if p.Alibi > 0 {
		return map[string]any{"max_position_embeddings": unsaid, "model_max_length": p.Context}
	}
	return nil
}

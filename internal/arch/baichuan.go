package arch

import (
	"math"
	"slices"

	"quern/formats"
	"quern/quantize"
)

// Baichuan is the family of Baichuan and Baichuan 2 with 7 billion weights: llama whose queries, keys and values are one matrix. The second
// multiplies states with rows of its output head brought to length one; files hold them so.
var Baichuan = register(Arch{
	Name: "baichuan",
	Variants: []Variant{{
		Type:     "baichuan",
		HF:       []string{"BaichuanForCausalLM", "BaiChuanForCausalLM"},
		Defaults: map[string]any{"vocab_size": 64000, "rms_norm_eps": 1e-6},
	}},
	Keys: slices.Concat(shapeKeys, headKeys(ownHead), []Key{{GGUF: "general.file_type"}, dataLayout}, sizeKeys(always)[1:], sizeKeys(never)[:1]),
	Tensors: slices.Concat(without(decoder, RoleQ, RoleK, RoleV, RoleOutput), fusedQKV("model.layers.{}.self_attn.W_pack.weight"), []Rule{
		{GGUF: "output.weight", HF: "lm_head.weight", Role: RoleOutput, Shape: "V E", Optional: true, Do: NormRows},
	}),
	Drop:   []string{"*.rotary_emb.inv_freq"},
	Refuse: plainRefuses,
	Finish: func(c *Config, p *Params) error {
		_, _, second := c.Find("z_loss_weight") // only the second has it; published ones can be told by their vocabulary
		p.NormHead = second || p.Vocab == 125696
		if _, _, ok := c.Find("max_position_embeddings"); !ok || p.Layers == 40 {
			return c.fail("max_position_embeddings", formats.Unsupported("the larger Baichuan, whose positions are biases of attention, is not known"), "")
		}
		if p.KVHeads != p.Heads {
			return c.fail("num_key_value_heads", formats.Unsupported("is %d of %d heads: queries, keys and values are of one size", p.KVHeads, p.Heads), "")
		}
		return nil
	},
})

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
		for i := range dst[:r.cols] {
			dst[i] /= max(float32(math.Sqrt(sum)), 1e-12)
		}
	}
	return nil
}

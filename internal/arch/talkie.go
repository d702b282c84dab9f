package arch

import (
	"slices"

	"quern/formats"
)

// Talkie is the family of Talkie 1930: norms without weights; heads that are turned the other way, and normed behind that; numbers that multiply each head of queries, what
// the parts of a layer add, and logits; and the embedding, normed, which is added to the stream behind every layer, as often as a number of that layer says. GGUF has heads
// turned as others: the second half of each has its sign changed.
var Talkie = register(Arch{
	Name: "talkie",
	Variants: []Variant{{
		Type:     "talkie",
		HF:       []string{"TalkieForCausalLM"},
		Defaults: map[string]any{"max_position_embeddings": 2048, "rope_theta": 1e6, "head_dim": 128},
	}},
	Keys: slices.Concat(whenShared(named("block_count", "context_length", "embedding_length", "feed_forward_length", "attention.head_count", "attention.head_count_kv", "rope.freq_base")),
		headKeys(always), []Key{{GGUF: "general.file_type"},
			{GGUF: "{a}.attention.layer_norm_rms_epsilon", Field: func(p *Params) any { return &p.NormEps }, Default: func(p *Params) { p.NormEps = 1.0 / (1 << 23) }}, // of code that names none
			{GGUF: "{a}.logit_scale", Field: func(p *Params) any { return &p.Scales.Times }},
		}, quiet(named("rope.scaling.factor")...), sizeKeys(never)),
	Tensors: []Rule{
		{GGUF: "token_embd.weight", HF: "model.embed.weight", Role: RoleEmbed, Shape: "V E"},
		{GGUF: "blk.{}.attn_q.weight", HF: "model.blocks.{}.attn.attn_query.weight", Role: RoleQ, Shape: "Q E", Do: TurnBack},
		{GGUF: "blk.{}.attn_k.weight", HF: "model.blocks.{}.attn.attn_key.weight", Role: RoleK, Shape: "K E", Do: TurnBack},
		{GGUF: "blk.{}.attn_v.weight", HF: "model.blocks.{}.attn.attn_value.weight", Role: RoleV, Shape: "K E"},
		{GGUF: "blk.{}.attn_output.weight", HF: "model.blocks.{}.attn.attn_resid.weight", Role: RoleO, Shape: "E Q"},
		{GGUF: "blk.{}.attn_q_norm.weight", HF: "model.blocks.{}.attn.head_gain.head_g", Role: RoleQGain, Shape: "H 1", From: "H", Do: OneColumn, Store: "F32"},
		{GGUF: "blk.{}.attn_output.scale", HF: "model.blocks.{}.attn_gain.a_g", Role: RoleAttnGain, Shape: "1"},
		{GGUF: "blk.{}.layer_output_scale.weight", HF: "model.blocks.{}.embed_skip.a_g", Role: RoleSkip, Shape: "1"},
		{GGUF: "blk.{}.ffn_gate.weight", HF: "model.blocks.{}.mlp.mlp_gate.weight", Role: RoleGate, Shape: "F E"},
		{GGUF: "blk.{}.ffn_up.weight", HF: "model.blocks.{}.mlp.mlp_linear.weight", Role: RoleUp, Shape: "F E"},
		{GGUF: "blk.{}.ffn_down.weight", HF: "model.blocks.{}.mlp.mlp_resid.weight", Role: RoleDown, Shape: "E F"},
		{GGUF: "blk.{}.ffn_down.scale", HF: "model.blocks.{}.mlp_gain.a_g", Role: RoleFFNGain, Shape: "1"},
		{GGUF: "output.weight", HF: "lm_head", Role: RoleOutput, Shape: "V E"},
		{GGUF: "logit_scale", HF: "lm_head_gain.w_g", Shape: "1", Number: func(p *Params, _ int) *float32 { return &p.Scales.Times }},
	},
	Refuse: []Refusal{
		siluOnly,
		{HF: "tie_word_embeddings", Unless: []string{"false"}, Why: "the embedding as output head"},
	},
	Layer: Layer{RopeNeox: true, BareNorm: true, EmbedBare: true, LateBare: true},
})

// whenShared is keys of a family whose files say how many heads share keys where any do.
func whenShared(keys []Key) []Key {
	for i, k := range keys {
		if k.GGUF == "{a}.attention.head_count_kv" {
			keys[i].When = func(p *Params) bool { return p.KVHeads != p.Heads }
		}
	}
	return keys
}

// OneColumn is a vector as a matrix of one column.
var OneColumn = Op{Name: "one column",
	Forward: func(t *formats.Tensor, _ *Params) *formats.Tensor {
		n := shapedAs(t, t.Shape[0], 1)
		if t.Rows != nil {
			n.Rows = columnOf{t.Rows, t.Shape[0]}
		}
		return n
	},
	Inverse: func(t *formats.Tensor, _ *Params) *formats.Tensor { return shapedAs(t, t.Shape[0]) },
}

// columnOf are the numbers of a vector of n, each a row.
type columnOf struct {
	vector formats.Rows
	n      int
}

func (r columnOf) ReadRows(dst []float32, row int) error {
	all := make([]float32, r.n)
	if err := r.vector.ReadRows(all, 0); err != nil {
		return err
	}
	copy(dst, all[row:])
	return nil
}

// TurnBack changes the sign of the second half of each head, so that turning one way is turning the other. It undoes itself.
var TurnBack = Op{Name: "turn back", Forward: turnedBack, Inverse: turnedBack}

func turnedBack(t *formats.Tensor, p *Params) *formats.Tensor {
	n := *t
	n.Raw = nil
	if t.Rows != nil {
		n.Rows = backRows{t.Rows, t.Cols(), p.HeadDim}
	}
	return &n
}

type backRows struct {
	rows       formats.Rows
	cols, head int
}

func (r backRows) ReadRows(dst []float32, row int) error {
	if err := r.rows.ReadRows(dst, row); err != nil {
		return err
	}
	for ; len(dst) >= r.cols && r.cols > 0; dst, row = dst[r.cols:], row+1 {
		for i := range dst[:r.cols] {
			if row%r.head >= r.head/2 {
				dst[i] = -dst[i]
			}
		}
	}
	return nil
}

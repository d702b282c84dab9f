package arch

import (
	"slices"

	"quern/formats"
)

// PLaMo is the first family of that name: llama, both of whose parts are given what one norm makes, with heads that share keys by turns: files have those behind each
// other that share one.
var PLaMo = register(Arch{
	Name: "plamo",
	Variants: []Variant{{
		Type: "plamo",
		HF:   []string{"PlamoForCausalLM"},
		Defaults: map[string]any{
			"max_position_embeddings": 4096, "rms_norm_eps": 1e-6, "n_shared_head": 8,
		},
	}},
	Keys: slices.Concat(named("context_length", "embedding_length", "feed_forward_length", "block_count", "attention.head_count"), []Key{
		{GGUF: "{a}.attention.head_count_kv", HF: []string{"n_shared_head"}, Field: func(p *Params) any { return &p.KVHeads }}, // Finish divides heads by it
	}, named("attention.layer_norm_rms_epsilon"), []Key{{GGUF: "general.file_type"}}, impliedHead, sizeKeys(never), quiet(named("rope.freq_base", "rope.scaling.type", "rope.scaling.factor")...)),
	Tensors: slices.Concat(only(decoder, RoleEmbed), []Rule{
		{GGUF: "blk.{}.attn_norm.weight", HF: "model.layers.layers.{}.norm.weight", Role: RoleAttnNorm, Shape: "E"},
		{GGUF: "blk.{}.attn_q.weight", HF: "model.layers.layers.{}.self_attn.q_proj.weight", Role: RoleQ, Shape: "Q E", Do: SharersQ},
		{GGUF: "blk.{}.attn_k.weight", HF: "model.layers.layers.{}.self_attn.k_proj.weight", Role: RoleK, Shape: "K E"},
		{GGUF: "blk.{}.attn_v.weight", HF: "model.layers.layers.{}.self_attn.v_proj.weight", Role: RoleV, Shape: "K E"},
		{GGUF: "blk.{}.attn_output.weight", HF: "model.layers.layers.{}.self_attn.o_proj.weight", Role: RoleO, Shape: "E Q", Do: SharersO},
		{GGUF: "blk.{}.ffn_gate.weight", HF: "model.layers.layers.{}.mlp.gate_proj.weight", Role: RoleGate, Shape: "F E"},
		{GGUF: "blk.{}.ffn_up.weight", HF: "model.layers.layers.{}.mlp.up_proj.weight", Role: RoleUp, Shape: "F E"},
		{GGUF: "blk.{}.ffn_down.weight", HF: "model.layers.layers.{}.mlp.down_proj.weight", Role: RoleDown, Shape: "E F"},
	}, only(decoder, RoleOutputNorm, RoleOutput)),
	Drop:   []string{"*.rotary_emb.inv_freq"},
	Refuse: []Refusal{siluOnly, {HF: "tie_word_embeddings", Unless: []string{"false"}, Why: "the embedding as output head"}},
	Layer:  Layer{RopeNeox: true, Parallel: true},
	Finish: func(c *Config, p *Params) error {
		if p.KVHeads < 1 || p.Heads%p.KVHeads != 0 {
			return c.fail("n_shared_head", formats.Unsupported("is %d of %d heads, which do not share evenly", p.KVHeads, p.Heads), "")
		}
		p.KVHeads = p.Heads / p.KVHeads
		return nil
	},
})

// SharersQ and SharersO bring heads of queries that share keys, every so many of a checkpoint, next to each other: rows of the matrix that makes them, and columns of the
// one that takes them.
var (
	SharersQ = Op{Name: "sharers of queries",
		Forward: func(t *formats.Tensor, p *Params) *formats.Tensor { return permuted(t, sharers{p, false}.from) },
		Inverse: func(t *formats.Tensor, p *Params) *formats.Tensor { return permuted(t, sharers{p, true}.from) },
	}
	SharersO = Op{Name: "sharers of outputs",
		Forward: func(t *formats.Tensor, p *Params) *formats.Tensor { return movedColumns(t, sharers{p, false}.from) },
		Inverse: func(t *formats.Tensor, p *Params) *formats.Tensor { return movedColumns(t, sharers{p, true}.from) },
		Columns: func(p *Params) func(int) int { return sharers{p, false}.from },
	}
)

// sharers is that order of dimensions.
type sharers struct {
	p       *Params
	inverse bool
}

func (s sharers) from(i int) int {
	head, in := i/s.p.HeadDim, i%s.p.HeadDim
	per, groups := s.p.Heads/s.p.KVHeads, s.p.KVHeads
	if s.inverse {
		return (head%groups*per+head/groups)*s.p.HeadDim + in
	}
	return (head%per*groups+head/per)*s.p.HeadDim + in
}

// movedColumns is a matrix whose columns are in another order; its stored bytes are no longer of use.
func movedColumns(t *formats.Tensor, from func(int) int) *formats.Tensor {
	n := *t
	n.Raw = nil
	if t.Rows != nil {
		n.Rows = columnRows{t.Rows, t.Cols(), from}
	}
	return &n
}

type columnRows struct {
	rows formats.Rows
	cols int
	from func(int) int
}

func (r columnRows) ReadRows(dst []float32, row int) error {
	if err := r.rows.ReadRows(dst, row); err != nil {
		return err
	}
	was := make([]float32, r.cols)
	for ; len(dst) >= r.cols && r.cols > 0; dst = dst[r.cols:] {
		copy(was, dst)
		for i := range was {
			dst[i] = was[r.from(i)]
		}
	}
	return nil
}

// tellPLaMo is the way back.
func tellPLaMo(p *Params) map[string]any {
	return map[string]any{"n_shared_head": p.Heads / p.KVHeads}
}

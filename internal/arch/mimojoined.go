package arch

import (
	"quern/formats"
)

func inOne(p *Params, _ int) bool   { return p.Joined }
func inThree(p *Params, _ int) bool { return !p.Joined }

// FromRanks puts the rows of a matrix of queries, keys and values that were cut for several processors, each of which has its heads of all three, into the order of a whole
// one. Checkpoints in FP8 have them so, and no others.
var FromRanks = Op{Name: "parts of processors joined",
	Forward: func(t *formats.Tensor, p *Params) *formats.Tensor {
		if t.Ranks == 0 {
			return t
		}
		whole := permuted(t, ranked{t.Ranks, [3]int{p.Heads * p.HeadDim, p.KVHeads * p.HeadDim, p.KVHeads * p.ValueDim}}.from)
		whole.Ranks = 0
		return whole
	},
	OneWay: true,
}

// A ranked matrix has the rows of queries, keys and values cut for several processors.
type ranked struct {
	ranks int
	rows  [3]int // of all
}

// from is where row i of the whole matrix is.
func (r ranked) from(i int) int {
	before := 0
	for _, n := range r.rows {
		if own := n / r.ranks; i < n {
			return i/own*((r.rows[0]+r.rows[1]+r.rows[2])/r.ranks) + before + i%own
		}
		i, before = i-n, before+n/r.ranks
	}
	return i
}

// ranksOfMiMo sees whether queries, keys and values are one matrix whatever config.json says, and refuses heads that so many processors cannot share.
func ranksOfMiMo(src *formats.Source, b *Bound) error {
	p := &b.Params
	p.Joined = src.Tensor("model.layers.0.self_attn.qkv_proj.weight") != nil
	for l := range p.Layers {
		t := src.Tensor(layerName("model.layers.{}.self_attn.qkv_proj.weight", l))
		if t == nil || t.Ranks == 0 {
			continue
		}
		if q := p.At(l); q.Heads%t.Ranks != 0 || q.KVHeads%t.Ranks != 0 {
			return &formats.Error{File: src.Path, Tensor: t.Name, Err: formats.Corrupt("is laid out for %d processors, and has %d heads of queries and %d of keys", t.Ranks, q.Heads, q.KVHeads)}
		}
	}
	return nil
}

// tellMiMoV2 is the way back to config.json as MiMo-V2.5 has it.
func tellMiMoV2(p *Params) map[string]any {
	out := tellMiMo(p)
	windows, experts := make([]int, p.Layers), make([]int, p.Layers)
	for l := range p.Layers {
		if p.WindowIn[l] {
			windows[l] = 1
		}
		if p.Mixed(l) {
			experts[l] = 1
		}
	}
	part := decimal(float32(p.RopeDim) / float32(p.HeadDim))
	for key, v := range map[string]any{
		"hybrid_layer_pattern": windows, "moe_layer_freq": experts, "swa_num_attention_heads": p.Heads, "swa_head_dim": p.HeadDim, "swa_v_head_dim": p.ValueDim,
		"rope_theta": decimal(p.RopeBase), "swa_rope_theta": decimal(p.NearBase), "partial_rotary_factor": part, "attention_projection_layout": "fused_qkv", "sliding_window": p.Window - 1,
		"sliding_window_size": p.Window - 1, "rope_parameters": map[string]any{"rope_type": "default", "rope_theta": decimal(p.RopeBase), "partial_rotary_factor": part}, "mlp_layer_types": unsaid, "layer_types": unsaid,
	} {
		out[key] = v
	}
	return out
}

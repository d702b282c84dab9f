package arch

import (
	"encoding/json"
	"math"
	"slices"

	"quern/formats"
)

// A LongRope is how positions beyond training are handled by two sets of numbers that divide frequencies (arXiv:2402.13753): one for sequences
// up to RopeContext, one for longer ones. The zero value is a model without.
type LongRope struct {
	Short, Long []float32 // for each pair of dimensions
	Size        float32   // of cosines and sines; 0 is one
}

// longKey is in Phi's files; without it runtimes take one.
var longKey = Key{GGUF: "{a}.rope.scaling.attn_factor", Field: func(p *Params) any { return &p.LongRope.Size }, Default: nothing,
	When: func(p *Params) bool { return p.LongRope.Size != 0 }}

// longSize is the same in files that tell it only where it is not one.
var longSize = Key{GGUF: longKey.GGUF, Field: longKey.Field, Default: nothing, When: func(p *Params) bool { return p.LongRope.Size > 1 }}

// longShape are shapeKeys of a family whose files tell that their scaling is LongRoPE, and the context before it.
var longShape = func() []Key {
	keys := slices.Clone(shapeKeys)
	for i := range keys {
		k := &keys[i]
		long := func(p *Params) bool { return scaled(p) || p.RopeType == "longrope" }
		switch k.GGUF {
		case "{a}.rope.scaling.type":
			k.When = long
		case "{a}.rope.scaling.original_context_length":
			k.HF, k.When = []string{"rope_scaling.original_max_position_embeddings", "rope_parameters.original_max_position_embeddings"}, long
			k.Default = func(p *Params) {
				if long(p) {
					p.RopeContext = p.Context
				}
			}
		}
	}
	return keys
}()

// longTensors are the two sets.
var longTensors = []Rule{
	{GGUF: "rope_factors_long.weight", Role: RoleRopeLong, Shape: "R", Optional: true,
		Do: makeList("rope_factors_long.weight", func(p *Params) []float32 { return p.LongRope.Long })},
	{GGUF: "rope_factors_short.weight", Role: RoleRopeShort, Shape: "R", Optional: true,
		Do: makeList("rope_factors_short.weight", func(p *Params) []float32 { return p.LongRope.Short })},
}

// makeList stores a list of hyper-parameters as a tensor, where there is one.
func makeList(name string, list func(*Params) []float32) Op {
	return Op{Name: "make", Make: func(p *Params) *formats.Tensor {
		if list(p) == nil {
			return nil
		}
		return Floats(name, list(p))
	}}
}

// hasRole says whether a family has tensors of a role.
func (a *Arch) hasRole(role Role) bool {
	return slices.ContainsFunc(a.Tensors, func(r Rule) bool { return r.Role == role })
}

// hfLongRope reads the numbers of a scaling whose type is longrope; key is where they stand. How long sequences may be is read later.
func (a *Arch) hfLongRope(c *Config, key string, p *Params) error {
	l := &p.LongRope
	for i, name := range []string{key + ".short_factor", key + ".long_factor"} {
		v, _ := c.Value(name)
		if v == nil {
			return c.fail(name, formats.Corrupt("missing"), "")
		}
		if err := c.assignFloats(name, v, []*[]float32{&l.Short, &l.Long}[i]); err != nil {
			return err
		}
	}
	p.RopeType = "longrope"
	size, err := c.Float(key+".attention_factor", 0)
	if err == nil && (!(size >= 0) || size > math.MaxFloat32) {
		err = c.fail(key+".attention_factor", formats.Corrupt("must be positive"), "")
	}
	l.Size = float32(size)
	return err
}

// finish computes what follows from the other hyper-parameters: the size of cosines and sines, as the paper says.
func (l *LongRope) finish(c *Config, p *Params) error {
	if p.RopeType != "longrope" {
		return nil
	}
	for _, list := range [][]float32{l.Short, l.Long} {
		if len(list) != p.RopeDim/2 || slices.ContainsFunc(list, func(x float32) bool { return !positive(x) }) {
			return c.fail("rope_scaling", formats.Corrupt("%d factors for %d pairs of dimensions, or some that are not positive", len(list), p.RopeDim/2), "")
		}
	}
	if p.RopeContext <= 1 {
		return c.fail("original_max_position_embeddings", formats.Corrupt("is %d", p.RopeContext), "")
	}
	if l.Size == 0 {
		l.Size = l.size(p)
	}
	return nil
}

// size is what the paper says.
func (l *LongRope) size(p *Params) float32 {
	by := float64(p.Context) / float64(p.RopeContext)
	if by <= 1 {
		return 1
	}
	return float32(math.Sqrt(1 + Natural(by)/Natural(float64(p.RopeContext))))
}

// tell is the same for config.json.
func (l *LongRope) tell(p *Params) map[string]any {
	out := map[string]any{"type": "longrope", "rope_type": "longrope", "short_factor": decimals(l.Short), "long_factor": decimals(l.Long),
		"original_max_position_embeddings": p.RopeContext}
	if l.Size != l.size(p) {
		out["attention_factor"] = decimal(max(l.Size, 1))
	}
	return out
}

func decimals(x []float32) (list []json.Number) {
	for _, v := range x {
		list = append(list, decimal(v))
	}
	return list
}

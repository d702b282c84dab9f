package arch

import (
	"math"
	"strings"

	"quern/formats"
)

// A GGUF file may carry, beside X.weight, a tensor X.scale with one number for each matrix in it, which products with the weight are
// multiplied by; llama.cpp looks for it whatever the family. X.input_scale is for activations that are rounded with a fixed
// scale, as none of its CPU products does.

// companion takes a tensor that belongs to another one; false if it does not.
func (b *binder) companion(t *formats.Tensor) bool {
	if b.companions == nil {
		return false
	}
	if base, ok := strings.CutSuffix(t.Name, ".input_scale"); ok {
		if _, ok = b.expect[base+".weight"]; ok {
			b.bound.Dropped = append(b.bound.Dropped, t.Name)
		}
		return ok
	}
	base, ok := strings.CutSuffix(t.Name, ".scale")
	if !ok {
		return false
	}
	if _, ok = b.expect[base+".weight"]; ok {
		b.companions[base+".weight"] = t
	}
	return ok
}

// scale gives tensors the numbers of their companions.
func (b *binder) scale() error {
	for _, t := range b.bound.Tensors {
		c := b.companions[t.Name]
		if c == nil {
			continue
		}
		matrices := 1
		for _, d := range t.Shape[:max(0, len(t.Shape)-2)] {
			matrices *= d
		}
		if c.Rows == nil || c.Elems() != matrices {
			return b.fail(c.Name, formats.Corrupt("has shape %v and type %s, which is not a number for each of %d matrices", c.Shape, c.Type, matrices), "")
		}
		scale := make([]float32, matrices)
		if err := c.Rows.ReadRows(scale, 0); err != nil {
			return err
		}
		for _, x := range scale {
			if !(math.Abs(float64(x)) <= math.MaxFloat32) {
				return b.fail(c.Name, formats.Corrupt("holds %v", x), "")
			}
		}
		*t = *t.Times(scale)
	}
	return nil
}

package model

import (
	"slices"

	"quern/formats"
	"quern/internal/arch"
)

// split gives each of several matrices that are stored as one tensor its rows of it. They stay promises: what is read for
// one of them is its part of the stored bytes. Their biases are one vector.
func split(slots []slot, t *formats.Tensor, o arch.Origin) error {
	bias := make([]float32, 0)
	if len(t.Shape) == 1 {
		if err := readVector(&bias, t, t.Elems()); err != nil {
			return err
		}
	}
	from := 0
	for _, role := range append([]arch.Role{o.Rule.Role}, o.Rule.And...) {
		i := slices.IndexFunc(slots, func(s slot) bool { return s.role == role })
		if i < 0 || len(t.Shape) == 0 || from+slots[i].n > t.Shape[0] {
			return formats.Corrupt("has shape %v, too small for the matrices in it", t.Shape)
		}
		to := from + slots[i].n
		if len(t.Shape) == 1 {
			slots[i].matrix.bias = bias[from:to]
		} else if err := put(slots, t.Part(from, slots[i].n), role, o.Layer); err != nil {
			return err
		}
		from = to
	}
	return shaped(t, append([]int{from}, t.Shape[1:]...)...)
}

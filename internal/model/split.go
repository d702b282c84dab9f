package model

import (
	"slices"

	"quern/formats"
	"quern/internal/arch"
)

// split gives each of several matrices that are stored as one tensor its rows of it. They stay promises: what is read for
// one of them is its part of the stored bytes.
func split(slots []slot, t *formats.Tensor, o arch.Origin) error {
	from := 0
	for _, role := range append([]arch.Role{o.Rule.Role}, o.Rule.And...) {
		i := slices.IndexFunc(slots, func(s slot) bool { return s.role == role })
		if i < 0 || len(t.Shape) != 2 || from+slots[i].n > t.Shape[0] {
			return formats.Corrupt("has shape %v, too small for the matrices in it", t.Shape)
		}
		if err := put(slots, t.Part(from, slots[i].n), role, o.Layer); err != nil {
			return err
		}
		from += slots[i].n
	}
	return shaped(t, from, t.Shape[1])
}

package model

import (
	"io"
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
		if err := put(slots, rowsOf(t, from, slots[i].n), role, o.Layer); err != nil {
			return err
		}
		from += slots[i].n
	}
	return shaped(t, from, t.Shape[1])
}

// rowsOf is n rows of a matrix as a matrix.
func rowsOf(t *formats.Tensor, from, n int) *formats.Tensor {
	part := *t
	part.Shape = []int{n, t.Shape[1]}
	part.Rows = laterRows{t.Rows, from}
	if t.Raw != nil {
		row := t.Bytes() / int64(t.Shape[0])
		part.Raw = io.NewSectionReader(t.Raw, int64(from)*row, int64(n)*row)
	}
	return &part
}

type laterRows struct {
	rows formats.Rows
	from int
}

func (r laterRows) ReadRows(dst []float32, row int) error { return r.rows.ReadRows(dst, r.from+row) }

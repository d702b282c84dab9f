package convert

import (
	"slices"
	"sort"

	"quern/formats"
	"quern/internal/arch"
	"quern/quantize"
)

// GPTQ's act-order spreads the columns of a group over the row. Where the inputs of a matrix are the outputs of others and nothing lies
// between that knows their order, all of them can be put into another one without a change of what the model computes. That holds for the
// last matrix of a feed-forward network: its columns are sorted by group, and the rows of the two before it go the same way.

// straighten sorts the inner dimension of every layer whose last matrix has codes in act-order, and returns how many layers that were.
func straighten(b *arch.Bound) (layers int, err error) {
	for l := range b.Params.Layers {
		at := map[arch.Role]int{}
		whole := true
		for i, o := range b.Origins {
			if o.Layer != l {
				continue
			}
			switch o.Rule.Role {
			case arch.RoleGate, arch.RoleUp, arch.RoleDown:
				_, twice := at[o.Rule.Role]
				whole = whole && !twice && len(b.Tensors[i].Shape) == 2 && len(o.Rule.And) == 0
				at[o.Rule.Role] = i
			}
		}
		if !whole || len(at) != 3 {
			continue // biases, experts, or a gate and up in one
		}
		order, err := sortedColumns(b.Tensors[at[arch.RoleDown]])
		if err != nil {
			return layers, err
		}
		if order == nil {
			continue
		}
		layers++
		down := *b.Tensors[at[arch.RoleDown]]
		down.Rows, down.Raw = sortedCodes{formats.CodesOf(&down), order}, nil
		b.Tensors[at[arch.RoleDown]] = &down
		for _, role := range []arch.Role{arch.RoleGate, arch.RoleUp} {
			b.Tensors[at[role]] = arch.Moved(b.Tensors[at[role]], func(row int) int { return order[row] })
		}
	}
	return layers, nil
}

// sortedColumns is the order in which the groups of a matrix stand one after the other; nil when they do already, or when they are of
// different sizes.
func sortedColumns(t *formats.Tensor) ([]int, error) {
	c := formats.CodesOf(t)
	if c == nil {
		return nil, nil
	}
	if o, err := c.Ordered(); err != nil || !o {
		return nil, err
	}
	var q quantize.Codes
	if err := c.ReadCodes(&q, 0, 1); err != nil {
		return nil, err
	}
	order := make([]int, t.Cols())
	for k := range order {
		order[k] = k
	}
	sort.SliceStable(order, func(i, j int) bool { return q.Order[order[i]] < q.Order[order[j]] })
	for i, k := range order {
		if q.Group <= 0 || int(q.Order[k]) != i/q.Group {
			return nil, nil
		}
	}
	return order, nil
}

// sortedCodes are codes whose columns were sorted by group.
type sortedCodes struct {
	formats.Coded
	order []int
}

func (s sortedCodes) Ordered() (bool, error) { return false, nil }

func (s sortedCodes) ReadRows(dst []float32, row int) error {
	if err := s.Coded.ReadRows(dst, row); err != nil {
		return err
	}
	line := make([]float32, len(s.order))
	for ; len(dst) > 0; dst = dst[len(line):] {
		copy(line, dst)
		for i, k := range s.order {
			dst[i] = line[k]
		}
	}
	return nil
}

func (s sortedCodes) ReadCodes(c *quantize.Codes, row, rows int) error {
	if err := s.Coded.ReadCodes(c, row, rows); err != nil {
		return err
	}
	c.Order = nil
	for i := range rows {
		line := c.Q[i*c.Cols : (i+1)*c.Cols]
		old := slices.Clone(line)
		for j, k := range s.order {
			line[j] = old[k]
		}
	}
	return nil
}

package quantize

import "fmt"

// Reshape makes c rows of undefined codes, scales, and zero points or offsets. What it held before is reused where it is large enough.
func (c *Codes) Reshape(g Grid, rows, cols int, offsets bool) {
	n := rows * g.Groups(cols)
	c.Grid, c.Rows, c.Cols, c.Order = g, rows, cols, nil
	c.Q, c.Scale = room(c.Q, rows*cols), room(c.Scale, n)
	zero, offset := c.Zero, c.Offset
	c.Zero, c.Offset = nil, nil
	switch {
	case offsets:
		c.Offset = room(offset, n)
	case !g.Symmetric:
		c.Zero = room(zero, n)
	}
}

// CopyRows copies n rows of codes of the same shape.
func (c *Codes) CopyRows(to int, src *Codes, from, n int) {
	g := src.Groups(src.Cols)
	copy(c.Q[to*src.Cols:], src.Q[from*src.Cols:(from+n)*src.Cols])
	copy(c.Scale[to*g:], src.Scale[from*g:(from+n)*g])
	if src.Zero != nil {
		copy(c.Zero[to*g:], src.Zero[from*g:(from+n)*g])
	}
	if src.Offset != nil {
		copy(c.Offset[to*g:], src.Offset[from*g:(from+n)*g])
	}
	c.Order = src.Order
}

// Tile fills a tile of groups of 32 with columns of row i, beginning with the given one. Groups of neighbours are multiples of them.
func (c *Codes) Tile(t Tile, i, from int) {
	size := c.Group
	if size <= 0 {
		size = c.Cols
	}
	groups := c.Groups(c.Cols)
	q := c.Q[i*c.Cols+from:][:len(t.Code)]
	for b := range t.Scale {
		scale, zero, offset := c.point(i*groups + (from+32*b)/size)
		t.Scale[b], t.Min[b] = scale, offset
		code := t.Code[32*b:][:32]
		for k, v := range q[32*b:][:32] {
			code[k] = int8(int(v) - zero)
		}
	}
}

// ZeroOf is the zero point of a group of row i, for codes without an Offset.
func (c *Codes) ZeroOf(i, group int) int {
	if c.Zero == nil {
		return c.Levels() / 2
	}
	return int(c.Zero[i*c.Groups(c.Cols)+group])
}

func room[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// Sound says what is wrong with the numbers of codes that are about to be stored: codes beyond the grid, scales that no product survives.
func (c *Codes) Sound() error {
	for i, q := range c.Q {
		if int(q) >= c.Levels() {
			return fmt.Errorf("code %d of row %d is %d, of %d bits", i%c.Cols, i/c.Cols, q, c.Bits)
		}
	}
	groups := c.Groups(c.Cols)
	for i, s := range c.Scale {
		if s == 0 || s-s != 0 {
			return fmt.Errorf("the scale of group %d of row %d is %g", i%groups, i/groups, s)
		}
		if c.Offset != nil && c.Offset[i]-c.Offset[i] != 0 {
			return fmt.Errorf("the offset of group %d of row %d is %g", i%groups, i/groups, c.Offset[i])
		}
		if c.Zero != nil && int(c.Zero[i]) >= c.Levels() {
			return fmt.Errorf("the zero point of group %d of row %d is %d, of %d bits", i%groups, i/groups, c.Zero[i], c.Bits)
		}
	}
	return nil
}

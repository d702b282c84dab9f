package quantize

import "fmt"

// A Grid is a uniform quantization: every group of consecutive columns of a row has one scale, and codes count its steps.
// GPTQ, AWQ, compressed-tensors and MLX checkpoints hold such codes; a method makes them, a format stores them.
type Grid struct {
	Bits      int  // 2, 3, 4 or 8
	Group     int  // columns that share a scale; 0 = the whole row
	Symmetric bool // the zero point of every group is 1<<(Bits-1)
}

// Levels is the number of codes.
func (g Grid) Levels() int { return 1 << g.Bits }

// Groups is the number of scales of a row of cols columns; the last group may be short.
func (g Grid) Groups(cols int) int {
	if g.Group <= 0 {
		return 1
	}
	return (cols + g.Group - 1) / g.Group
}

// Codes are rows of a matrix on a Grid: W[i][k] = Scale[i][g]·(Q[i][k] − Zero[i][g]), g being the group of column k. Scales have already
// been rounded to what the file will hold, so these are the weights that a runtime will see.
type Codes struct {
	Grid
	Rows, Cols int
	Q          []uint8   // [Rows][Cols]
	Scale      []float32 // [Rows][Groups]
	Zero       []uint8   // [Rows][Groups]; nil where Symmetric
	Offset     []float32 // [Rows][Groups]: W = Scale·Q + Offset, and Zero is nil (MLX); else nil
	Order      []int32   // [Cols]: the group of each column (GPTQ's g_idx); nil = consecutive columns
}

// NewCodes are rows of zero codes, with zero points where the grid has them.
func NewCodes(g Grid, rows, cols int) *Codes {
	n := rows * g.Groups(cols)
	c := &Codes{Grid: g, Rows: rows, Cols: cols, Q: make([]uint8, rows*cols), Scale: make([]float32, n)}
	if !g.Symmetric {
		c.Zero = make([]uint8, n)
	}
	return c
}

// GroupOf is the group of column k.
func (c *Codes) GroupOf(k int) int {
	switch {
	case c.Order != nil:
		return int(c.Order[k])
	case c.Group <= 0:
		return 0
	}
	return k / c.Group
}

// Row decodes row i: the product of a scale and an exact integer, rounded once.
func (c *Codes) Row(dst []float32, i int) {
	groups := c.Groups(c.Cols)
	q := c.Q[i*c.Cols:][:c.Cols]
	if c.Order != nil {
		for k, v := range q {
			scale, zero, offset := c.point(i*groups + int(c.Order[k]))
			dst[k] = float32(scale*float32(int(v)-zero)) + offset
		}
		return
	}
	size := c.Group
	if size <= 0 {
		size = c.Cols
	}
	for g := range groups {
		scale, zero, offset := c.point(i*groups + g)
		out := dst[g*size : min((g+1)*size, c.Cols)]
		for k, v := range q[g*size:][:len(out)] {
			out[k] = float32(scale*float32(int(v)-zero)) + offset
		}
	}
}

// point is what the codes of a group mean: scale·(q − zero) + offset.
func (c *Codes) point(at int) (scale float32, zero int, offset float32) {
	switch {
	case c.Offset != nil:
		return c.Scale[at], 0, c.Offset[at]
	case c.Zero != nil:
		return c.Scale[at], int(c.Zero[at]), 0
	}
	return c.Scale[at], c.Levels() / 2, 0
}

// Check says what is wrong with the sizes and values of c, for codes that come from a file.
func (c *Codes) Check() error {
	groups := c.Groups(c.Cols)
	switch {
	case c.Bits < 1 || c.Bits > 8:
		return fmt.Errorf("codes of %d bits", c.Bits)
	case len(c.Q) != c.Rows*c.Cols || len(c.Scale) != c.Rows*groups:
		return fmt.Errorf("%d codes and %d scales for %d×%d weights", len(c.Q), len(c.Scale), c.Rows, c.Cols)
	case c.Zero != nil && len(c.Zero) != len(c.Scale), c.Offset != nil && len(c.Offset) != len(c.Scale):
		return fmt.Errorf("%d scales and another number of zero points", len(c.Scale))
	case c.Order != nil && len(c.Order) != c.Cols:
		return fmt.Errorf("group numbers for %d columns of %d", len(c.Order), c.Cols)
	}
	for k, g := range c.Order {
		if g < 0 || int(g) >= groups {
			return fmt.Errorf("column %d is of group %d, of %d groups", k, g, groups)
		}
	}
	return nil
}

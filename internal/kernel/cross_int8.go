package kernel

// CrossGroup is the number of rows of a CrossI8 of which each column has a scale of its own, topCross the greatest code: with it the products of a group
// and of codes with a bias stay within 16 bits, which the product is fastest with.
const (
	CrossGroup = Lanes
	topCross   = 31
)

// A CrossI8 is columns of numbers in int8 codes, as both factors of the products of all pairs of them.
type CrossI8 struct {
	k      int
	left   ActsI8    // each column a row
	panels []PanelI8 // of LanesI8 columns
}

// A CrossRoom is the room in which a group of rows is coded.
type CrossRoom struct {
	x     []float32 // [columns][CrossGroup]
	code  []int8
	scale []float32 // [columns]
	sum   []int32   // of sixteen codes each
}

// Reset makes room for some rows, a multiple of CrossGroup, of k columns, reusing the memory.
func (c *CrossI8) Reset(k, rows int) {
	c.k = k
	c.left.Reset(k, rows, CrossGroup, CrossGroup)
	c.left.Most = topCross
	if n := (k + LanesI8 - 1) / LanesI8; len(c.panels) != n {
		c.panels = make([]PanelI8, n)
	}
	for i := range c.panels {
		c.panels[i].Reset(rows, CrossGroup, CrossGroup)
	}
}

// Code codes CrossGroup rows of x as the group at the given place; groups may be coded side by side. A column's scale is a part of its greatest magnitude in
// the group, its codes are the nearest ones. One with a number that is not finite has a scale that is not.
func (c *CrossI8) Code(room *CrossRoom, x []float32, group int) {
	const n = CrossGroup
	wide := (c.k + RowTile*LanesI8 - 1) / (RowTile * LanesI8) * RowTile * LanesI8
	room.x, room.code = grown(room.x, c.k*n), grown(room.code, wide*n)
	room.scale, room.sum = grown(room.scale, wide), grown(room.sum, wide*n/16)
	clear(room.code[c.k*n:])
	clear(room.scale[c.k:])
	PackF32(room.x, x, n, c.k)
	for i := range c.k {
		room.scale[i] = codeCross(room.code[i*n:][:n], room.x[i*n:][:n])
	}
	sum16.best(room.sum, room.code)
	for at := 0; at < c.k; at += RowTile {
		c.placeLeft(room, at, group)
	}
	for i := range c.panels {
		p := &c.panels[i]
		for r := 0; r < LanesI8; r += 4 {
			interleave(words(p.Code[group*n*LanesI8:])[r:], LanesI8, words(room.code[(i*LanesI8+r)*n:]), n/4, n/4)
		}
		copy(p.Scale[group*LanesI8:][:LanesI8], room.scale[i*LanesI8:])
	}
}

// placeLeft puts a tile of columns where the left factor has them.
func (c *CrossI8) placeLeft(room *CrossRoom, at, group int) {
	const n = CrossGroup
	a := &c.left
	code := words(a.Code[at*a.K+group*n*RowTile:])
	for r := 0; r < RowTile; r += 4 {
		interleave(code[r:], RowTile, words(room.code[(at+r)*n:]), n/4, n/4)
	}
	to := at*(a.K/n) + group*RowTile
	copy(a.Scale[to:][:RowTile], room.scale[at:])
	for i := range RowTile {
		s := room.sum[2*(at+i)] + room.sum[2*(at+i)+1]
		a.Sum[to+i], a.Start[to+i] = float32(s), -128*s
	}
}

// codeCross codes numbers and returns their scale.
func codeCross(code []int8, x []float32) float32 {
	const least = 1e-30 // the inverses of smaller ones are not finite
	hi, lo := extremes.best(x)
	top := max(hi, -lo)
	if !(top >= least) || top-top != 0 {
		clear(code)
		return top - top // zero, or NaN
	}
	roundI8.best(code, x, topCross/top)
	return top / topCross
}

// Panels is how many runs of LanesI8 columns there are.
func (c *CrossI8) Panels() int { return len(c.panels) }

// Multiply sets dst [k][LanesI8], whose rows are columns from the one that it returns on, to their products with those of a panel, of the first so many
// groups. The columns before it come before the panel's own.
func (c *CrossI8) Multiply(dst []float32, panel, groups int) (from int) {
	from = panel * LanesI8 / RowTile * RowTile
	m := (c.k+RowTile-1)/RowTile*RowTile - from
	p := &c.panels[panel]
	p.ranged, p.raised, p.summed = false, false, false // codes are other ones than the last time
	MatMulI8(dst, LanesI8, &c.left, from, m, p, 0, groups*CrossGroup)
	return from
}

package quantize

import "quern/internal/kernel"

// What a super-block's points, four or eight weights each, may become: members of the codebook around what they round to at
// several scales. Weights are in units of the scale that takes the largest of their group to the highest level, so that the scales
// are the same for all groups.

// A candidates finds the members of one codebook with one set of values of the levels or several.
type candidates struct {
	book   *gridBook
	near   *nearList
	turns  *kernel.GridTurns // or nil where the codebook has too few members for them
	grid   *kernel.Grid
	rounds int
	lowest float32 // of the scales at which points are rounded
	each   float32 // how many of them there are in one
	p, q   [2048]float32
	gain   [super / 4]float32
}

const farScale = 100 // beyond it members do not differ

// newCandidates rounds points at scales between two, so many of them for each set of values.
func newCandidates(b *gridBook, rounds int, lowest, highest float32, value ...[]float32) *candidates {
	c := &candidates{book: b, near: b.surroundings(), turns: b.turned(), rounds: rounds, lowest: lowest, each: float32(rounds-1) / (highest - lowest)}
	scale := make([]float32, rounds)
	for r := range scale {
		scale[r] = between(lowest, highest, r, rounds)
	}
	c.grid = kernel.NewGrid(b.dims, value, c.near.level, scale)
	return c
}

// window is where the candidates for a scale begin.
func (c *candidates) window(scale float32) uint32 {
	round := int32((scale - c.lowest) * c.each)
	return uint32(min(max(round-1, 0), int32(c.rounds)-kernel.GridWindow/kernel.GridNear)) * kernel.GridNear
}

// free is what points gain at a scale if all that levels can make were members; good until the next.
func (c *candidates) free(x, w []float32, scale float32) []float32 {
	n := len(x) / c.grid.Dims
	c.grid.Free(c.gain[:n], x, w, scale)
	return c.gain[:n]
}

// part is the part of a block's loss that must be at stake.
func (c *candidates) part() float64 {
	if c.book.dims == 4 {
		return seekPart4
	}
	return seekPart
}

// better looks for a member that gains more at a scale, and returns its sums: 2·Σ w·x·code and Σ w·code².
func (c *candidates) better(x, w []float32, scale, gain float32) (member uint16, p, q float32, ok bool) {
	ps, qs := c.p[:len(c.near.all)], c.q[:len(c.near.all)]
	c.grid.Sums(ps, qs, c.near.all, x, w)
	m := kernel.MostGain(ps, qs, scale)
	p, q = ps[m], qs[m]
	return uint16(m), p, q, p-float32(scale*q) > gain
}

// member is what candidate j of a point is.
func (c *candidates) member(room *kernel.GridPoints, point, j int) uint16 {
	return c.near.member[int(room.Place[point*kernel.GridRounds+j/kernel.GridNear])+j%kernel.GridNear]
}

// take gives points the members that turns found, and returns their group's sums.
func (c *candidates) take(member []uint16, found []kernel.GridTurn, fits *groupFits, g int) (p, q float64) {
	var lx, l2 float32
	for i := range found {
		member[i] = c.near.member[found[i].Place]
		lx, l2 = lx+found[i].LX, l2+found[i].L2
	}
	return fits.sums(g, lx, l2)
}

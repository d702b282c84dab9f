package quantize

import "quern/internal/kernel"

// What a super-block's points, four or eight weights each, may become: members of the codebook around what they round to at
// several scales. Weights are in units of the scale that takes the largest of their group to the highest level, so that the scales
// are the same for all groups.

// A candidates is room for one super-block, with one set of values of the levels.
type candidates struct {
	grid   *kernel.Grid
	near   *nearList
	lowest float32 // of the scales at which points are rounded
	each   float32 // how many of them there are in one
	room   kernel.GridPoints
	beyond [super / 4]bool   // the last member of every other scale is one that is not near
	extra  [super / 4]uint16 // that member
	p, q   [2048]float32
	gain   [8]float32
	found  [8 * maxScales]uint32
	sumP   [maxScales]float32
	sumQ   [maxScales]float32
	first  [maxScales]uint32
}

const (
	maxScales = 16  // at once
	farScale  = 100 // beyond it members do not differ
)

// newCandidates rounds points at scales between two.
func newCandidates(b *gridBook, value []float32, lowest, highest float32) *candidates {
	c := &candidates{near: b.surroundings(), lowest: lowest, each: (kernel.GridRounds - 1) / (highest - lowest)}
	var inverse [kernel.GridRounds]float32
	for r := range inverse {
		inverse[r] = 1 / between(lowest, highest, r, len(inverse))
	}
	c.grid = kernel.NewGrid(b.dims, value, c.near.level, inverse[:])
	c.room = kernel.NewGridPoints(super / b.dims)
	return c
}

// fill takes the points of weights x from point at on; w is what their squared errors count for, not above one.
func (c *candidates) fill(at int, x, w []float32) {
	n := len(x) / c.grid.Dims
	c.grid.Fill(c.room.From(at), x, w)
	clear(c.beyond[at : at+n])
}

// free is what points gain at a scale if all that levels can make were members; good until the next.
func (c *candidates) free(x, w []float32, scale float32) []float32 {
	n := len(x) / c.grid.Dims
	c.grid.Free(c.gain[:n], x, w, scale)
	return c.gain[:n]
}

// seek looks at all members for what gains most at a scale, instead of those that are near. Where that is more than gain by a part that
// counts, the member takes the place of the last that is near at every other scale, and its sums are returned.
func (c *candidates) seek(point int, x, w []float32, scale, gain float32) (member uint16, p, q float32, ok bool) {
	ps, qs := c.p[:len(c.near.all)], c.q[:len(c.near.all)]
	c.grid.Sums(ps, qs, c.near.all, x, w)
	m := kernel.MostGain(ps, qs, scale)
	p, q = ps[m], qs[m]
	if !(p-float32(scale*q) > gain) {
		return 0, 0, 0, false
	}
	sum := c.room.From(point).Sum[:2*kernel.GridSet]
	for r := 1; r < kernel.GridRounds; r += 2 {
		at := (r+1)*kernel.GridNear - 1
		sum[at], sum[kernel.GridSet+at] = p, q
	}
	c.beyond[point], c.extra[point] = true, uint16(m)
	return uint16(m), p, q, true
}

// sums are those of a point's candidate: 2·Σ w·x·code and Σ w·code².
func (c *candidates) sums(point, found int) (p, q float32) {
	sum := c.room.From(point).Sum[:2*kernel.GridSet]
	return sum[found], sum[kernel.GridSet+found]
}

// pick chooses the best candidate of each of so many points at each scale, which it bounds, a multiple of kernel.GridScales of them, and returns for
// each Σ 2·w·x·code and Σ w·code². chosen tells which they are, until the next pick.
func (c *candidates) pick(at, points int, scale []float32) (lx, l2 []float32) {
	for t, s := range scale {
		scale[t] = min(s, farScale)
		round := int32((scale[t] - c.lowest) * c.each)
		c.first[t] = uint32(min(max(round-1, 0), kernel.GridRounds-kernel.GridWindow/kernel.GridNear)) * kernel.GridNear
	}
	n := len(scale)
	kernel.PickGrid(c.found[:], c.sumP[:n], c.sumQ[:n], c.room.From(at), points, scale, c.first[:n])
	return c.sumP[:n], c.sumQ[:n]
}

// chosen is the candidate of a point of the last pick, of so many points, at its scale number t.
func (c *candidates) chosen(k, points, t int) int {
	return int(c.found[(t/kernel.GridScales*points+k)*kernel.GridScales+t%kernel.GridScales])
}

// member is what candidate j of a point is.
func (c *candidates) member(point, j int) uint16 {
	if c.beyond[point] && j%(2*kernel.GridNear) == 2*kernel.GridNear-1 {
		return c.extra[point]
	}
	number := c.room.Number[point*kernel.GridRounds+j/kernel.GridNear]
	return c.near.member[int(number)*kernel.GridNear+j%kernel.GridNear]
}

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
	scale  [kernel.GridRounds]float32
	room   kernel.GridPoints
	alone  [super / 4]bool                          // some weigh much: the last member of every other scale is the best of all
	extra  [super / 4][kernel.GridRounds / 2]uint16 // that member
	p, q   [2048]float32
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
		c.scale[r] = between(lowest, highest, r, len(inverse))
		inverse[r] = 1 / c.scale[r]
	}
	c.grid = kernel.NewGrid(b.dims, value, c.near.level, inverse[:])
	c.room = kernel.NewGridPoints(super / b.dims)
	return c
}

// fill takes the points of weights x from point at on; w is what their squared errors count for, not above one.
func (c *candidates) fill(at int, x, w []float32) {
	d := c.grid.Dims
	c.grid.Fill(c.room.From(at), x, w)
	for k := range len(x) / d {
		if c.alone[at+k] = dominated(w[k*d:][:d]); c.alone[at+k] {
			c.thorough(at+k, x[k*d:][:d], w[k*d:][:d])
		}
	}
}

// dominated says whether one weight has more than twice its share: then what is near is not what is good.
func dominated(w []float32) bool {
	var sum, top float32
	for _, v := range w {
		sum += v
		top = max(top, v)
	}
	return top*float32(len(w)) > 2*sum
}

// thorough puts the best of all members at every other scale in place of the last that is near.
func (c *candidates) thorough(point int, x, w []float32) {
	p, q := c.p[:len(c.near.all)], c.q[:len(c.near.all)]
	c.grid.Sums(p, q, c.near.all, x, w)
	sum := c.room.From(point).Sum[:2*kernel.GridSet]
	for r := 1; r < kernel.GridRounds; r += 2 {
		m := kernel.MostGain(p, q, c.scale[r])
		at := (r+1)*kernel.GridNear - 1
		c.extra[point][r/2], sum[at], sum[kernel.GridSet+at] = uint16(m), p[m], q[m]
	}
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
	if c.alone[point] && j%(2*kernel.GridNear) == 2*kernel.GridNear-1 {
		return c.extra[point][j/(2*kernel.GridNear)]
	}
	number := c.room.Number[point*kernel.GridRounds+j/kernel.GridNear]
	return c.near.member[int(number)*kernel.GridNear+j%kernel.GridNear]
}

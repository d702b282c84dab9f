package kernel

import "math"

// Where levels are three and points have eight dimensions, the best member is nearly always one that makes some weights the level on their other
// side: there are 256 ways to turn them, of which those that make members are known in sixteens.

// GridTurns is what makes members of a codebook with three levels in eight dimensions, four of them a half point.
type GridTurns struct {
	member []uint16             // of each interval of four weights, and each other half point: the turns of these four that make a member
	half   [turnKeys][16]uint16 // of each interval of four weights, twice the half point that a turn makes
}

const (
	turnKeys   = 256 // four weights, each below the lower threshold, above it, below the upper one or above that
	turnHalves = 81
	turnSteps  = 4000 // what a point loses is measured in so many
)

// NewGridTurns makes the tables of a codebook; is says whether a point is a member of it.
func NewGridTurns(is func(number int) bool) *GridTurns {
	t := &GridTurns{member: make([]uint16, turnKeys*turnHalves)}
	for key := range turnKeys {
		for turn := range 16 {
			point, place := 0, 1
			for i := range 4 {
				at := key >> (2 * i) & 3
				level := [4]int{0, 1, 1, 2}[at]
				if turn>>i&1 != 0 {
					level = [4]int{1, 0, 2, 1}[at]
				}
				point += place * level
				place *= 3
			}
			t.half[key][turn] = uint16(2 * point)
			for high := range turnHalves {
				if is(point + turnHalves*high) {
					t.member[key*turnHalves+high] |= 1 << turn
				}
			}
		}
	}
	return t
}

// A GridTurn is what turns are asked and answer about a point.
type GridTurn struct {
	Scale  float32 // what its values are multiplied by
	Found  uint32  // the candidate that is known
	Place  uint32  // where in Near the best member is
	LX, L2 float32 // its sums
	key    uint32  // the interval of each weight
	next   uint32  // in element n: the n-th point that is worth a look
	loss   [8]uint16
}

const (
	turnLimit = 16 * (turnSteps - 8) // what is lost now, in steps, above the turn of four weights
	turnLeast = 1e-30                // less than that is nothing to lose
	turnWorth = 1. / 4096            // of what is gained: less than that is no matter
)

// Find answers about points of eight weights x, of which errors count for w, and their candidates in a grid.
func (t *GridTurns) Find(k []GridTurn, from *GridPoints, g *Grid, x, w []float32) {
	if len(k) > 0 {
		gridTurns.best(t, k, from, g, x[:8*len(k)], w[:8*len(k)])
	}
}

var gridTurns = portable(func(t *GridTurns, k []GridTurn, from *GridPoints, g *Grid, x, w []float32) {
	n := 0
	for i := range k {
		j := k[i].Found
		k[i].Place = from.Place[i*GridRounds+int(j/GridNear)] + j%GridNear
		k[i].LX, k[i].L2 = from.Sums(i, int(j))
		k[n].next = uint32(i)
		if k[i].measure(g, x[8*i:][:8], w[8*i:][:8]) {
			n++
		}
	}
	for i := range n {
		at := int(k[i].next)
		if number, ok := t.find(&k[at]); ok {
			k[at].take(g, number, x[8*at:][:8], w[8*at:][:8])
		}
	}
})

// measure says whether a point may gain more than it does. It can not where the next best to the nearest levels of all weights is known already.
func (k *GridTurn) measure(g *Grid, x, w []float32) bool {
	var lost, free [8]float32
	v := k.table(g)[gridAims:][:5]
	s := k.Scale
	gain := s * (k.LX - float32(s*k.L2))
	middle := s * v[4]
	k.key = 0
	least := float32(math.Inf(1))
	for i, x := range x {
		a, b := (x+x-float32(s*v[0]))*float32(w[i]*float32(s*v[2])), (x+x-float32(s*v[1]))*float32(w[i]*float32(s*v[3]))
		above, over := math.Float32bits(a)>>31^1, math.Float32bits(b)>>31^1
		near := over
		if absolute(a) > absolute(b) {
			near |= above
		}
		k.key |= (above + near + over) << (2 * i)
		lost[i] = min(absolute(a), absolute(b))
		least = min(least, lost[i])
		free[i] = float32(w[i]*float32(middle*((x+x)-middle))) + max(b, 0) - min(a, 0)
	}
	for i := range 4 {
		free[i] += free[i+4]
	}
	more := (free[0] + free[2]) + (free[1] + free[3]) - gain
	inverse := turnSteps / max(more, turnLeast)
	for i, v := range lost {
		k.loss[i] = uint16(min(v*inverse, 4095)) << 4
	}
	return more > max(least+float32(gain*turnWorth), turnLeast)
}

// find measures in words that do not go beyond their largest.
func (t *GridTurns) find(k *GridTurn) (number uint32, ok bool) {
	var side [2][16]uint32
	for half := range side {
		for turn := range side[half] {
			sum := uint32(0)
			for i := range 4 {
				sum = min(sum+uint32(k.loss[4*half+i])*uint32(turn>>i&1), math.MaxUint16)
			}
			side[half][turn] = sum
		}
	}
	low, high := k.key&0xff, k.key>>8
	least, turn := uint32(math.MaxUint16), 0
	for i, sum := range side[0] {
		for other, more := range side[1] {
			if t.member[low*turnHalves+uint32(t.half[high][other]/2)]>>i&1 != 0 {
				if sum := sum + (more | uint32(other)); sum < least {
					least, turn = sum, i
				}
			}
		}
	}
	number = uint32(t.half[low][turn]/2) + turnHalves*uint32(t.half[high][least&15]/2)
	return number, least < turnLimit // eight weights are up to a step off each
}

// table is that of the set of values that a candidate has.
func (k *GridTurn) table(g *Grid) []float32 {
	return g.table[int(k.Found)/(g.rounds*GridNear)*gridTable:][:gridTable]
}

// take goes over to the member that a point is, the first of those around it.
func (k *GridTurn) take(g *Grid, number uint32, x, w []float32) {
	k.Place = number * GridNear
	value, m := k.table(g)[gridValue:], g.Near[k.Place]
	var p, q [8]float32
	for i, v := range w {
		level := value[m>>(2*i)&3]
		wl := float32(v * level)
		p[i], q[i] = float32(wl*(x[i]+x[i])), float32(wl*level)
	}
	for i := range 4 {
		p[i], q[i] = p[i]+p[i+4], q[i]+q[i+4]
	}
	k.LX, k.L2 = (p[0]+p[2])+(p[1]+p[3]), (q[0]+q[2])+(q[1]+q[3])
}

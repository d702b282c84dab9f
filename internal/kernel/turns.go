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

// A GridAimed is what a scale makes of levels: pairs of them next to each other, scaled.
type GridAimed struct {
	sum, gap [2]float32 // of the lower two levels, of the upper two
	middle   float32    // the level between, scaled
}

// A GridTurn is what turns are asked and answer about a point, and what it may lose.
type GridTurn struct {
	Aimed GridAimed
	Gain  float32   // what a member gains that is known
	lost  float32   // what it loses beside the nearest level of each weight
	least [2]uint32 // of the first eight turns of four weights and of the others the least loss in steps, times sixteen plus the turn of the other four; above that which of the eight it is
	key   uint32    // the intervals
}

const turnLeast = 1e-30 // less than that is nothing to lose

// Aim is what members have to gain more at, with one of the sets of values.
func (g *Grid) Aim(set int, s float32) (a GridAimed) {
	v := g.table[set*gridTable+gridValue:][:3]
	for i := range a.sum {
		a.sum[i], a.gap[i] = s*(v[i]+v[i+1]), s*(v[i+1]-v[i])
	}
	a.middle = s * v[1]
	return a
}

// Find answers about points of eight weights x, of which errors count for w.
func (t *GridTurns) Find(k []GridTurn, x, w []float32) {
	if len(k) > 0 {
		gridTurns.best(t, k, x[:8*len(k)], w[:8*len(k)])
	}
}

// Number is the point that the best member is, if it gains more than is known.
func (t *GridTurns) Number(k *GridTurn) (number int, ok bool) {
	if !(k.lost > turnLeast) {
		return 0, false
	}
	least, upper := k.least[0], 0
	if k.least[1]&0xffff < least&0xffff {
		least, upper = k.least[1], 8
	}
	if least&0xffff >= (turnSteps-8)*16 { // eight weights are up to a step off each: this may be the member that is known
		return 0, false
	}
	low, high := k.key&0xff, k.key>>8
	return int(t.half[low][int(least>>16)+upper]/2) + turnHalves*int(t.half[high][least&15]/2), true
}

var gridTurns = portable(func(t *GridTurns, k []GridTurn, x, w []float32) {
	for i := range k {
		t.find(&k[i], x[8*i:][:8], w[8*i:][:8])
	}
})

// find measures in words that do not go beyond their largest.
func (t *GridTurns) find(k *GridTurn, x, w []float32) {
	var lost, free [8]float32
	k.key = 0
	for i, v := range x {
		a, b := (v+v-k.Aimed.sum[0])*float32(w[i]*k.Aimed.gap[0]), (v+v-k.Aimed.sum[1])*float32(w[i]*k.Aimed.gap[1])
		above, over := math.Float32bits(a)>>31^1, math.Float32bits(b)>>31^1
		near := over
		if math.Abs(float64(a)) > math.Abs(float64(b)) {
			near |= above
		}
		k.key |= (above + near + over) << (2 * i)
		lost[i] = float32(min(math.Abs(float64(a)), math.Abs(float64(b))))
		free[i] = float32(w[i]*float32(k.Aimed.middle*((v+v)-k.Aimed.middle))) + max(b, 0) - min(a, 0)
	}
	for i := range 4 {
		free[i] += free[i+4]
	}
	k.lost = (free[0] + free[2]) + (free[1] + free[3]) - k.Gain
	inverse := turnSteps / max(k.lost, turnLeast)
	var loss [8]uint32
	for i, v := range lost {
		loss[i] = uint32(min(v*inverse, 4095)) << 4
	}
	var side [2][16]uint32
	for half := range side {
		for turn := range side[half] {
			sum := uint32(0)
			for i := range 4 {
				sum = min(sum+loss[4*half+i]*uint32(turn>>i&1), math.MaxUint16)
			}
			side[half][turn] = sum
		}
	}
	low, high := k.key&0xff, k.key>>8
	k.least = [2]uint32{math.MaxUint16, math.MaxUint16}
	for turn, sum := range side[0] {
		best := uint32(math.MaxUint16)
		for other := range 16 {
			if t.member[low*turnHalves+uint32(t.half[high][other]/2)]>>turn&1 != 0 {
				best = min(best, sum+(side[1][other]|uint32(other)))
			}
		}
		if at := &k.least[turn/8]; best < *at&0xffff {
			*at = best | uint32(turn%8)<<16
		}
	}
}

package kernel

import "math"

// Types whose sixteen codes name levels that lie unevenly between -128 and 128: how well groups of 32 weights fit at several scales.

const (
	namedGroup = 32
	namedCells = 32 // of sixteen half units each: none has two middles between levels
)

// A Named has the levels, so that what a weight becomes is looked up.
type Named struct {
	value [512]float32        // by half units less 256
	least [namedCells]float32 // of each cell: the level at its beginning, where a higher one begins, and that one
	from  [namedCells]float32
	most  [namedCells]float32
	next  [namedCells]uint8 // of each cell: the code of its highest level, or one more than that of its only one
	begin [namedCells]uint8 // and the place in it where that begins, or behind the last
	level [16]int8

	// By cells of sixteen whole units, in the order of their numbers' upper four bits: the code behind the one middle in each, and where that lies.
	wideNext  [16]uint8
	wideBegin [16]uint8
}

// NewNamed makes the tables of ascending levels; middles between them are further apart than eight. A middle belongs to the higher.
func NewNamed(levels *[16]int8) *Named {
	n := &Named{level: *levels}
	c := uint8(0)
	var code [512]uint8
	for i := range n.value {
		for c < 15 && i-256 >= int(levels[c])+int(levels[c+1]) {
			c++
		}
		n.value[i], code[i] = float32(levels[c]), c
	}
	for i := range namedCells {
		cell := n.value[16*i:][:16]
		n.least[i], n.most[i], n.from[i] = cell[0], cell[15], float32(math.Inf(1))
		n.next[i], n.begin[i] = code[16*i]+1, 16
		for j, v := range cell {
			if v != cell[0] {
				n.from[i], n.begin[i] = float32(16*i+j), uint8(j)
				break
			}
		}
	}
	n.cells()
	return n
}

// cells rounds middles, which are whole or half units, up to whole ones, of which a cell then has no two but for one at its beginning.
func (n *Named) cells() {
	code := func(unit int) (c uint8) {
		for c < 15 && 2*unit >= int(n.level[c])+int(n.level[c+1]) {
			c++
		}
		return c
	}
	for i := range n.wideNext {
		from := int(int8(i << 4))
		first, last := code(from), code(from+15)
		n.wideNext[i], n.wideBegin[i] = first+1, 16
		if last > first {
			n.wideNext[i] = last
			for n.wideBegin[i] = 0; code(from+int(n.wideBegin[i])) < last; {
				n.wideBegin[i]++
			}
		}
	}
}

// Fit writes for groups of 32 weights x, which count for w, and for as many inverse scales of each, a multiple of four, Σ w·x·level
// and Σ w·level² of the levels nearest to weights times the inverse scale.
func (n *Named) Fit(lx, l2, x, w, inverse []float32) {
	if groups := len(x) / namedGroup; groups > 0 {
		namedFit.best(lx[:len(inverse)], l2[:len(inverse)], x, w[:len(x)], inverse, n)
	}
}

type namedFitBody func(lx, l2, x, w, inverse []float32, n *Named)

var namedFit = portable(namedFitBody(namedFitPortable))

// Sums are added as vectors add them: weights sixteen apart, then eight, four, two and one.
func namedFitPortable(lx, l2, x, w, inverse []float32, n *Named) {
	per := len(inverse) / (len(x) / namedGroup)
	for i, inv := range inverse {
		var p, q [namedGroup]float32
		at := i / per * namedGroup
		for j, v := range x[at:][:namedGroup] {
			level := n.value[int(min(max(float32(v*(inv+inv))+256, 0), 511))]
			p[j] = float32(float32(w[at+j]*v) * level)
			q[j] = float32(float32(w[at+j]*level) * level)
		}
		lx[i], l2[i] = namedSum(&p), namedSum(&q)
	}
}

func namedSum(v *[namedGroup]float32) float32 {
	var y [8]float32
	for j := range y {
		y[j] = (v[j] + v[j+16]) + (v[j+8] + v[j+24])
	}
	low, high := (y[0]+y[2])+(y[1]+y[3]), (y[4]+y[6])+(y[5]+y[7])
	return low + high
}

// Names writes the codes of the levels nearest to weights times an inverse scale of their group of 32, which is rounded to single precision; a
// middle belongs to the higher level.
func (n *Named) Names(dst []uint8, x []float32, inverse []float64) {
	if groups := len(x) / namedGroup; groups > 0 {
		namedCodes.best(dst[:len(x)], x, inverse[:groups], n)
	}
}

type namedCodesBody func(dst []uint8, x []float32, inverse []float64, n *Named)

var namedCodes = portable(namedCodesBody(namedCodesPortable))

func namedCodesPortable(dst []uint8, x []float32, inverse []float64, n *Named) {
	for i, v := range x {
		u := float32(float64(v) * inverse[i/namedGroup])
		place := int(min(max(math.Floor(float64(u+u)), -256), 255)) + 256
		dst[i] = n.next[place/16]
		if uint8(place%16) < n.begin[place/16] {
			dst[i]--
		}
	}
}

// A NamedInts is groups of 32 weights in integers: for sweeps, which only have to tell what is worth a closer look.
type NamedInts struct {
	Word []int16   // of each group: weights, what they count for times them, what they count for
	Part []float32 // of each group, what sums of the second are to be multiplied by; the third are in units of NamedUnit
}

const (
	namedWords = 3 * namedGroup
	NamedUnit  = 1. / 16383

	namedQuarter = 64       // of a unit
	NamedStep    = 1. / 128 // what inverse scales of a sweep are counted in
)

// NewNamedInts makes room for so many groups.
func NewNamedInts(groups int) NamedInts {
	return NamedInts{make([]int16, groups*namedWords), make([]float32, groups)}
}

// Take turns weights between -1 and 1, which count for up to 1, into integers.
func (i NamedInts) Take(x, w []float32) {
	if groups := len(x) / namedGroup; groups > 0 {
		namedTake.best(i.Word[:groups*namedWords], i.Part[:groups], x, w[:len(x)])
	}
}

// Sweep writes Σ w·x·level and Σ w·level², both of integers, for inverse scales: those of one group after the other, or the same for all
// where there are only so many. Their number, per, is a multiple of eight.
func (n *Named) Sweep(lx, l2 []float32, from NamedInts, groups, per int, inverse []int16) {
	if groups > 0 {
		namedSweep.best(lx[:groups*per], l2[:groups*per], from.Word[:groups*namedWords], inverse, per, n)
	}
}

// MostNamed finds for each group which of its first so many fits explains most, and which of the others, numbers of eights. There are
// up to 64. All is what there is to explain.
func MostNamed(found []uint32, lx, l2, all []float32, per, first int) {
	if groups := len(all); groups > 0 {
		namedMost.best(found[:2*groups], lx[:groups*per], l2[:groups*per], all, per, first)
	}
}

type (
	namedTakeBody  func(word []int16, part, x, w []float32)
	namedSweepBody func(lx, l2 []float32, word, inverse []int16, per int, n *Named)
	namedMostBody  func(found []uint32, lx, l2, all []float32, per, first int)
)

var (
	namedTake  = portable(namedTakeBody(namedTakePortable))
	namedSweep = portable(namedSweepBody(namedSweepPortable))
	namedMost  = portable(namedMostBody(namedMostPortable))
)

func namedTakePortable(word []int16, part, x, w []float32) {
	whole := func(v float32) int16 {
		return int16(min(max(math.RoundToEven(float64(v)), math.MinInt16), math.MaxInt16))
	}
	for g := range part {
		x, w, to := x[g*namedGroup:][:namedGroup], w[g*namedGroup:][:namedGroup], word[g*namedWords:][:namedWords]
		var most float32
		for i, v := range x {
			v *= w[i]
			most = max(most, v, -v)
		}
		most = max(most, 1e-30)
		part[g] = most / 32767
		factor := 32767 / most
		for i, v := range x {
			to[i] = whole(v * 32767)
			to[namedGroup+i] = whole(float32(w[i]*v) * factor)
			to[2*namedGroup+i] = whole(w[i] * 16383)
		}
	}
}

// What levels are near is decided in whole units, a quarter added and rounded down, so that no middle is more than a quarter off. Sums are added as vectors add them: in integers two by two, and sixteen apart.
func namedSweepPortable(lx, l2 []float32, word, inverse []int16, per int, n *Named) {
	for i := range lx {
		g := i / per
		of := word[g*namedWords:][:namedWords]
		inv := int32(inverse[(g*per+i%per)%len(inverse)])
		var p, q [8]int32
		for j, x := range of[:namedGroup] {
			twice := 2 * ((int32(x)*inv + 1<<14) >> 15)
			unit := min(max(twice, math.MinInt16)+namedQuarter, math.MaxInt16) >> 8
			cell, place := uint8(unit)>>4, uint8(unit)&15
			code := n.wideNext[cell]
			if place < n.wideBegin[cell] {
				code--
			}
			level := int32(n.level[code])
			p[j%16/2] += int32(of[namedGroup+j]) * level
			q[j%16/2] += int32(of[2*namedGroup+j]) * (level * level)
		}
		lx[i], l2[i] = eightInts(&p), eightInts(&q)
	}
}

func eightInts(v *[8]int32) float32 {
	var y [8]float32
	for i, n := range v {
		y[i] = float32(n)
	}
	low, high := (y[0]+y[2])+(y[1]+y[3]), (y[4]+y[6])+(y[5]+y[7])
	return low + high
}

// What is left is compared with the fit's number in its lowest bits.
func namedMostPortable(found []uint32, lx, l2, all []float32, per, first int) {
	for i := range found {
		from, to := 0, first
		if i%2 == 1 {
			from, to = first, per
		}
		best := float32(math.Inf(1))
		for t := from; t < to; t++ {
			at := i/2*per + t
			left := all[i/2] - float32(lx[at]*lx[at])/max(l2[at], 1)
			if !(left > 0) { // nor is what is no number
				left = 0
			}
			best = min(best, math.Float32frombits(math.Float32bits(left)&^63|uint32(t)))
		}
		found[i] = math.Float32bits(best) & 63
	}
}

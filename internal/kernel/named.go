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
	return n
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

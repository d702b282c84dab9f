package quantize

import (
	"math"

	"quern/internal/kernel"
)

// The default search of IQ1_S and IQ1_M goes as that of the other types with codebooks; instead of signs there is a shift of all
// levels up or down, for 32 weights together or for each eight. The first half of a point's candidates is moved up, the other down.

const (
	sweep1   = 4    // scales of a sweep
	lowest1  = 0.32 // the first of them: of the largest magnitude
	highest1 = 0.86
	rounds1  = kernel.GridRounds / 2
)

// The levels of a member, moved up and down.
var values1 = [2][]float32{{-0.875, 0.125, 1.125}, {-1.125, -0.125, 0.875}}

// An iq1Search is a super-block under search.
type iq1Search struct {
	c            *iq1Coder
	members      *candidates
	room         kernel.GridPoints
	sweep, later kernel.GridPick
	x, w         [super]float32
	unit, heft   [super]float32 // weights, and what their errors count for, in units of their groups
	fits         groupFits
	p, q         [groups16]float64 // Σ w·x·level and Σ w·level² of what the try has
	tops         groupTops
	energy       blockEnergy
	turn         [super / 8]kernel.GridTurn
	try, best    iq1Block
	loss         float64
}

func newIQ1Search(c *iq1Coder) *iq1Search {
	points, groups := super/8, super/c.group
	k := &iq1Search{
		c: c, members: newCandidates(&book1S, rounds1, lowest1, highest1, values1[0], values1[1]), room: kernel.NewGridPoints(points),
		sweep: kernel.NewGridPick(points, groups, c.ways, c.ways == 1), later: kernel.NewGridPick(points, groups, c.ways, c.ways == 1),
	}
	for i := range k.sweep.Scale {
		k.sweep.Scale[i] = between(lowest1, highest1, i/kernel.GridGroups%sweep1, sweep1)
		k.sweep.First[i] = uint32(i / kernel.GridGroups / sweep1 * kernel.GridWindow)
	}
	copy(k.later.First, k.sweep.First)
	k.sweep.Aim()
	k.fits.Groups, k.fits.LX, k.fits.L2 = groups, k.sweep.LX, k.sweep.L2
	return k
}

func (c *iq1Coder) encode(dst []byte, src, importance []float32) {
	k, ok := c.searches.Get().(*iq1Search)
	if !ok {
		k = newIQ1Search(c)
	}
	defer c.searches.Put(k)
	for ; len(src) >= super; dst, src = dst[c.bytes:], src[super:] {
		tame(k.x[:], src[:super])
		var imp []float32
		if importance != nil {
			imp, importance = importance[:super], importance[super:]
		}
		c.weigh(k.w[:], k.x[:], imp)
		k.search(imp)
		c.put(dst, &k.best)
	}
}

func (k *iq1Search) search(importance []float32) {
	k.loss, k.try = math.Inf(1), iq1Block{}
	k.load()
	k.members.grid.Fill(k.room, k.unit[:], k.heft[:])
	kernel.PickGrid(&k.sweep, k.room)
	if d := k.fits.choose(k.try.scale[:super/k.c.group], 1, 7); d != 0 {
		k.try.d = smallHalf(d)
		k.settle()
		k.seek()
		k.offer(k.sums())
	}
	if !k.energy.plain(k.loss, k.fits.explained(), k.c.along, 1.08) {
		k.c.ggmlBlock(&k.try, k.x[:], importance)
		k.try.d = finiteBits(k.try.d)
		k.offer(k.sumsAnew())
	}
}

func (k *iq1Search) load() {
	n := k.c.group
	k.energy = k.tops.take(k.x[:], k.w[:], n)
	for g := range super / n {
		k.fits.whole[g], k.fits.heavy[g], k.p[g], k.q[g] = 0, 0, 0, 0
		if top := absolute(k.tops.top[g]); top > tinyGroup {
			k.fits.whole[g], k.fits.heavy[g] = top, max(k.tops.heavy[g], 1e-37)
		} else { // the first member, moved up
			for _, v := range k.w[g*n:][:n] {
				k.q[g] += float64(v) * float64(values1[0][0]*values1[0][0])
			}
		}
		k.tops.factor[g], k.tops.lighter[g] = inverse(k.fits.whole[g]), inverse(k.fits.heavy[g])
	}
	k.tops.units(k.unit[:], k.heft[:], k.x[:], k.w[:], n, false)
}

// settle takes members and shifts anew for the scales of the try and for those beside them, and keeps the best.
func (k *iq1Search) settle() {
	const way = kernel.GridScales * kernel.GridGroups
	for g, step := range k.fits.Step[:k.later.Groups] {
		for t := range kernel.GridScales {
			k.later.Scale[t*kernel.GridGroups+g] = scaleOf(step, beside(k.try.scale[g], t, 7))
		}
	}
	for n := way; n < len(k.later.Scale); n += way {
		copy(k.later.Scale[n:], k.later.Scale[:way])
	}
	k.later.Aim()
	kernel.PickGrid(&k.later, k.room)
	k.fits.Least(&k.later)
	points := k.later.Points
	for g := range k.later.Groups {
		t := int(k.fits.Number[g])
		k.try.scale[g] = beside(k.try.scale[g], t%kernel.GridScales, 7)
		scale := k.later.Scale[t*kernel.GridGroups+g]
		found := k.later.Found[(g*k.later.Fours+t/kernel.GridScales)*points*kernel.GridScales+t%kernel.GridScales:]
		for i := range points {
			turn := &k.turn[g*points+i]
			turn.Scale, turn.Found = scale, found[i*kernel.GridScales]
		}
	}
}

// seek looks at other members for eights: where weights are uneven, what is near is not what is good.
func (k *iq1Search) seek() {
	k.members.turns.Find(k.turn[:], &k.room, k.members.grid, k.unit[:], k.heft[:])
	points := k.later.Points
	for g, whole := range k.fits.whole[:k.later.Groups] {
		if whole == 0 {
			continue
		}
		k.p[g], k.q[g] = k.members.take(k.try.member[g*points:], k.turn[g*points:][:points], &k.fits, g)
		for at := g * points; at < (g+1)*points; at++ {
			k.try.down[at] = k.turn[at].Found >= kernel.GridWindow
		}
	}
}

// sums are those of the try as it was settled.
func (k *iq1Search) sums() alongSums {
	a := alongSums{s: k.energy.sum}
	for g := range super / k.c.group {
		s := float64(2*int(k.try.scale[g]) + 1)
		a.p += float64(s * k.p[g])
		a.q += float64(float64(s*s) * k.q[g])
	}
	return a
}

// sumsAnew are those of any try.
func (k *iq1Search) sumsAnew() (a alongSums) {
	for p, m := range k.try.member {
		value := values1[0]
		if k.try.down[p] {
			value = values1[1]
		}
		s := float64(2*int(k.try.scale[8*p/k.c.group]) + 1)
		for i, l := range book1S.level[m] {
			a.add(float64(k.w[8*p+i]), float64(k.x[8*p+i]), float64(s*float64(value[l])))
		}
	}
	return a
}

// offer keeps the try if it is the best so far, with its half or with the one that suits it best.
func (k *iq1Search) offer(sums alongSums) {
	if d, loss := sums.suit(k.try.d, k.c.along); loss < k.loss {
		k.best, k.loss = k.try, loss
		k.best.d = d
	}
}

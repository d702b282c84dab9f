package quantize

import (
	"math"

	"quern/internal/kernel"
)

// The default search of IQ1_S and IQ1_M goes as that of the other types with codebooks; instead of signs there is a shift of all
// levels up or down, for 32 weights together or for each eight.

const (
	sweep1   = 8    // scales of a sweep
	lowest1  = 0.26 // the first of them: of the largest magnitude
	highest1 = 0.98
)

var scales1 = sweepScales(lowest1, highest1, sweep1)

// The levels of a member, moved up and down.
var values1 = [2][]float32{{-0.875, 0.125, 1.125}, {-1.125, -0.125, 0.875}}

// An iq1Search is a super-block under search.
type iq1Search struct {
	c          *iq1Coder
	rooms      [2]*candidates // moved up, moved down
	x, w       [super]float32
	unit, heft [super]float32 // weights, and what their errors count for, in units of their groups
	group      [groups16]iq1Part
	tops       groupTops
	energy     blockEnergy
	at         [super / 8]uint8 // the candidate of each eight that the try has
	try, best  iq1Block
	loss       float64
}

// An iq1Part is a group under search.
type iq1Part struct {
	whole, heavy float32 // its units
	fits         scaleFits
}

func (c *iq1Coder) encode(dst []byte, src, importance []float32) {
	k, ok := c.searches.Get().(*iq1Search)
	if !ok {
		k = &iq1Search{c: c}
		for down := range k.rooms {
			k.rooms[down] = newCandidates(&book1S, values1[down], lowest1, highest1)
		}
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
	var fits [groups16]*scaleFits
	n := super / k.c.group
	for g := range n {
		fits[g] = &k.group[g].fits
		k.sweep(g)
	}
	if d := chooseHalf(fits[:n], k.try.scale[:n], 1, 7); d != 0 {
		k.try.d = smallHalf(d)
		for round := range 2 {
			k.settle()
			if round == 0 {
				k.seek()
			}
			sums := k.offer()
			k.try.d = smallHalf(sums.best(0))
		}
	}
	explained := 0.0
	for g := range n {
		explained += k.group[g].fits.explained
	}
	if !k.energy.plain(k.loss, explained, k.c.along) {
		k.c.ggmlBlock(&k.try, k.x[:], importance)
		k.try.d = finiteBits(k.try.d)
		k.offer()
	}
}

func (k *iq1Search) load() {
	n := k.c.group
	k.energy = k.tops.take(k.x[:], k.w[:], n)
	for g := range super / n {
		group, top := &k.group[g], absolute(k.tops.top[g])
		group.fits.n, group.whole, group.heavy = 0, 0, 0
		if top > tinyGroup {
			group.whole, group.heavy = top, max(k.tops.heavy[g], 1e-37)
		}
		k.tops.factor[g], k.tops.lighter[g] = inverse(group.whole), inverse(group.heavy)
	}
	k.tops.units(k.unit[:], k.heft[:], k.x[:], k.w[:], n, false)
}

// sweep fits a group at scales below its largest magnitude.
func (k *iq1Search) sweep(g int) {
	n, group := k.c.group, &k.group[g]
	if group.whole == 0 {
		return
	}
	for _, room := range k.rooms {
		room.fill(g*n/8, k.unit[g*n:][:n], k.heft[g*n:][:n])
	}
	k.pick(g, scales1)
	group.fits.begin(len(k.c.shifts), lowest1, highest1, group.whole, sweep1)
	var points [4]iq1Point
	for t := range sweep1 {
		k.fit(points[:n/8], g, t, scales1[t])
		for _, shifts := range k.c.shifts {
			group.fits.add(sumOfPoints(points[:n/8], shifts, group))
		}
	}
}

// pick brings a group into the codebook at so many scales.
func (k *iq1Search) pick(g int, scale []float32) {
	points := k.c.group / 8
	for _, room := range k.rooms {
		room.pick(g*points, points, scale)
	}
}

// An iq1Point is eight weights brought into the codebook, moved up and down: which candidate, what it gains, and its sums.
type iq1Point struct {
	found [2]int
	gain  [2]float32
	p, q  [2]float32
}

// apart stands for eights that are moved independently; 0 is all up, 1 all down.
const apart = 2

// down is 1 where the levels are moved down.
func (p *iq1Point) down(shifts int) int {
	if shifts != apart {
		return shifts
	}
	if p.gain[1] > p.gain[0] {
		return 1
	}
	return 0
}

// fit are the eights of a group at scale number t of the last pick, which is s.
func (k *iq1Search) fit(points []iq1Point, g, t int, s float32) {
	for i := range points {
		for down, room := range k.rooms {
			point, found := &points[i], room.chosen(i, len(points), t)
			p, q := room.sums(g*len(points)+i, found)
			point.found[down], point.p[down], point.q[down], point.gain[down] = found, p, q, p-float32(s*q)
		}
	}
}

// sumOfPoints returns Σ w·x·level and Σ w·level² of a group, in ordinary units.
func sumOfPoints(points []iq1Point, shifts int, g *iq1Part) (lx, l2 float64) {
	for p := range points {
		down := points[p].down(shifts)
		lx += float64(points[p].p[down])
		l2 += float64(points[p].q[down])
	}
	heavy := float64(g.heavy)
	return lx / 2 * float64(float64(g.whole)*heavy), float64(l2 * heavy)
}

// settle takes members and shifts anew for the scales of the try and for those beside them, and keeps the best.
func (k *iq1Search) settle() {
	d := float64(halfValue(k.try.d))
	n := k.c.group
	var points [4]iq1Point
	for g := range super / n {
		group := &k.group[g]
		if group.fits.n == 0 {
			continue
		}
		var step [kernel.GridScales]uint8
		var scale [kernel.GridScales]float32
		for t := range step {
			step[t] = uint8(min(max(int(k.try.scale[g])+t-1, 0), 7))
			scale[t] = float32(float64(d*float64(2*int(step[t])+1)) / float64(group.whole))
		}
		k.pick(g, scale[:])
		least := math.Inf(1)
		for t, s := range step {
			u := float64(d * float64(2*int(s)+1))
			k.fit(points[:n/8], g, t, scale[t])
			for _, shifts := range k.c.shifts {
				lx, l2 := sumOfPoints(points[:n/8], shifts, group)
				if e := u * (float64(u*l2) - 2*lx); e < least {
					least, k.try.scale[g] = e, s
					for p := range n / 8 {
						down := points[p].down(shifts)
						k.try.member[g*n/8+p] = k.rooms[down].member(g*n/8+p, points[p].found[down])
						k.try.down[g*n/8+p], k.at[g*n/8+p] = down == 1, uint8(points[p].found[down])
					}
				}
			}
		}
	}
}

// seek looks at all members for eights that could lose less by a part of what the block loses.
func (k *iq1Search) seek() {
	var sums alongSums
	k.decoded(func(level, x, w float64) { sums.add(w, x, level) })
	d := float64(halfValue(k.try.d))
	part := sums.loss(d, 0) / seekPart
	for i := range k.at {
		g := 8 * i / k.c.group
		group := &k.group[g]
		if group.fits.n == 0 {
			continue
		}
		room := k.rooms[0]
		if k.try.down[i] {
			room = k.rooms[1]
		}
		scale := min(float32(float64(d*float64(2*int(k.try.scale[g])+1))/float64(group.whole)), farScale)
		worth := float32(part / (float64(float64(group.whole)*float64(group.whole)) * float64(group.heavy)))
		x, w := k.unit[8*i:][:8], k.heft[8*i:][:8]
		p, q := room.sums(i, int(k.at[i]))
		gain := p - float32(scale*q)
		if room.free(x, w, scale)[0]-float32(scale*gain) <= worth {
			continue
		}
		if m, _, _, ok := room.seek(i, x, w, scale, gain); ok {
			k.try.member[i] = m
		}
	}
}

// decoded calls f with what every weight of the try decodes to where d is one.
func (k *iq1Search) decoded(f func(level, x, w float64)) {
	for p, m := range k.try.member {
		value := values1[0]
		if k.try.down[p] {
			value = values1[1]
		}
		s := float64(2*int(k.try.scale[8*p/k.c.group]) + 1)
		for i, l := range book1S.level[m] {
			f(float64(s*float64(value[l])), float64(k.x[8*p+i]), float64(k.w[8*p+i]))
		}
	}
}

// offer keeps the try if it is the best so far, with its half or with the one that suits it best, and returns its sums.
func (k *iq1Search) offer() (sums alongSums) {
	k.decoded(func(level, x, w float64) { sums.add(w, x, level) })
	for _, d := range [2]uint16{k.try.d, finiteBits(half(float32(sums.best(k.c.along))))} {
		if loss := sums.loss(float64(halfValue(d)), k.c.along); loss < k.loss {
			k.best, k.loss = k.try, loss
			k.best.d = d
		}
	}
	return sums
}

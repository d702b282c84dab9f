package quantize

import "math"

// The default search of IQ1_S and IQ1_M goes as that of the other types with codebooks; instead of signs there is a shift of all
// levels up or down, for 32 weights together or for each eight.

const (
	round1   = gridRound // scales at which weights are rounded to find their sets
	sweep1   = 8         // scales of a sweep
	lowest1  = 0.26      // the first of them: of the largest magnitude
	highest1 = 0.98
)

// The levels of a member, moved up and down.
var values1 = [2][]float32{{-0.875, 0.125, 1.125}, {-1.125, -0.125, 0.875}}

// An iq1Search is a super-block under search.
type iq1Search struct {
	c         *iq1Coder
	sets      [2]*setMaker // moved up, moved down
	x, w, wx  [super]float32
	set       [2][super / 8]pointSet
	fits      [groups16]scaleFits
	try, best iq1Block
	loss      float64
}

func (c *iq1Coder) encode(dst []byte, src, importance []float32) {
	k, ok := c.searches.Get().(*iq1Search)
	if !ok {
		k = &iq1Search{c: c, sets: [2]*setMaker{newSetMaker(&book1S, values1[0]), newSetMaker(&book1S, values1[1])}}
	}
	defer c.searches.Put(k)
	for ; len(src) >= super; dst, src = dst[c.bytes:], src[super:] {
		tame(k.x[:], src[:super])
		var imp []float32
		if importance != nil {
			imp, importance = importance[:super], importance[super:]
		}
		c.weigh(k.w[:], k.x[:], imp)
		for i, v := range k.x {
			k.wx[i] = k.w[i] * v
		}
		k.search(imp)
		c.put(dst, &k.best)
	}
}

func (k *iq1Search) search(importance []float32) {
	k.loss = math.Inf(1)
	var fits [groups16]*scaleFits
	n := super / k.c.group
	for g := range n {
		fits[g] = &k.fits[g]
		k.sweep(g)
	}
	if d := chooseHalf(fits[:n], k.try.scale[:n], 1, 7); d != 0 {
		k.try.d = smallHalf(d)
		for far := 1; far >= 0; far-- {
			k.settle(far)
			sums := k.offer()
			k.try.d = smallHalf(sums.best(0))
		}
	}
	k.c.ggmlBlock(&k.try, k.x[:], importance)
	k.try.d = finiteBits(k.try.d)
	k.offer()
}

// sweep fits a group at scales below its largest magnitude.
func (k *iq1Search) sweep(g int) {
	n, f := k.c.group, &k.fits[g]
	f.n = 0
	var top float32
	for _, v := range k.x[g*n:][:n] {
		top = max(top, absolute(v))
	}
	if !(top > tinyGroup) {
		return
	}
	var inverse [round1]float32
	for t := range inverse {
		inverse[t] = 1 / float32(top*between(lowest1, highest1, t, round1))
	}
	for at := g * n; at < (g+1)*n; at += 8 {
		for down, maker := range k.sets {
			maker.fill(&k.set[down][at/8], k.x[at:at+8], k.w[at:at+8], k.wx[at:at+8], inverse[:])
		}
	}
	var points [4]iq1Point
	f.begin(len(k.c.shifts), lowest1, highest1, top, sweep1)
	for t := range sweep1 {
		k.fit(points[:n/8], g, float32(top*between(lowest1, highest1, t, sweep1)))
		for _, shifts := range k.c.shifts {
			f.add(sumOfPoints(points[:n/8], shifts))
		}
	}
}

// An iq1Point is eight weights brought into the codebook, moved up and down: the member, what it gains, and its sums.
type iq1Point struct {
	member [2]uint16
	gain   [2]float32
	p, q   [2]float32
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

// fit brings the eights of a group into the codebook at scale s.
func (k *iq1Search) fit(points []iq1Point, g int, s float32) {
	for p := range points {
		for down := range k.set {
			set, point := &k.set[down][g*k.c.group/8+p], &points[p]
			found, gain := set.best(s)
			point.member[down], point.gain[down] = set.member[found], gain
			point.p[down], point.q[down] = set.p[found], set.q[found]
		}
	}
}

// sumOfPoints returns Σ w·x·level and Σ w·level² of a group.
func sumOfPoints(points []iq1Point, shifts int) (lx, l2 float64) {
	for p := range points {
		down := points[p].down(shifts)
		lx += float64(points[p].p[down])
		l2 += float64(points[p].q[down])
	}
	return lx, l2
}

// settle takes members and shifts anew for the scales of the try and for those up to so many steps beside them, and keeps
// the best.
func (k *iq1Search) settle(far int) {
	d := float64(halfValue(k.try.d))
	n := k.c.group
	var points [4]iq1Point
	for g := range super / n {
		if k.fits[g].n == 0 {
			continue
		}
		at := int(k.try.scale[g])
		least := math.Inf(1)
		for s := max(at-far, 0); s <= min(at+far, 7); s++ {
			u := float64(d * float64(2*s+1))
			k.fit(points[:n/8], g, float32(u))
			for _, shifts := range k.c.shifts {
				lx, l2 := sumOfPoints(points[:n/8], shifts)
				if e := u * (float64(u*l2) - 2*lx); e < least {
					least, k.try.scale[g] = e, uint8(s)
					for p := range n / 8 {
						down := points[p].down(shifts)
						k.try.member[g*n/8+p], k.try.down[g*n/8+p] = points[p].member[down], down == 1
					}
				}
			}
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

package quantize

import "math"

// The default search of the types with codebooks. It works on what decoders have, not on a lattice near it. A sweep of scales
// brings every group's weights into the codebook and remembers for each what a least-squares fit needs, so that a group's
// error at any other scale is known nearly; with that it chooses the half and the groups' scales together. Then the members
// are taken anew for the scales that came out and for those beside them, and the half refitted. llama-quantize's block
// is looked at where the search did not end near what is possible.

const (
	gridRound   = 8   // scales at which points are rounded to find their sets
	gridSweep   = 10  // scales of a sweep
	gridLowest  = 0.3 // the first of them: of what takes the largest magnitude to the highest level
	gridHighest = 1.3
)

// A gridGroup is a group under search: magnitudes, their weights, and what the sweep found.
type gridGroup struct {
	a, w, wa [maxGroup]float32
	sign     [4]uint8 // as the weights have them
	top      float32
	fits     scaleFits
}

// A gridSearch is a super-block under search.
type gridSearch struct {
	c          *gridCoder
	book       *gridBook
	sets       *setMaker
	x, w       [super]float32
	group      [groups16]gridGroup
	set        [super / 4]pointSet
	try, best  gridBlock
	loss       float64
	importance []float32
}

func (c *gridCoder) encode(dst []byte, src, importance []float32) {
	k, ok := c.searches.Get().(*gridSearch)
	if !ok {
		k = &gridSearch{c: c, book: c.book.ready(), sets: newSetMaker(c.book, floats(c.book.value, 0)[:c.book.levels])}
	}
	defer c.searches.Put(k)
	for ; len(src) >= super; dst, src = dst[c.bytes:], src[super:] {
		tame(k.x[:], src[:super])
		k.importance = nil
		if importance != nil {
			k.importance, importance = importance[:super], importance[super:]
		}
		c.weigh(k.w[:], k.x[:], k.importance)
		k.search()
		c.put(dst, &k.best)
	}
}

func (k *gridSearch) search() {
	c := k.c
	k.loss = math.Inf(1)
	for g := range super / c.group {
		at := g * c.group
		k.group[g].load(k, k.x[at:at+c.group], k.w[at:at+c.group])
		k.group[g].sweep(k, k.set[at/k.book.dims:])
	}
	if d := k.choose(); d != 0 {
		k.try.d = smallHalf(d)
		for far := 1; far >= 0; far-- {
			k.settle(far)
			sums := k.offer()
			k.try.d = smallHalf(sums.best(0)) // members are chosen for the scale that suits them, not for the one they are stored with
		}
	}
	explained := 0.0
	for g := range super / c.group {
		explained += k.group[g].fits.explained
	}
	if !plain(&k.x, &k.w, k.loss, explained, c.along) {
		c.ggmlBlock(&k.try, k.x[:], k.importance)
		k.try.d = finiteBits(k.try.d)
		k.offer()
	}
}

// plain says that llama-quantize's block need not be looked at, which costs more than the whole search: the loss is within a
// twentieth of what it would be if groups had scales of their own, and no single weight decides the block. Ordinary blocks
// lose a few hundredths more than that, llama-quantize's a tenth or two; the tests have found none where it would have won.
func plain(x, w *[super]float32, loss, explained, along float64) bool {
	var sums alongSums
	var top float64
	for i, v := range x {
		e := float64(float64(w[i]) * float64(float64(v)*float64(v)))
		sums.s += e
		top = max(top, e)
	}
	return loss <= 1.05*sums.least(explained, along) && top <= sums.s/4
}

// load takes signs off, and with parity finds the sign that is cheapest to turn where an odd number is negative.
func (g *gridGroup) load(k *gridSearch, x, w []float32) {
	g.top = 0
	for i, v := range x {
		a := absolute(v)
		g.a[i], g.w[i], g.wa[i] = a, w[i], float32(w[i]*a)
		g.top = max(g.top, a)
	}
	for p := range len(x) / 8 {
		g.sign[p] = 0
		odd, cheap := false, 0
		for i, v := range x[8*p:][:8] {
			if v < 0 {
				g.sign[p] |= 1 << i
				odd = !odd
			}
			if g.wa[8*p+i] < g.wa[8*p+cheap] {
				cheap = i
			}
		}
		if k.c.parity && odd {
			g.a[8*p+cheap], g.wa[8*p+cheap] = -g.a[8*p+cheap], -g.wa[8*p+cheap]
			g.sign[p] ^= 1 << cheap
		}
	}
}

// sweep fits the group at scales around the one that takes the largest magnitude to the highest level.
func (g *gridGroup) sweep(k *gridSearch, sets []pointSet) {
	g.fits.n = 0
	if !(g.top > tinyGroup) {
		return
	}
	whole := g.top / k.sets.value[k.book.levels-1]
	dims := k.book.dims
	var room [gridRound]float32
	inverse := room[:gridRound-(8-dims)/2] // points of few weights need fewer
	for t := range inverse {
		inverse[t] = 1 / float32(whole*between(gridLowest, gridHighest, t, len(inverse)))
	}
	for p := range k.c.group / dims {
		k.sets.fill(&sets[p], g.a[p*dims:][:dims], g.w[p*dims:][:dims], g.wa[p*dims:][:dims], inverse)
	}
	sets = sets[:k.c.group/dims]
	g.fits.begin(1, gridLowest, gridHighest, whole, gridSweep)
	for t := range gridSweep {
		s := float32(whole * between(gridLowest, gridHighest, t, gridSweep))
		g.fits.add(sumOfBest(sets, s, nil))
	}
}

// sumOfBest chooses the best of each set at scale s and returns Σ w·x·code and Σ w·code².
func sumOfBest(sets []pointSet, s float32, member []uint16) (lx, l2 float64) {
	for p := range sets {
		set := &sets[p]
		found, _ := set.best(s)
		if member != nil {
			member[p] = set.member[found]
		}
		lx += float64(set.p[found])
		l2 += float64(set.q[found])
	}
	return lx, l2
}

// unit is the scale of which groups have odd multiples.
func (k *gridSearch) unit(d float64) float64 { return d * float64(k.c.unit) }

// choose returns the half that suits all groups best by what the sweeps know, and leaves the integers of the groups' scales.
func (k *gridSearch) choose() float64 {
	var fits [groups16]*scaleFits
	n := super / k.c.group
	for g := range n {
		fits[g] = &k.group[g].fits
	}
	return chooseHalf(fits[:n], k.try.scale[:n], float64(k.c.unit), 15)
}

// settle takes members anew for the scales of the try, and for those up to so many steps beside them, and keeps the best.
func (k *gridSearch) settle(far int) {
	unit := k.unit(float64(halfValue(k.try.d)))
	dims, n := k.book.dims, k.c.group
	var member [8]uint16
	for g := range super / n {
		group, at := &k.group[g], int(k.try.scale[g])
		if group.fits.n == 0 {
			continue
		}
		least := math.Inf(1)
		for s := max(at-far, 0); s <= min(at+far, 15); s++ {
			u := unit * float64(2*s+1)
			lx, l2 := sumOfBest(k.set[g*n/dims:(g+1)*n/dims], float32(u), member[:])
			if e := u * (float64(u*l2) - 2*lx); e < least {
				least, k.try.scale[g] = e, uint8(s)
				copy(k.try.member[g*n/dims:(g+1)*n/dims], member[:])
			}
		}
		copy(k.try.sign[g*n/8:(g+1)*n/8], group.sign[:])
	}
}

// each calls f with what every weight of the try decodes to where d is one.
func (k *gridSearch) each(f func(level, x, w float64)) {
	dims := k.book.dims
	for at := 0; at < super; at += dims {
		s := float64(k.c.scaleOf(1, k.try.scale[at/k.c.group]))
		sign := k.try.sign[at/8] >> (at % 8)
		for i, v := range k.book.code[k.try.member[at/dims]][:dims] {
			level := s * float64(v)
			if sign>>i&1 != 0 {
				level = -level
			}
			f(level, float64(k.x[at+i]), float64(k.w[at+i]))
		}
	}
}

// offer keeps the try if it is the best so far, with its half or with the one that suits it best, and returns its sums.
func (k *gridSearch) offer() (sums alongSums) {
	k.each(func(level, x, w float64) { sums.add(w, x, level) })
	for _, d := range [2]uint16{k.try.d, finiteBits(half(float32(sums.best(k.c.along))))} {
		if loss := sums.loss(float64(halfValue(d)), k.c.along); loss < k.loss {
			k.best, k.loss = k.try, loss
			k.best.d = d
		}
	}
	return sums
}

package quantize

import "math"

// The default search of the types with codebooks. It works on what decoders have, not on a lattice near it. A sweep of scales
// brings every group's weights into the codebook and remembers for each what a least-squares fit needs, so that a group's
// error at any other scale is known nearly; with that it chooses the half and the groups' scales together. Then the members
// are taken anew for the scales that came out and for those beside them, the half refitted, and all compared with
// llama-quantize's block.

const (
	gridSweep   = 11   // scales of a sweep
	gridLowest  = 0.55 // the first of them: of what takes the largest magnitude to the highest level
	gridHighest = 1.2
)

// A gridGroup is a group under search: magnitudes, their weights, and what the sweep found.
type gridGroup struct {
	a, w, wa [maxGroup]float32
	sign     [4]uint8 // as the weights have them
	flip     [4]int8  // with parity: the weight whose sign is turned, or -1
	top      float32
	fits     scaleFits
}

// A gridSearch is a super-block under search.
type gridSearch struct {
	c          *gridCoder
	book       *gridBook
	near       *nearList
	value      [8]float32
	x, w       [super]float32
	group      [groups16]gridGroup
	try, best  gridBlock
	loss       float64
	importance []float32
}

func (c *gridCoder) encode(dst []byte, src, importance []float32) {
	k := gridSearch{c: c, book: c.book.ready(), near: c.book.surroundings()}
	for l, v := range c.book.value {
		k.value[l] = float32(v)
	}
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
	k.loss = math.Inf(1)
	c := k.c
	c.ggmlBlock(&k.try, k.x[:], k.importance)
	k.try.d = finiteBits(k.try.d)
	k.offer()
	for g := range super / c.group {
		at := g * c.group
		k.group[g].load(k, k.x[at:at+c.group], k.w[at:at+c.group])
		k.group[g].sweep(k)
	}
	d := k.choose()
	if d == 0 {
		return
	}
	k.try.d = smallHalf(d)
	for range 2 {
		k.settle(1)
		k.offer()
		if !k.refit() {
			return
		}
		k.offer()
	}
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
		g.sign[p], g.flip[p] = 0, -1
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
			g.flip[p] = int8(cheap)
			g.a[8*p+cheap], g.wa[8*p+cheap] = -g.a[8*p+cheap], -g.wa[8*p+cheap]
			g.sign[p] ^= 1 << cheap
		}
	}
}

// sweep fits the group at scales around the one that takes the largest magnitude to the highest level.
func (g *gridGroup) sweep(k *gridSearch) {
	g.fits.n = 0
	if !(g.top > tinyGroup) {
		return
	}
	whole := g.top / k.value[k.book.levels-1]
	for t := range gridSweep {
		s := whole * float32(gridLowest+(gridHighest-gridLowest)/(gridSweep-1)*float64(t))
		g.fits.add(g.fit(k, s, nil))
	}
}

// fit brings the group into the codebook at scale s and returns Σ w·a·level and Σ w·level².
func (g *gridGroup) fit(k *gridSearch, s float32, member []uint16) (lx, l2 float64) {
	var t slotTable
	dims := k.book.dims
	inv := 1 / s
	var sx, s2 float32
	for p := range k.c.group / dims {
		a, w, wa := g.a[p*dims:][:dims], g.w[p*dims:][:dims], g.wa[p*dims:][:dims]
		t.fill(k.value[:k.book.levels], w, wa, s)
		found, _ := k.near.best(&t, k.point(a, inv))
		if member != nil {
			member[p] = found
		}
		code := &k.book.code[found]
		for i := range a {
			v := float32(code[i])
			sx += float32(wa[i] * v)
			s2 += float32(float32(w[i]*v) * v)
		}
	}
	return float64(sx), float64(s2)
}

// point rounds magnitudes to levels, each on its own.
func (k *gridSearch) point(a []float32, inv float32) int {
	number, place := 0, 1
	for _, v := range a {
		number += int(k.book.nearest(v*inv)) * place
		place *= k.book.levels
	}
	return number
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
		least := math.Inf(1)
		for s := max(at-far, 0); s <= min(at+far, 15); s++ {
			u := unit * float64(2*s+1)
			lx, l2 := group.fit(k, float32(u), member[:])
			if e := u * (float64(u*l2) - 2*lx); e < least {
				least, k.try.scale[g] = e, uint8(s)
				copy(k.try.member[g*n/dims:(g+1)*n/dims], member[:])
			}
		}
		copy(k.try.sign[g*n/8:(g+1)*n/8], group.sign[:])
	}
}

// refit solves for the half that suits members, signs and scales of the try; false if that changes nothing.
func (k *gridSearch) refit() bool {
	var lx, l2 float64
	k.each(func(at int, level, x, w float64) {
		lx += float64(w * level * x)
		l2 += float64(w * level * level)
	})
	if !(l2 > 0) {
		return false
	}
	d := smallHalf(lx / l2)
	same := d == k.try.d
	k.try.d = d
	return !same
}

// each calls f with what every weight of the try decodes to where d is one.
func (k *gridSearch) each(f func(at int, level, x, w float64)) {
	dims := k.book.dims
	for at := 0; at < super; at += dims {
		s := float64(k.c.scaleOf(1, k.try.scale[at/k.c.group]))
		sign := k.try.sign[at/8] >> (at % 8)
		for i, v := range k.book.code[k.try.member[at/dims]][:dims] {
			level := s * float64(v)
			if sign>>i&1 != 0 {
				level = -level
			}
			f(at+i, level, float64(k.x[at+i]), float64(k.w[at+i]))
		}
	}
}

// offer keeps the try if it is the best so far.
func (k *gridSearch) offer() {
	sum, d := 0.0, float64(halfValue(k.try.d))
	k.each(func(at int, level, x, w float64) {
		e := x - float64(d*level)
		sum += float64(w * float64(e*e))
	})
	if sum < k.loss {
		k.best, k.loss = k.try, sum
	}
}

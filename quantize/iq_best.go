package quantize

import (
	"math"

	"quern/internal/kernel"
)

// The default search of the types with codebooks. It works on what decoders have, not on a lattice near it. A sweep of scales
// brings every group's weights into the codebook and remembers for each what a least-squares fit needs, so that a group's
// error at any other scale is known nearly; with that it chooses the half and the groups' scales together. Then the members
// are taken anew for the scales that came out and for those beside them, and the half refitted. llama-quantize's block
// is looked at where the search did not end near what is possible, and members that are not near where much is at stake.

const (
	gridLowest  = 0.3 // scales of a sweep: of what takes the largest magnitude to the highest level
	gridHighest = 1.3
	gridSweep   = 12

	seekPart = 64 // a point is looked at among all members where that part of what its block loses is at stake
)

var gridScales = sweepScales(gridLowest, gridHighest, gridSweep)

// sweepScales are evenly spread.
func sweepScales(lowest, highest float32, n int) []float32 {
	s := make([]float32, n)
	for t := range s {
		s[t] = between(lowest, highest, t, n)
	}
	return s
}

// A gridGroup is a group under search.
type gridGroup struct {
	whole float32 // the unit of its magnitudes
	heavy float32 // the unit of what their errors count for
	fits  scaleFits
	p, q  float64 // Σ w·x·code and Σ w·code² of what the try has
}

// A gridSearch is a super-block under search.
type gridSearch struct {
	c          *gridCoder
	book       *gridBook
	room       *candidates
	x, w       [super]float32
	unit, heft [super]float32 // magnitudes, and what their errors count for, in units of their groups
	sign       [super / 8]uint8
	group      [groups16]gridGroup
	tops       groupTops
	energy     blockEnergy
	try, best  gridBlock
	at         [super / 4]uint8 // the candidate of each point that the try has
	loss       float64
	importance []float32
}

func (c *gridCoder) encode(dst []byte, src, importance []float32) {
	k, ok := c.searches.Get().(*gridSearch)
	if !ok {
		value := floats(c.book.ready().value, 0)[:c.book.levels]
		k = &gridSearch{c: c, book: c.book, room: newCandidates(c.book, value, gridLowest, gridHighest)}
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
	k.loss, k.try = math.Inf(1), gridBlock{}
	k.load()
	for g := range super / k.c.group {
		k.sweep(g)
	}
	if d := k.choose(); d != 0 {
		k.try.d = smallHalf(d)
		for round := range 2 {
			k.settle()
			if round == 0 {
				k.seek()
			}
			sums := k.sums()
			k.offer(sums)
			k.try.d = smallHalf(sums.best(0)) // members are chosen for the scale that suits them, not for the one they are stored with
		}
	}
	explained := 0.0
	for g := range super / k.c.group {
		explained += k.group[g].fits.explained
	}
	if !k.energy.plain(k.loss, explained, k.c.along, 1.05) {
		k.c.ggmlBlock(&k.try, k.x[:], k.importance)
		k.try.d = finiteBits(k.try.d)
		k.offer(k.sumsAnew())
	}
}

// A blockEnergy is what the weights of a block add to its error if they become zeros.
type blockEnergy struct{ sum, top float64 }

// plain says that llama-quantize's block need not be looked at, which costs more than the whole search: the loss is within so
// much of what it would be if groups had scales of their own, and no single weight decides the block. Ordinary blocks
// lose a few hundredths more than that, llama-quantize's a tenth or two; where importance is as uneven as it gets, three of llama-quantize's
// in a hundred are better by up to three hundredths, whether the search is near to that or not.
func (b *blockEnergy) plain(loss, explained, along, near float64) bool {
	sums := alongSums{s: b.sum}
	return loss <= near*sums.least(explained, along) && b.top <= b.sum/4
}

// load takes signs off, and with parity turns the sign that is cheapest to turn where an odd number is negative. Groups of almost nothing
// have the lowest levels.
func (k *gridSearch) load() {
	n := k.c.group
	k.energy = k.tops.take(k.x[:], k.w[:], n)
	low, high := float64(k.book.value[0]), float32(k.book.value[k.book.levels-1])
	for g := range super / n {
		group, top := &k.group[g], absolute(k.tops.top[g])
		*group = gridGroup{}
		if top > tinyGroup {
			group.whole, group.heavy = top/high, max(k.tops.heavy[g], 1e-37)
		} else {
			for _, v := range k.w[g*n:][:n] {
				group.q += float64(v) * float64(low*low)
			}
		}
		k.tops.factor[g], k.tops.lighter[g] = inverse(group.whole), inverse(group.heavy)
	}
	k.tops.units(k.unit[:], k.heft[:], k.x[:], k.w[:], n, true)
	if k.c.parity {
		kernel.EvenSigns(k.sign[:], k.unit[:], k.x[:], k.w[:])
		return
	}
	for p := range k.sign {
		k.sign[p] = signs((*[8]float32)(k.x[8*p:]))
	}
}

// signs has a bit for each weight that is negative.
func signs(x *[8]float32) (bits uint8) {
	for i, v := range x {
		if v < 0 {
			bits |= 1 << i
		}
	}
	return bits
}

// sweep fits the group at scales around the one that takes the largest magnitude to the highest level.
func (k *gridSearch) sweep(g int) {
	group, n := &k.group[g], k.c.group
	if group.whole == 0 {
		return
	}
	dims := k.book.dims
	k.room.fill(g*n/dims, k.unit[g*n:][:n], k.heft[g*n:][:n])
	group.fits.begin(1, gridLowest, gridHighest, group.whole, gridSweep)
	lx, l2 := k.room.pick(g*n/dims, n/dims, gridScales)
	for t := range lx {
		group.fits.add(group.sums(lx[t], l2[t]))
	}
}

// sums are those of a pick in ordinary units.
func (g *gridGroup) sums(lx, l2 float32) (p, q float64) {
	heavy := float64(g.heavy)
	return float64(lx) / 2 * float64(float64(g.whole)*heavy), float64(l2) * heavy
}

// of is an error in units of the group.
func (g *gridGroup) of(loss float64) float32 {
	return float32(loss / (float64(float64(g.whole)*float64(g.whole)) * float64(g.heavy)))
}

// choose returns the half that suits all groups best by what the sweeps know, and leaves the integers of the groups' scales.
func (k *gridSearch) choose() float64 {
	var fits [groups16]*scaleFits
	n := super / k.c.group
	for g := range n {
		fits[g] = &k.group[g].fits
	}
	return chooseHalf(fits[:n], k.try.scale[:n], float64(k.c.unit), 15)
}

// settle takes members anew for the scales of the try, and for those beside them, and keeps the best.
func (k *gridSearch) settle() {
	unit := float64(k.c.unit) * float64(halfValue(k.try.d)) // of which groups have odd multiples
	dims, n := k.book.dims, k.c.group
	points := n / dims
	for g := range super / n {
		group := &k.group[g]
		if group.fits.n == 0 {
			continue
		}
		var step [kernel.GridScales]uint8
		var scale [kernel.GridScales]float32
		for t := range step {
			step[t] = uint8(min(max(int(k.try.scale[g])+t-1, 0), 15))
			scale[t] = float32(unit * float64(2*int(step[t])+1) / float64(group.whole))
		}
		lx, l2 := k.room.pick(g*points, points, scale[:])
		least, found := math.Inf(1), 0
		for t, s := range step {
			u := unit * float64(2*int(s)+1)
			p, q := group.sums(lx[t], l2[t])
			if e := u * (float64(u*q) - 2*p); e < least {
				least, found = e, t
				k.try.scale[g], group.p, group.q = s, p, q
			}
		}
		for i := range points {
			k.at[g*points+i] = uint8(k.room.chosen(i, points, found))
			k.try.member[g*points+i] = k.room.member(g*points+i, int(k.at[g*points+i]))
		}
		copy(k.try.sign[g*n/8:(g+1)*n/8], k.sign[g*n/8:(g+1)*n/8])
	}
}

// seek looks at all members for points that could lose less by a part of what the block loses: where weights are uneven, what is
// near is not what is good.
func (k *gridSearch) seek() {
	unit := float64(k.c.unit) * float64(halfValue(k.try.d))
	dims, n := k.book.dims, k.c.group
	points := n / dims
	sums := k.sums()
	part := sums.loss(float64(halfValue(k.try.d)), 0) / seekPart
	for g := range super / n {
		group := &k.group[g]
		if group.fits.n == 0 {
			continue
		}
		scale := min(float32(unit*float64(2*int(k.try.scale[g])+1)/float64(group.whole)), farScale)
		worth, free := group.of(part), k.room.free(k.unit[g*n:][:n], k.heft[g*n:][:n], scale)
		for i := range points {
			at := g*n + i*dims
			x, w := k.unit[at:][:dims], k.heft[at:][:dims]
			p, q := k.room.sums(g*points+i, int(k.at[g*points+i]))
			gain := p - float32(scale*q)
			if free[i]-float32(scale*gain) <= worth {
				continue
			}
			if m, p2, q2, ok := k.room.seek(g*points+i, x, w, scale, gain); ok {
				k.try.member[g*points+i] = m
				dp, dq := group.sums(p2-p, q2-q)
				group.p += dp
				group.q += dq
			}
		}
	}
}

// sums are those of the try as it was settled.
func (k *gridSearch) sums() alongSums {
	a := alongSums{s: k.energy.sum}
	for g := range super / k.c.group {
		s := float64(k.c.scaleOf(1, k.try.scale[g]))
		a.p += float64(s * k.group[g].p)
		a.q += float64(float64(s*s) * k.group[g].q)
	}
	return a
}

// sumsAnew are those of any try.
func (k *gridSearch) sumsAnew() (a alongSums) {
	dims := k.book.dims
	for at := 0; at < super; at += dims {
		s := float64(k.c.scaleOf(1, k.try.scale[at/k.c.group]))
		sign := k.try.sign[at/8] >> (at % 8)
		for i, v := range k.book.code[k.try.member[at/dims]][:dims] {
			level := s * float64(v)
			if sign>>i&1 != 0 {
				level = -level
			}
			a.add(float64(k.w[at+i]), float64(k.x[at+i]), level)
		}
	}
	return a
}

// offer keeps the try if it is the best so far, with its half or with the one that suits it best.
func (k *gridSearch) offer(sums alongSums) {
	if d, loss := sums.suit(k.try.d, k.c.along); loss < k.loss {
		k.best, k.loss = k.try, loss
		k.best.d = d
	}
}
